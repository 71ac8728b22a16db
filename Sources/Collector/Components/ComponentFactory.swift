/// Makes components of one type, and knows the type's configuration.
public protocol ComponentFactory: Sendable {
    associatedtype Configuration: Sendable

    /// The name that configurations use, for example `otlp_grpc`.
    var type: String { get }
    /// Older names of the type; they work and are warned about.
    var aliases: [String] { get }
    /// Where the component's code lives, for the `components` subcommand.
    var moduleName: String { get }

    /// Reads the component's configuration.
    ///
    /// Every problem is reported on the section, none is thrown: so that the user learns of all of them at once.
    /// Readers return their default after a problem. Every key must be read on every path: keys that nobody read are
    /// reported as unknown.
    func decode(_ section: ConfigurationSection) -> Configuration
}

extension ComponentFactory {
    public var aliases: [String] { [] }
    public var moduleName: String { String(String(reflecting: Self.self).prefix { $0 != "." }) }
}

public protocol ReceiverFactory: ComponentFactory {
    /// The supported signals.
    var stability: [Signal: Stability] { get }

    /// Called once per signal and id; several pipelines of one signal share the instance.
    func makeReceiver(
        signal: Signal, configuration: Configuration, context: ComponentContext, next: any Consumer
    ) async throws -> any Receiver
}

public protocol ProcessorFactory: ComponentFactory {
    /// The supported signals.
    var stability: [Signal: Stability] { get }

    /// Called once per pipeline and id.
    func makeProcessor(
        signal: Signal, configuration: Configuration, context: ComponentContext, next: any Consumer
    ) async throws -> any Processor

    /// What is wrong with a configuration for the signal of a pipeline that uses it, beyond what `decode` can see; nil
    /// if nothing is. Found also where nothing is started.
    func mistake(in configuration: Configuration, for signal: Signal) -> String?
}

extension ProcessorFactory {
    public func mistake(in configuration: Configuration, for signal: Signal) -> String? { nil }
}

public protocol ExporterFactory: ComponentFactory {
    /// The supported signals.
    var stability: [Signal: Stability] { get }

    /// Called once per signal and id; several pipelines of one signal share the instance.
    func makeExporter(
        signal: Signal, configuration: Configuration, context: ComponentContext
    ) async throws -> any Exporter
}

public protocol ConnectorFactory: ComponentFactory {
    /// The supported pairs of signals.
    var stability: [SignalPair: Stability] { get }

    /// Called once per pair of signals and id.
    func makeConnector(
        signals: SignalPair, configuration: Configuration, context: ComponentContext, next: any Consumer
    ) async throws -> any Connector
}

public protocol ExtensionFactory: ComponentFactory {
    var stability: Stability { get }

    func makeExtension(configuration: Configuration, context: ComponentContext) async throws -> any Extension
}

/// All component types that a program is made of.
public struct ComponentFactories: Sendable {
    public var receivers: [any ReceiverFactory]
    public var processors: [any ProcessorFactory]
    public var exporters: [any ExporterFactory]
    public var connectors: [any ConnectorFactory]
    public var extensions: [any ExtensionFactory]

    public init(
        receivers: [any ReceiverFactory] = [], processors: [any ProcessorFactory] = [],
        exporters: [any ExporterFactory] = [], connectors: [any ConnectorFactory] = [],
        extensions: [any ExtensionFactory] = []
    ) {
        self.receivers = receivers
        self.processors = processors
        self.exporters = exporters
        self.connectors = connectors
        self.extensions = extensions
    }
}
