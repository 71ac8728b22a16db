/// How long each interval lasts, in nanoseconds.
///
/// The first ones are short: whoever has just started the profiler waits for the first picture.
struct ReportSchedule {
    private let interval: UInt64
    private let jitter: Double
    private var begun = 0

    private static let firstIntervals: [UInt64] = [1_000_000_000, 2_000_000_000]
    private static let minimum: UInt64 = 1_000_000

    init(_ options: EngineOptions) {
        interval = options.reportIntervalNanoseconds
        jitter = options.reportJitter
    }

    /// Length of the interval that begins now.
    mutating func next() -> UInt64 {
        if begun < Self.firstIntervals.count {
            begun += 1
            return min(interval, Self.firstIntervals[begun - 1])
        }
        let length = Double(interval) * (1 + jitter * Double.random(in: -1...1))
        return max(Self.minimum, UInt64(exactly: length.rounded()) ?? interval)
    }
}
