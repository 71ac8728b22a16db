/// Finds the leftmost match and its groups: executes all paths at once, in order of preference, each with the places
/// that it remembers (Pike's method, as in https://swtch.com/~rsc/regexp/regexp2.html).
struct PikeVM {
    /// Paths in order of preference that stand before the same character.
    private struct Paths {
        var visited: InstructionSet
        /// Of those visited, the instructions that consume a character or are the match.
        var instructions: [UInt32] = []
        /// For each of them the slots' values.
        var slots: [Int] = []

        mutating func removeAll() {
            visited.removeAll()
            instructions.removeAll(keepingCapacity: true)
            slots.removeAll(keepingCapacity: true)
        }
    }

    /// Something to do yet while following paths.
    private enum Task {
        case follow(UInt32)
        /// Undoes a capture for the paths that did not take it.
        case restore(slot: Int, value: Int)
    }

    private let program: Program
    private var current: Paths
    private var next: Paths
    private var tasks: [Task] = []
    /// Slots of the path being followed; -1 where nothing was remembered.
    private var slots: [Int]
    /// Instructions visited so far.
    private(set) var steps = 0

    init(_ program: Program) {
        self.program = program
        current = Paths(visited: InstructionSet(capacity: program.instructions.count))
        next = current
        slots = []
    }

    /// - Parameter start: where the search begins, at most the text's length; what lies before it is still seen by
    ///   assertions.
    /// - Returns: offsets, two for each group, -1 for groups that took no part; nil if there is no match.
    mutating func firstMatch(_ text: UnsafeBufferPointer<UInt8>, from start: Int = 0) -> [Int]? {
        var best: [Int]?
        // Assertions tell bytes of ASCII apart, so one byte is enough of the character before.
        var (offset, before) = (start, start == 0 ? Neighbour.edge : Neighbour(UInt32(text[start - 1])))
        var scalar = Self.scalar(text, start)
        current.removeAll()
        while true {
            if current.instructions.isEmpty {
                // Nothing under way: what has been found stays, or the search goes on where the prefix is next.
                if best != nil || program.isAnchored && offset > 0 { return best }
                if !program.prefix.isEmpty {
                    guard let found = program.firstPrefix(in: text, from: offset) else { return nil }
                    (offset, scalar) = (found, Self.scalar(text, found))
                }
            }
            if best == nil, offset == 0 || !program.isAnchored {
                // A match may begin here, but those that began earlier are preferred.
                let holding = Assertions(before: before, after: scalar.neighbour)
                slots = [Int](repeating: -1, count: program.slots)
                slots[0] = offset
                follow(program.entry, offset, holding, into: \.current)
            }
            let end = offset + scalar.width
            let following = Self.scalar(text, end)
            let holding = Assertions(before: scalar.neighbour, after: following.neighbour)
            next.removeAll()
            for (place, index) in current.instructions.enumerated() {
                steps += 1
                let instruction = program.instructions[Int(index)]
                let range = place * program.slots..<(place + 1) * program.slots
                if instruction.operation == .match {
                    best = Array(current.slots[range])
                    best?[1] = offset
                    // Paths further down are less preferred.
                    break
                }
                if let value = scalar.value, program.consumes(instruction, value) {
                    slots.replaceSubrange(0..., with: current.slots[range])
                    follow(instruction.next, end, holding, into: \.next)
                }
            }
            guard scalar.value != nil else { return best }
            swap(&current, &next)
            (offset, before, scalar) = (end, scalar.neighbour, following)
        }
    }

    /// The character at an offset, or the text's end.
    private struct Character {
        var value: UInt32?
        var width: Int
        var neighbour: Neighbour
    }

    private static func scalar(_ text: UnsafeBufferPointer<UInt8>, _ offset: Int) -> Character {
        guard offset < text.count else { return Character(value: nil, width: 0, neighbour: .edge) }
        let scalar = text.decodeScalar(at: offset)
        return Character(value: scalar.value, width: scalar.width, neighbour: Neighbour(scalar.value))
    }

    /// Adds a path with the current slots, and all that it becomes without a character, preferred ones first.
    private mutating func follow(
        _ start: UInt32, _ offset: Int, _ holding: Assertions, into paths: WritableKeyPath<PikeVM, Paths>
    ) {
        tasks.append(.follow(start))
        while let task = tasks.popLast() {
            steps += 1
            switch task {
            case .restore(let slot, let value): slots[slot] = value
            case .follow(let index):
                guard self[keyPath: paths].visited.insert(index) else { continue }
                let instruction = program.instructions[Int(index)]
                switch instruction.operation {
                case .match, .literal, .set:
                    self[keyPath: paths].instructions.append(index)
                    self[keyPath: paths].slots.append(contentsOf: slots)
                case .assertion:
                    if holding.contains(Assertions(rawValue: UInt8(truncatingIfNeeded: instruction.argument))) {
                        tasks.append(.follow(instruction.next))
                    }
                case .capture:
                    let slot = Int(instruction.argument)
                    tasks.append(.restore(slot: slot, value: slots[slot]))
                    slots[slot] = offset
                    tasks.append(.follow(instruction.next))
                case .jump:
                    tasks.append(.follow(instruction.next))
                case .choice:
                    tasks.append(.follow(instruction.argument))
                    tasks.append(.follow(instruction.next))
                }
            }
        }
    }
}
