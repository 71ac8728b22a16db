import Synchronization

/// Waits that all end at once when the exporter shuts down.
public final class InterruptibleSleep: Sendable {
    private struct State {
        var isInterrupted = false
        var sleeps: [UInt64: Task<Void, any Error>] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    public init() {}

    public var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    /// - Returns: True if the whole time has passed, false if the wait was cut short.
    public func sleep(for duration: Duration) async -> Bool {
        let sleep = Task { try await Task.sleep(for: duration) }
        let id = state.withLock { state -> UInt64? in
            guard !state.isInterrupted else { return nil }
            state.nextID += 1
            state.sleeps[state.nextID] = sleep
            return state.nextID
        }
        guard let id else {
            sleep.cancel()
            return false
        }
        let result = await withTaskCancellationHandler {
            await sleep.result
        } onCancel: {
            sleep.cancel()
        }
        _ = state.withLock { $0.sleeps.removeValue(forKey: id) }
        switch result {
        case .success: return true
        case .failure: return false
        }
    }

    /// Ends all waits, and all that begin later at once.
    public func interrupt() {
        let sleeps = state.withLock { state in
            state.isInterrupted = true
            return state.sleeps.values.map { $0 }
        }
        for sleep in sleeps { sleep.cancel() }
    }
}
