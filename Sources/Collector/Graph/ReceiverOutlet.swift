import Synchronization

/// Between a receiver that outlives a reload and the pipelines that it feeds, which are exchanged behind it.
///
/// While it is held, batches wait: the receiver's own bounded queue decides what happens to those that follow.
final class ReceiverOutlet: Consumer {
    private enum Gate {
        case open(any Consumer)
        case held
        case closed
    }

    private struct State {
        var gate: Gate
        /// Batches that are in the pipelines now.
        var underWay = 0
        /// Batches that wait for the gate.
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// Those who wait until nothing is under way.
        var drains: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ next: any Consumer) {
        state = Mutex(State(gate: .open(next)))
    }

    func consume(_ telemetry: Telemetry) async throws {
        let next = try await enter()
        defer { leave() }
        try await next.consume(telemetry)
    }

    /// Lets nothing more through, and returns when nothing is under way any more.
    func hold() async {
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                state.gate = .held
                if state.underWay == 0 { return true }
                state.drains.append(continuation)
                return false
            }
            if isDrained { continuation.resume() }
        }
    }

    /// Lets everything through to `next`.
    func open(_ next: any Consumer) { set(.open(next)) }

    /// Refuses everything from now on.
    func close() { set(.closed) }

    private func set(_ gate: Gate) {
        let waiting = state.withLock { state in
            state.gate = gate
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func enter() async throws -> any Consumer {
        while true {
            let gate = state.withLock { state in
                if case .open = state.gate { state.underWay += 1 }
                return state.gate
            }
            switch gate {
            case .open(let next): return next
            case .closed: throw CollectorError("the pipelines have been stopped")
            case .held:
                await withCheckedContinuation { continuation in
                    let isHeld = state.withLock { state in
                        guard case .held = state.gate else { return false }
                        state.waiting.append(continuation)
                        return true
                    }
                    if !isHeld { continuation.resume() }
                }
            }
        }
    }

    private func leave() {
        let drains = state.withLock { state in
            state.underWay -= 1
            guard state.underWay == 0 else { return [] as [CheckedContinuation<Void, Never>] }
            defer { state.drains = [] }
            return state.drains
        }
        for continuation in drains { continuation.resume() }
    }
}

/// A running receiver that the pipelines of the next configuration may take over as it is.
struct RetainedReceiver: Sendable {
    var component: any RetainableReceiver
    var outlet: ReceiverOutlet
    /// Of its configuration: only an equal one may take it over.
    var fingerprint: String
}
