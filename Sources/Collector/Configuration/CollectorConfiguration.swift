/// The whole configuration, typed and checked.
public struct CollectorConfiguration: Sendable {
    public var receivers: [ComponentID: ConfiguredReceiver] = [:]
    public var processors: [ComponentID: ConfiguredProcessor] = [:]
    public var exporters: [ComponentID: ConfiguredExporter] = [:]
    public var connectors: [ComponentID: ConfiguredConnector] = [:]
    public var extensions: [ComponentID: ConfiguredExtension] = [:]
    public var service = ServiceConfiguration()
}

/// The section `service`.
public struct ServiceConfiguration: Sendable {
    public var extensions: [ComponentReference] = []
    public var pipelines: [PipelineID: PipelineConfiguration] = [:]
    public var telemetry = TelemetryConfiguration()
}

public struct PipelineConfiguration: Sendable {
    public var receivers: [ComponentReference] = []
    public var processors: [ComponentReference] = []
    public var exporters: [ComponentReference] = []
    public var location: SourceLocation?
}

/// An id where a component is used, not where it is configured.
public struct ComponentReference: Sendable, Hashable {
    public var id: ComponentID
    public var location: SourceLocation?

    public init(_ id: ComponentID, location: SourceLocation? = nil) {
        self.id = id
        self.location = location
    }
}

// MARK: - Configured components

// A factory and its decoded configuration, with the configuration's type hidden in a closure.

public struct ConfiguredReceiver: Sendable {
    public let type: String
    public let stability: [Signal: Stability]
    /// Equal for equal configurations, secrets included.
    let fingerprint: String
    let make: @Sendable (Signal, ComponentContext, any Consumer) async throws -> any Receiver

    init(_ factory: some ReceiverFactory, _ section: ConfigurationSection) {
        let configuration = factory.decode(section)
        type = factory.type
        stability = factory.stability
        fingerprint = ConfigurationNode(.map(section.map)).fingerprint
        make = {
            try await factory.makeReceiver(signal: $0, configuration: configuration, context: $1, next: $2)
        }
    }
}

public struct ConfiguredProcessor: Sendable {
    public let type: String
    public let stability: [Signal: Stability]
    let make: @Sendable (Signal, ComponentContext, any Consumer) async throws -> any Processor
    let mistake: @Sendable (Signal) -> String?

    init(_ factory: some ProcessorFactory, _ section: ConfigurationSection) {
        let configuration = factory.decode(section)
        mistake = { factory.mistake(in: configuration, for: $0) }
        type = factory.type
        stability = factory.stability
        make = {
            try await factory.makeProcessor(signal: $0, configuration: configuration, context: $1, next: $2)
        }
    }
}

public struct ConfiguredExporter: Sendable {
    public let type: String
    public let stability: [Signal: Stability]
    let make: @Sendable (Signal, ComponentContext) async throws -> any Exporter

    init(_ factory: some ExporterFactory, _ section: ConfigurationSection) {
        let configuration = factory.decode(section)
        type = factory.type
        stability = factory.stability
        make = { try await factory.makeExporter(signal: $0, configuration: configuration, context: $1) }
    }
}

public struct ConfiguredConnector: Sendable {
    public let type: String
    public let stability: [SignalPair: Stability]
    let make: @Sendable (SignalPair, ComponentContext, any Consumer) async throws -> any Connector

    init(_ factory: some ConnectorFactory, _ section: ConfigurationSection) {
        let configuration = factory.decode(section)
        type = factory.type
        stability = factory.stability
        make = {
            try await factory.makeConnector(signals: $0, configuration: configuration, context: $1, next: $2)
        }
    }
}

public struct ConfiguredExtension: Sendable {
    public let type: String
    public let stability: Stability
    let make: @Sendable (ComponentContext) async throws -> any Extension

    init(_ factory: some ExtensionFactory, _ section: ConfigurationSection) {
        let configuration = factory.decode(section)
        type = factory.type
        stability = factory.stability
        make = { try await factory.makeExtension(configuration: configuration, context: $0) }
    }
}
