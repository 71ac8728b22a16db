import Logging
import Synchronization

/// What the program calls itself.
public struct BuildInformation: Sendable, Hashable {
    public var command: String
    public var description: String
    public var version: String

    public init(command: String, description: String, version: String) {
        self.command = command
        self.description = description
        self.version = version
    }
}

/// What a component is given when it is made.
public struct ComponentContext: Sendable {
    public let kind: ComponentKind
    public let id: ComponentID
    /// Carries the component's id, kind and signal in every record.
    public let logger: Logger
    public let build: BuildInformation
    /// The Collector's own metrics; names as in the OpenTelemetry Collector, for example
    /// `otelcol_exporter_sent_profile_samples`.
    public let metrics: MetricsRegistry
    /// One per configured component id, the same for all its instances: lets the instances for several signals share
    /// one server or client.
    public let shared: SharedInstances

    public init(
        kind: ComponentKind, id: ComponentID, logger: Logger, build: BuildInformation, metrics: MetricsRegistry,
        shared: SharedInstances = SharedInstances()
    ) {
        self.kind = kind
        self.id = id
        self.logger = logger
        self.build = build
        self.metrics = metrics
        self.shared = shared
    }
}

/// Objects that the instances of one configured component have in common.
public final class SharedInstances: Sendable {
    private let values = Mutex<[ObjectIdentifier: any Sendable]>([:])

    public init() {}

    /// The shared object of that type, made by the first caller. Reference types only make sense here.
    public func value<Value: AnyObject & Sendable>(
        of type: Value.Type = Value.self, make: () throws -> Value
    ) rethrows -> Value {
        try values.withLock { values in
            if let value = values[ObjectIdentifier(type)] as? Value { return value }
            let value = try make()
            values[ObjectIdentifier(type)] = value
            return value
        }
    }
}
