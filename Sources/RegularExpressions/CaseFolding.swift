/// Unicode's simple case folding: which code points are the same letter, such as `k`, `K` and the Kelvin sign.
enum CaseFolding {
    /// Code points that have others of the same letter, ascending, each with all of them including itself.
    private static let orbits: [(scalar: UInt32, orbit: [UInt32])] = {
        var members: [UInt32: [UInt32]] = [:]
        for run in UnicodeTables.foldings.split(whereSeparator: \.isWhitespace) {
            // first-last/step±distance
            let parts = run.split(maxSplits: 3, omittingEmptySubsequences: true) { "-/+".contains($0) }
            guard parts.count == 4, let first = UInt32(parts[0], radix: 16), let last = UInt32(parts[1], radix: 16),
                let step = UInt32(parts[2]), let size = Int64(parts[3], radix: 16)
            else { preconditionFailure("generated table of case foldings: \(run)") }
            let distance = run.contains("+") ? size : -size
            for scalar in stride(from: first, through: last, by: Int(step)) {
                let folded = UInt32(Int64(scalar) + distance)
                members[folded, default: [folded]].append(scalar)
            }
        }
        return members.values.flatMap { orbit in orbit.map { ($0, orbit) } }.sorted { $0.scalar < $1.scalar }
    }()

    /// The index of the first entry that is not below `scalar`.
    private static func firstIndex(from scalar: UInt32) -> Int {
        var (low, high) = (0, orbits.count)
        while low < high {
            let middle = (low + high) / 2
            if orbits[middle].scalar < scalar { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// All code points that are the same letter, or just the given one.
    static func variants(of scalar: UInt32) -> [UInt32] {
        let index = firstIndex(from: scalar)
        return index < orbits.count && orbits[index].scalar == scalar ? orbits[index].orbit : [scalar]
    }

    /// The set with every variant of its members.
    static func folded(_ set: ScalarSet) -> ScalarSet {
        var builder = ScalarSetBuilder()
        builder.insert(set)
        for range in set.ranges {
            var index = firstIndex(from: range.lowerBound)
            while index < orbits.count, orbits[index].scalar <= range.upperBound {
                for variant in orbits[index].orbit where !range.contains(variant) { builder.insert(variant...variant) }
                index += 1
            }
        }
        return builder.build()
    }
}
