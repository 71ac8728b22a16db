import Synchronization

/// Lets something happen once in an interval, the first time at once, and counts what it held back.
final class RateLimit: Sendable {
    private struct State {
        var next: ContinuousClock.Instant?
        var heldBack = 0

        mutating func take() -> Int {
            defer { heldBack = 0 }
            return heldBack
        }
    }

    private let interval: Duration
    private let state = Mutex(State())

    init(_ interval: Duration) {
        self.interval = interval
    }

    /// - Parameter count: How many things it stands for.
    /// - Returns: How many were held back since the last that was let through; nil if this is held back, too.
    func pass(_ count: Int = 1) -> Int? {
        let now = ContinuousClock.now
        return state.withLock { state in
            if let next = state.next, now < next {
                state.heldBack += count
                return nil
            }
            state.next = now + interval
            return state.take()
        }
    }

    /// How many were held back and not told yet.
    func rest() -> Int { state.withLock { $0.take() } }
}
