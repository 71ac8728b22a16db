import Collector
import Synchronization

/// The component's status: reported when it changes.
final class StatusReport: Sendable {
    private struct State {
        var host: (any Host)?
        var isFailing = false
    }

    private let state = Mutex(State())

    func begin(_ host: any Host) { state.withLock { $0.host = host } }

    func update(_ failure: (any Error)?) {
        let host = state.withLock { state -> (any Host)? in
            guard state.isFailing != (failure != nil) else { return nil }
            state.isFailing = failure != nil
            return state.host
        }
        host?.report(failure.map { .recoverableError($0) } ?? .ok)
    }
}

/// Remembers what has been said once.
final class Notices: Sendable {
    private let said = Mutex<Set<String>>([])
    /// Texts come from foreign data.
    private static let maximumCount = 1000

    func isFirst(_ text: String) -> Bool {
        said.withLock { $0.count < Self.maximumCount && $0.insert(text).inserted }
    }
}
