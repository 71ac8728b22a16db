import Glibc
import Processes

/// The distance between CLOCK_MONOTONIC, which the kernel side stamps samples with, and UTC.
struct ClockOffset: Sendable {
    /// Added to monotonic nanoseconds it gives nanoseconds since 1970.
    private(set) var nanoseconds: Int64

    /// Measures it: the best of five readings, whose two monotonic times lie closest.
    init() {
        var best: (distance: UInt64, offset: Int64) = (.max, 0)
        for _ in 0..<5 {
            let before = monotonicNanoseconds()
            let real = ClockOffset.utcNanoseconds()
            let after = monotonicNanoseconds()
            let distance = after &- before
            if distance < best.distance {
                best = (distance, Int64(bitPattern: real &- before &- distance / 2))
            }
        }
        nanoseconds = best.offset
    }

    func unix(_ monotonic: UInt64) -> UInt64 { monotonic &+ UInt64(bitPattern: nanoseconds) }

    private static func utcNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
