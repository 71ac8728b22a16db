/// When sampling is on: time is cut into windows of equal length, and before each chance decides whether it is sampled, so
/// that many hosts share the cost of a profile. What is sampled counts as it is: sums are those of the sampled windows.
struct SamplingWindows {
    private let lengthNanoseconds: UInt64
    /// Of 100 windows so many are sampled, on average.
    private let percent: Int
    private var end: UInt64 = 0
    private(set) var isOn = true

    init(_ options: EngineOptions) {
        lengthNanoseconds = max(1, options.samplingWindowNanoseconds)
        percent = options.sampledWindowsPercent
    }

    /// - Parameter now: CLOCK_MONOTONIC; never before that of an earlier call.
    /// - Returns: whether sampling is to be on from now on.
    mutating func update(now: UInt64, using generator: inout some RandomNumberGenerator) -> Bool {
        guard percent < 100 else { return true }
        guard now >= end else { return isOn }
        end = now &+ lengthNanoseconds
        isOn = Int.random(in: 0..<100, using: &generator) < percent
        return isOn
    }
}
