import Synchronization

@testable import Collector
@testable import OTLP

/// What happened, in order.
final class Journal: Sendable {
    private let lines = Mutex<[String]>([])

    func write(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
    func entries(_ prefix: String) -> [String] { all.filter { $0.hasPrefix(prefix) } }
}

struct TestError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A profiles batch of one resource that carries a name to tell it by.
func batch(_ name: String, _ signal: Signal = .profiles) -> Telemetry {
    let resource = OTLPResource.with { $0.attributes = [OTLPKeyValue("name", name)] }
    return switch signal {
    case .profiles: .profiles(.with { $0.resourceProfiles = [.with { $0.resource = resource }] })
    case .metrics: .metrics(.with { $0.resourceMetrics = [.with { $0.resource = resource }] })
    case .traces: .traces(.with { $0.resourceSpans = [.with { $0.resource = resource }] })
    case .logs: .logs(.with { $0.resourceLogs = [.with { $0.resource = resource }] })
    }
}

extension Telemetry {
    /// The name given to `batch`.
    var name: String {
        let resource: OTLPResource? =
            switch self {
            case .profiles(let data): data.resourceProfiles.first?.resource
            case .metrics(let data): data.resourceMetrics.first?.resource
            case .traces(let data): data.resourceSpans.first?.resource
            case .logs(let data): data.resourceLogs.first?.resource
            }
        return resource?.attributes.first?.value.stringValue ?? ""
    }
}

/// How a component behaves, from its configuration.
struct MemoryConfiguration: Sendable {
    var failsToMake = false
    var failsToStart = false
    var failsToShutDown = false
    /// Every batch is refused with this message.
    var refuses: String?
    /// Becomes a fatal error right after the start.
    var diesWith: String?
    /// Sent when shut down.
    var flushes: String?
    var secret: OpaqueString?

    init(_ section: ConfigurationSection) {
        failsToMake = section.boolean("fails_to_make", default: false)
        failsToStart = section.boolean("fails_to_start", default: false)
        failsToShutDown = section.boolean("fails_to_shut_down", default: false)
        refuses = section.optionalString("refuses")
        diesWith = section.optionalString("dies_with")
        flushes = section.optionalString("flushes")
        secret = section.opaqueString("secret")
    }
}

/// Serves as every kind of component and writes down what happens to it.
final class MemoryComponent: Receiver, Processor, Exporter, Connector, Extension {
    let label: String
    let configuration: MemoryConfiguration
    let journal: Journal
    let next: (any Consumer)?
    let output: Signal

    init(
        _ label: String, _ configuration: MemoryConfiguration, _ journal: Journal, output: Signal,
        next: (any Consumer)?
    ) throws {
        if configuration.failsToMake { throw TestError("\(label) cannot be made") }
        self.label = label
        self.configuration = configuration
        self.journal = journal
        self.output = output
        self.next = next
        journal.write("make \(label)")
    }

    func start(host: any Host) async throws {
        if configuration.failsToStart { throw TestError("no start") }
        journal.write("start \(label)")
        if let message = configuration.diesWith { host.report(.fatalError(TestError(message))) }
    }

    func shutdown() async throws {
        if let name = configuration.flushes, let next { try await next.consume(batch(name, output)) }
        journal.write("stop \(label)")
        if configuration.failsToShutDown { throw TestError("no end") }
    }

    func consume(_ telemetry: Telemetry) async throws {
        journal.write("\(label) got \(telemetry.name)")
        if let message = configuration.refuses { throw TestError(message) }
        guard let next else { return }
        try await next.consume(telemetry.signal == output ? telemetry : batch(telemetry.name, output))
    }

    func pipelinesAreReady() { journal.write("ready \(label)") }
    func pipelinesAreNotReady() { journal.write("not ready \(label)") }
    func componentStatusChanged(_ event: ComponentStatusEvent) {
        journal.write("status \(event.instance.id) \(event.status.name)")
    }
}

struct MemoryReceiverFactory: ReceiverFactory {
    let type: String
    let journal: Journal
    var aliases: [String] = []
    var stability: [Signal: Stability] = [.traces: .stable, .metrics: .beta, .logs: .alpha, .profiles: .development]
    func decode(_ section: ConfigurationSection) -> MemoryConfiguration { MemoryConfiguration(section) }
    func makeReceiver(
        signal: Signal, configuration: MemoryConfiguration, context: ComponentContext, next: any Consumer
    ) throws -> any Receiver {
        try MemoryComponent("\(context.id).\(signal)", configuration, journal, output: signal, next: next)
    }
}

/// Goes on over reloads.
final class LastingReceiver: RetainableReceiver {
    let journal: Journal
    let next: any Consumer

