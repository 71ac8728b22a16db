/// Code points grouped so that the program treats all of a group alike: what the automaton's transitions are made for.
struct Alphabet: Sendable {
    /// Groups; the text's end is one more, with this number.
    private(set) var count = 1
    /// The group of each of the first 128 code points.
    private(set) var ascii: [UInt32] = []
    /// Where intervals of one group begin, ascending from 0.
    private var starts: [UInt32]
    private var groups: [UInt32]
    /// A member of each group.
    private(set) var representatives: [UInt32] = []

    init(_ program: Program) {
        var sets = program.sets
        let literals = Set(program.instructions.lazy.filter { $0.operation == .literal }.map(\.argument))
        sets += literals.sorted().map { ScalarSet([$0...$0]) }
        // Assertions ask for newlines and word characters.
        if program.hasAssertions { sets += [NamedClasses.newline, NamedClasses.word] }

        var boundaries: Set<UInt32> = [0]
        for set in sets {
            for range in set.ranges {
                boundaries.insert(range.lowerBound)
                if range.upperBound < ScalarSet.highest { boundaries.insert(range.upperBound + 1) }
            }
        }
        starts = boundaries.sorted()
        groups = [UInt32](repeating: 0, count: starts.count)
        split(by: sets)
        representatives = [UInt32](repeating: 0, count: count)
        for (start, group) in zip(starts, groups) { representatives[Int(group)] = start }
        ascii = (0..<128).map { groups[interval(of: $0)] }
    }

    /// The group of a code point.
    func group(of scalar: UInt32) -> UInt32 {
        scalar < 128 ? ascii[Int(scalar)] : groups[interval(of: scalar)]
    }

    /// The last interval that does not begin behind the code point.
    private func interval(of scalar: UInt32) -> Int {
        var (low, high) = (0, starts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= scalar { low = middle } else { high = middle }
        }
        return low
    }

    /// Splits the one group that there is until no set has a part of one.
    private mutating func split(by sets: [ScalarSet]) {
        var sizes = [starts.count]
        // By group: how many of its intervals the set has, and which group these then belong to.
        var touched = [Int](repeating: 0, count: starts.count)
        var successors = [Int?](repeating: nil, count: starts.count)
        var split: [Int] = []
        for set in sets {
            let inside = intervals(of: set)
            // A set and what is outside of it split alike: the smaller one is less work.
            let members = inside.reduce(0) { $0 + $1.count }
            let parts = 2 * members > starts.count ? intervals(of: set.inverted) : inside
            for index in parts.joined() { touched[Int(groups[index])] += 1 }
            for index in parts.joined() {
                let group = Int(groups[index])
                if successors[group] == nil {
                    // A group that lies inside as a whole stays; of another, this part becomes a group of its own.
                    let isWhole = touched[group] == sizes[group]
                    successors[group] = isWhole ? group : sizes.count
                    if !isWhole {
                        sizes[group] -= touched[group]
                        sizes.append(touched[group])
                    }
                    split.append(group)
                }
                groups[index] = UInt32(successors[group] ?? group)
            }
            for group in split { (touched[group], successors[group]) = (0, nil) }
            split.removeAll(keepingCapacity: true)
        }
        count = sizes.count
    }

    private func intervals(of set: ScalarSet) -> [Range<Int>] {
        set.ranges.map { range in
            interval(of: range.lowerBound)..<interval(of: range.upperBound) + 1
        }
    }
}
