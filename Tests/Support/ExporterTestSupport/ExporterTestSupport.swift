import Collector
import Logging
import Synchronization

/// A host that knows nobody.
public struct EmptyHost: Host {
    public init() {}
    public func report(_ status: ComponentStatus) {}
    public func runningExtension(_ id: ComponentID) -> (any Extension)? { nil }
    public var extensions: [ComponentID: any Extension] { [:] }
}

/// A host whose only extension, `token`, proves with a header field who is calling.
public struct HostWithToken: Host {
    private struct Authenticator: ClientAuthenticator {
        func requestHeaders() async throws -> [(name: String, value: String)] { [("X-Token", "proof")] }
    }

    public init() {}
    public func report(_ status: ComponentStatus) {}
    public func runningExtension(_ id: ComponentID) -> (any Extension)? { extensions[id] }
    public var extensions: [ComponentID: any Extension] { [ComponentID(type: "token"): Authenticator()] }
}

/// Keeps what is logged.
public final class LogRecorder: Sendable {
    public struct Record: Sendable {
        public var level: Logger.Level
        public var message: String
        public var metadata: [String: String]
    }

    private let state = Mutex<[Record]>([])
    public init() {}

    public var records: [Record] { state.withLock { $0 } }
    public var messages: [String] { records.map(\.message) }

    func add(_ record: Record) { state.withLock { $0.append(record) } }

    public var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    public func context(
        _ kind: ComponentKind = .exporter, type: String = "test", metrics: MetricsRegistry = MetricsRegistry()
    ) -> ComponentContext {
        ComponentContext(
            kind: kind, id: ComponentID(type: type), logger: logger,
            build: BuildInformation(command: "otelcol", description: "OpenTelemetry Collector", version: "1.2.3"),
            metrics: metrics)
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(recorder: LogRecorder) {
            self.recorder = recorder
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
            recorder.add(
                Record(
                    level: event.level, message: "\(event.message)", metadata: metadata.mapValues { "\($0)" }))
        }
    }
}

extension MetricsRegistry {
    /// The value of the metric of that name; nil if there is none. Labels are not looked at.
    public func value(_ name: String) -> Double? { samples().first { $0.name == name }?.value }
}

/// Decodes a configuration that is given as a tree.
public func decode<Configuration>(
    _ entries: [(String, ConfigurationNode.Value)], with read: (ConfigurationSection) -> Configuration
) -> (configuration: Configuration, errors: [String], warnings: [String]) {
    let diagnostics = ConfigurationDiagnostics()
    let section = ConfigurationSection(path: "x", node: ConfigurationNode(.tree(entries)), diagnostics: diagnostics)
    let configuration = read(section)
    section.finish()
    return (configuration, diagnostics.errors.map(\.description), diagnostics.warnings.map(\.description))
}

extension ConfigurationNode.Value {
    public static func tree(_ entries: [(String, ConfigurationNode.Value)]) -> Self {
        .map(ConfigurationMap(entries.map { ConfigurationMap.Entry(key: $0.0, node: ConfigurationNode($0.1)) }))
    }
}