    init(_ journal: Journal, next: any Consumer) {
        self.journal = journal
        self.next = next
    }

    func start(host: any Host) async throws { journal.write("start lasting") }

    func shutdown() async throws {
        journal.write("stop lasting")
        try await next.consume(batch("farewell"))
    }
}

struct LastingReceiverFactory: ReceiverFactory {
    let type = "lasting"
    let journal: Journal
    let stability: [Signal: Stability] = [.profiles: .beta]

    func decode(_ section: ConfigurationSection) { _ = section.string("setting") }

    func makeReceiver(
        signal: Signal, configuration: Void, context: ComponentContext, next: any Consumer
    ) -> any Receiver {
        journal.write("make lasting")
        return LastingReceiver(journal, next: next)
    }
}

struct MemoryProcessorFactory: ProcessorFactory {
    let type: String
    let journal: Journal
    var stability: [Signal: Stability] = [.metrics: .beta, .profiles: .beta]
    func decode(_ section: ConfigurationSection) -> MemoryConfiguration { MemoryConfiguration(section) }
    func makeProcessor(
        signal: Signal, configuration: MemoryConfiguration, context: ComponentContext, next: any Consumer
    ) throws -> any Processor {
        try MemoryComponent("\(context.id).\(signal)", configuration, journal, output: signal, next: next)
    }
}

struct MemoryExporterFactory: ExporterFactory {
    let type: String
    let journal: Journal
    var aliases: [String] = []
    var stability: [Signal: Stability] = [.traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .beta]
    func decode(_ section: ConfigurationSection) -> MemoryConfiguration { MemoryConfiguration(section) }
    func makeExporter(
        signal: Signal, configuration: MemoryConfiguration, context: ComponentContext
    ) throws -> any Exporter {
        try MemoryComponent("\(context.id).\(signal)", configuration, journal, output: signal, next: nil)
    }
}

struct MemoryConnectorFactory: ConnectorFactory {
    let type: String
    let journal: Journal
    var stability: [SignalPair: Stability] = [
        SignalPair(from: .profiles, to: .metrics): .beta, SignalPair(from: .metrics, to: .metrics): .beta,
        SignalPair(from: .profiles, to: .profiles): .beta,
    ]
    func decode(_ section: ConfigurationSection) -> MemoryConfiguration { MemoryConfiguration(section) }
    func makeConnector(
        signals: SignalPair, configuration: MemoryConfiguration, context: ComponentContext, next: any Consumer
    ) throws -> any Connector {
        try MemoryComponent(
            "\(context.id).\(signals.from).\(signals.to)", configuration, journal, output: signals.to, next: next)
    }
}

struct MemoryExtensionFactory: ExtensionFactory {
    let type: String
    let journal: Journal
    let stability = Stability.beta
    func decode(_ section: ConfigurationSection) -> MemoryConfiguration { MemoryConfiguration(section) }
    func makeExtension(configuration: MemoryConfiguration, context: ComponentContext) throws -> any Extension {
        try MemoryComponent("\(context.id)", configuration, journal, output: .profiles, next: nil)
    }
}

/// Types `rx`, `proc`, `ex`, `conn` and `ext`.
func memoryFactories(_ journal: Journal = Journal()) -> ComponentFactories {
    ComponentFactories(
        receivers: [
            MemoryReceiverFactory(type: "rx", journal: journal, aliases: ["old_rx"]),
            MemoryReceiverFactory(type: "metrics_rx", journal: journal, stability: [.metrics: .beta]),
            LastingReceiverFactory(journal: journal),
        ],
        processors: [MemoryProcessorFactory(type: "proc", journal: journal)],
        exporters: [MemoryExporterFactory(type: "ex", journal: journal)],
        connectors: [MemoryConnectorFactory(type: "conn", journal: journal)],
        extensions: [MemoryExtensionFactory(type: "ext", journal: journal)])
}

func gates(_ list: String = "service.profilesSupport") throws -> FeatureGates {
    let gates = FeatureGates()
    try gates.apply(list)
    return gates
}

func decodeConfiguration(
    _ yaml: String, journal: Journal = Journal(), gates list: String = "service.profilesSupport"
) throws -> (configuration: CollectorConfiguration, warnings: [ConfigurationIssue]) {
    let root = try YAMLDocument.parse(yaml, source: "otel.yml")
    return try ConfigurationDecoder(factories: memoryFactories(journal), gates: try gates(list)).decode(root)
}
