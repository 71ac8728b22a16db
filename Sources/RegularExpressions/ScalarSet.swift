/// A set of Unicode code points: a character class.
///
/// Code points are `UInt32` and not `Unicode.Scalar`, because classes may name surrogates, which no text has.
struct ScalarSet: Hashable, Sendable {
    static let highest: UInt32 = 0x10FFFF

    /// Ascending, with gaps between them.
    let ranges: [ClosedRange<UInt32>]
    /// A bit for each of the first 128 code points.
    private let ascii: (low: UInt64, high: UInt64)

    /// - Parameter ranges: In any order, overlapping or not.
    init(_ ranges: [ClosedRange<UInt32>]) {
        self.init(sorted: Self.merged(ranges))
    }

    private init(sorted ranges: [ClosedRange<UInt32>]) {
        self.ranges = ranges
        var (low, high): (UInt64, UInt64) = (0, 0)
        for range in ranges where range.lowerBound < 128 {
            for scalar in range.lowerBound...min(range.upperBound, 127) {
                if scalar < 64 { low |= 1 << UInt64(scalar) } else { high |= 1 << UInt64(scalar - 64) }
            }
        }
        ascii = (low, high)
    }

    static let all = ScalarSet([0...highest])

    var inverted: ScalarSet {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= Self.highest { gaps.append(next...Self.highest) }
        return ScalarSet(sorted: gaps)
    }

    /// The set's member, if it has just one.
    var onlyScalar: UInt32? {
        ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil
    }

    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return ascii.low >> UInt64(scalar) & 1 != 0 }
        if scalar < 128 { return ascii.high >> UInt64(scalar - 64) & 1 != 0 }
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= scalar
    }

    private static func merged(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    static func == (one: Self, other: Self) -> Bool { one.ranges == other.ranges }
    func hash(into hasher: inout Hasher) { hasher.combine(ranges) }
}

/// Gathers a class piece by piece; memory stays within a small multiple of the result's.
struct ScalarSetBuilder {
    private var ranges: [ClosedRange<UInt32>] = []
    private var limit = 4096

    mutating func insert(_ range: ClosedRange<UInt32>) {
        ranges.append(range)
        if ranges.count > limit { compact() }
    }

    mutating func insert(_ set: ScalarSet) {
        ranges += set.ranges
        if ranges.count > limit { compact() }
    }

    private mutating func compact() {
        ranges = ScalarSet(ranges).ranges
        limit = 4096 + 2 * ranges.count
    }

    func build() -> ScalarSet { ScalarSet(ranges) }
}
