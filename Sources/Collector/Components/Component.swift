import Logging

/// Anything with a life: it is started once, and shut down once if its start succeeded.
///
/// A component must not block Swift's cooperative thread pool; blocking work belongs on a thread of its own.
public protocol Component: Sendable {
    /// Begins work. When this returns, the component is ready for `consume`.
    ///
    /// Everything downstream has been started before, everything upstream has not. `start` must return; work that
    /// lasts belongs in a task or thread that `shutdown` ends.
    /// - Throws: An error that says what is wrong and what to do; the Collector then stops what it had started and
    ///   exits with code 1.
    func start(host: any Host) async throws

    /// Hands on what is still held back, then ends all work. Everything downstream still runs when this is called.
    func shutdown() async throws
}

extension Component {
    public func start(host: any Host) async throws {}
    public func shutdown() async throws {}
}

/// Takes batches of telemetry.
public protocol Consumer: Sendable {
    /// Takes one batch; returning means having it or having handed it on.
    ///
    /// The batch is a value: a consumer that wants to change it changes its own copy.
    /// - Throws: `PermanentError` if the same batch can never be accepted; any other error may be retried by the
    ///   caller.
    func consume(_ telemetry: Telemetry) async throws
}

public protocol Receiver: Component {}

/// A receiver that goes on over a reload if its own part of the configuration is the same afterwards: it is neither
/// shut down nor started again, and its data waits while the pipelines behind it are exchanged.
public protocol RetainableReceiver: Receiver {}

public protocol Processor: Component, Consumer {}
public protocol Exporter: Component, Consumer {}
/// The exporter of one pipeline and the receiver of another.
public protocol Connector: Component, Consumer {}

/// A component outside all pipelines. Extensions start before every pipeline and stop after all of them.
public protocol Extension: Component {
    /// All pipelines have started: data flows.
    func pipelinesAreReady() async throws
    /// The pipelines are about to be stopped.
    func pipelinesAreNotReady() async throws
    /// A component's status changed. Called from anywhere; must return at once.
    func componentStatusChanged(_ event: ComponentStatusEvent)
}

extension Extension {
    public func pipelinesAreReady() async throws {}
    public func pipelinesAreNotReady() async throws {}
    public func componentStatusChanged(_ event: ComponentStatusEvent) {}
}

/// A component's view of the Collector it runs in.
public protocol Host: Sendable {
    /// Reports a change of the calling component's own status. `.fatalError` makes the Collector shut down cleanly and
    /// exit with code 1.
    func report(_ status: ComponentStatus)
    /// The running extension of that id, or nil if `service::extensions` does not list it.
    func runningExtension(_ id: ComponentID) -> (any Extension)?
    /// All running extensions.
    var extensions: [ComponentID: any Extension] { get }
    /// What runs at the moment, for extensions that show it; nil for other components.
    var collector: CollectorState? { get }
}

extension Host {
    public var collector: CollectorState? { nil }
}

/// A failure that no retry can mend: the batch is refused for good.
public struct PermanentError: Error, CustomStringConvertible {
    public let underlying: any Error

    public init(_ underlying: any Error) {
        self.underlying = underlying
    }

    public init(_ message: String) {
        self.underlying = CollectorError(message)
    }

    public var description: String { "Permanent error: \(underlying)" }

    /// True if the error, or one of the errors joined in it, is permanent.
    public static func isPermanent(_ error: any Error) -> Bool {
        if error is PermanentError { return true }
        if let joined = error as? JoinedError { return joined.errors.contains(where: isPermanent) }
        return false
    }
}

/// An error that is a sentence for the user.
public struct CollectorError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}

/// Several independent failures; printed one a line.
public struct JoinedError: Error, CustomStringConvertible {
    public let errors: [any Error]

    public var description: String { errors.map { "\($0)" }.joined(separator: "\n") }

    /// Nil for no errors, the error itself for one.
    public static func joining(_ errors: [any Error]) -> (any Error)? {
        switch errors.count {
        case 0: nil
        case 1: errors[0]
        default: JoinedError(errors: errors)
        }
    }
}
