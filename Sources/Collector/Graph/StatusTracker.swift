import Synchronization

/// Keeps the status of every component instance, tells those who watch, and passes on fatal errors.
final class StatusTracker: Sendable {
    private struct State {
        var statuses: [ComponentInstanceID: ComponentStatus] = [:]
        var watchers: [any Extension] = []
    }

    private let state = Mutex(State())
    private let onFatalError: @Sendable (ComponentInstanceID, any Error) -> Void

    init(onFatalError: @escaping @Sendable (ComponentInstanceID, any Error) -> Void) {
        self.onFatalError = onFatalError
    }

    /// Sets who is told from now on; they are told the present status of what already runs.
    func setWatchers(_ watchers: [any Extension]) {
        let statuses = state.withLock { state in
            state.watchers = watchers
            return state.statuses
        }
        for (instance, status) in statuses.sorted(by: { $0.key.description < $1.key.description }) {
            let event = ComponentStatusEvent(instance: instance, status: status)
            for watcher in watchers { watcher.componentStatusChanged(event) }
        }
    }

    /// Forgets what has stopped or never ran, so that another of the same id may begin its life.
    func forgetStopped() {
        state.withLock { state in
            state.statuses = state.statuses.filter { _, status in
                switch status {
                case .stopped, .stopping, .permanentError, .fatalError: false
                case .starting, .ok, .recoverableError: true
                }
            }
        }
    }

    func status(of instance: ComponentInstanceID) -> ComponentStatus? {
        state.withLock { $0.statuses[instance] }
    }

    var statuses: [ComponentInstanceID: ComponentStatus] { state.withLock { $0.statuses } }

    /// Records a step of the instance's life; steps that its state machine does not have are ignored.
    func report(_ status: ComponentStatus, for instance: ComponentInstanceID) {
        let watchers: [any Extension]? = state.withLock { state in
            if let current = state.statuses[instance] {
                // Saying the same good thing twice is no event.
                if case .ok = current, case .ok = status { return nil }
                guard current.canBecome(status) else { return nil }
            } else {
                guard case .starting = status else { return nil }
            }
            state.statuses[instance] = status
            return state.watchers
        }
        guard let watchers else { return }
        let event = ComponentStatusEvent(instance: instance, status: status)
        for watcher in watchers { watcher.componentStatusChanged(event) }
        if case .fatalError(let error) = status { onFatalError(instance, error) }
    }
}

/// What one component instance sees of the Collector.
struct InstanceHost: Host {
    let instance: ComponentInstanceID
    let tracker: StatusTracker
    let extensions: [ComponentID: any Extension]
    var describeCollector: (@Sendable () -> CollectorState)? = nil

    var collector: CollectorState? { describeCollector?() }

    func report(_ status: ComponentStatus) { tracker.report(status, for: instance) }

    func runningExtension(_ id: ComponentID) -> (any Extension)? { extensions[id] }
}
