/// How two profilers' distributions of self time differ.
struct SelfTime: Sendable, CustomStringConvertible {
    /// Total variation distance: the share of the time that one of them has elsewhere; 0...1.
    let distance: Double
    /// The distance that two honest samples of these sizes have on average.
    let expected: Double
    let counts: (Int, Int)
    private let largest: [(name: String, shares: (Double, Double))]

    init(_ first: [ProofSample], _ second: [ProofSample]) {
        let (one, other) = (Self.leaves(first), Self.leaves(second))
        let m = Double(max(1, one.values.reduce(0, +)))
        let n = Double(max(1, other.values.reduce(0, +)))
        var distance = 0.0
        var expected = 0.0
        var rows: [(name: String, shares: (Double, Double))] = []
        for name in Set(one.keys).union(other.keys) {
            let shares = (Double(one[name] ?? 0) / m, Double(other[name] ?? 0) / n)
            distance += abs(shares.0 - shares.1) / 2
            let pooled = (Double(one[name] ?? 0) + Double(other[name] ?? 0)) / (m + n)
            // The mean of |x| of a normal x is √(2/π) of its standard deviation.
            expected += (2 / Double.pi * pooled * (1 - pooled) * (1 / m + 1 / n)).squareRoot() / 2
            rows.append((name, shares))
        }
        self.distance = distance
        self.expected = expected
        counts = (Int(m), Int(n))
        largest = rows.sorted { abs($0.shares.0 - $0.shares.1) > abs($1.shares.0 - $1.shares.1) }
    }

    /// By the file that the innermost frame of user space lies in. Not by function: of files without symbols the two
    /// name code by different neighbours.
    private static func leaves(_ samples: [ProofSample]) -> [String: Int] {
        var counts: [String: Int] = [:]
        for sample in samples {
            guard let leaf = sample.frames.first, !leaf.isKernel, !leaf.isMarker else { continue }
            let object = leaf.object == "[native]" ? "[anonymous]" : leaf.object
            counts[object, default: 0] += sample.weight
        }
        return counts
    }

    var description: String {
        func percent(_ share: Double) -> String { "\((share * 10_000).rounded() / 100) %" }
        return "distance \(percent(distance)), \(percent(expected)) by chance, of \(counts.0) and \(counts.1) samples; "
            + largest.prefix(4).map { "\($0.name) \(percent($0.shares.0)) and \(percent($0.shares.1))" }
            .joined(separator: ", ")
    }
}
