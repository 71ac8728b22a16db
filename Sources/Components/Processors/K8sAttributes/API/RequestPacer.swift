import Synchronization

/// Lets a number of requests go at once, and then so many a second.
final class RequestPacer: Sendable {
    private struct State {
        /// When the next request may go if none may go at once.
        var next: ContinuousClock.Instant
    }

    private let interval: Duration
    private let allowance: Duration
    private let state: Mutex<State>

    init(requestsPerSecond: Double, burst: Int, now: ContinuousClock.Instant = .now) {
        interval = .seconds(1 / max(requestsPerSecond, 0.001))
        allowance = interval * max(burst - 1, 0)
        state = Mutex(State(next: now - allowance))
    }

    /// How long a request that is wanted now must wait. Takes its place in the row.
    func delay(now: ContinuousClock.Instant) -> Duration {
        state.withLock { state in
            let start = max(state.next, now - allowance)
            state.next = start + interval
            return max(.zero, now.duration(to: start))
        }
    }

    func wait() async throws {
        let delay = delay(now: .now)
        if delay > .zero { try await Task.sleep(for: delay) }
    }
}
