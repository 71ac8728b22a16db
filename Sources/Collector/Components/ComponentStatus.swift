/// Where a component stands in its life.
///
/// `starting` → `ok`, `recoverableError`, `permanentError` or `fatalError` → `stopping` → `stopped`. `ok` and
/// `recoverableError` may follow each other any number of times.
public enum ComponentStatus: Sendable, CustomStringConvertible {
    case starting
    case ok
    /// Expected to pass; the component keeps trying.
    case recoverableError(any Error)
    /// The component does not work any more; the rest of the Collector goes on.
    case permanentError(any Error)
    /// The Collector cannot go on: it shuts down and exits with code 1.
    case fatalError(any Error)
    case stopping
    case stopped

    /// The status without its error, as the OpenTelemetry Collector spells it.
    public var name: String {
        switch self {
        case .starting: "StatusStarting"
        case .ok: "StatusOK"
        case .recoverableError: "StatusRecoverableError"
        case .permanentError: "StatusPermanentError"
        case .fatalError: "StatusFatalError"
        case .stopping: "StatusStopping"
        case .stopped: "StatusStopped"
        }
    }

    public var error: (any Error)? {
        switch self {
        case .recoverableError(let error), .permanentError(let error), .fatalError(let error): error
        case .starting, .ok, .stopping, .stopped: nil
        }
    }

    public var description: String { error.map { "\(name): \($0)" } ?? name }

    /// Whether the state machine allows the step from this status to `next`.
    func canBecome(_ next: ComponentStatus) -> Bool {
        switch (self, next) {
        case (.starting, .ok), (.starting, .recoverableError), (.starting, .permanentError), (.starting, .fatalError),
            (.starting, .stopping):
            true
        case (.ok, .ok), (.ok, .recoverableError), (.ok, .permanentError), (.ok, .fatalError), (.ok, .stopping):
            true
        case (.recoverableError, .ok), (.recoverableError, .recoverableError), (.recoverableError, .permanentError),
            (.recoverableError, .fatalError), (.recoverableError, .stopping):
            true
        case (.permanentError, .stopping), (.permanentError, .fatalError): true
        case (.fatalError, .stopping): true
        case (.stopping, .stopped), (.stopping, .recoverableError), (.stopping, .permanentError),
            (.stopping, .fatalError):
            true
        default: false
        }
    }
}

/// Which running instance an event is about: a component id can have one instance per signal.
public struct ComponentInstanceID: Sendable, Hashable, CustomStringConvertible {
    public var kind: ComponentKind
    public var id: ComponentID
    /// The signal of a receiver or exporter, the pipeline of a processor, `profiles_to_metrics` for a connector;
    /// empty for an extension.
    public var scope: String

    public init(kind: ComponentKind, id: ComponentID, scope: String = "") {
        self.kind = kind
        self.id = id
        self.scope = scope
    }

    public var description: String {
        scope.isEmpty ? "\(kind.rawValue) \"\(id)\"" : "\(kind.rawValue) \"\(id)\" (\(scope))"
    }
}

public struct ComponentStatusEvent: Sendable {
    public var instance: ComponentInstanceID
    public var status: ComponentStatus

    public init(instance: ComponentInstanceID, status: ComponentStatus) {
        self.instance = instance
        self.status = status
    }
}
