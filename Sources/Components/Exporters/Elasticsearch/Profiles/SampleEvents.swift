import OTLP

/// The events that a sample stands for. Value j belongs to timestamp j; a missing value counts 1. Values without
/// timestamps count at the profile's own time.
struct SampleEvents {
    private let times: [UInt64]
    private let values: [Int64]
    /// Of a sample without timestamps; used up at once.
    private var untimed: (time: UInt64, count: Int64)?
    private var position = 0
    /// Of the timestamp before `position`: what is left of its value.
    private var left: Int64 = 0
    /// Something was left out.
    private(set) var isCut = false

    init(_ sample: OTLPSample, _ profile: OTLPProfile) {
        times = sample.timestampsUnixNano
        values = sample.values
        if times.isEmpty { untimed = (profile.timeUnixNano, sample.weight) }
    }

    /// Some events that have the same time; nil if there are none left.
    /// - Parameter limit: 0 for no more at all.
    mutating func next(atMost limit: Int64) -> (time: UInt64, count: Int64)? {
        while left == 0 {
            if let untimed = untimed.take() {
                begin(untimed.count)
                position = -1
                time = untimed.time
            } else {
                guard position >= 0, position < times.count else { return nil }
                begin(values.indices.contains(position) ? values[position] : 1)
                time = times[position]
                position += 1
            }
        }
        guard limit > 0 else {
            isCut = true
            return nil
        }
        let count = min(left, limit)
        left -= count
        return (time, count)
    }

    private var time: UInt64 = 0

    private mutating func begin(_ count: Int64) {
        left = min(max(count, 0), ProfilesEncoder.maximumEventsOfValue)
        if count > left, count > 0 { isCut = true }
    }
}
