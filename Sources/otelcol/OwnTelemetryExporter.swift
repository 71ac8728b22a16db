import Collector
import OTLPGRPCExporter
import OTLPHTTPExporter

/// Sends the Collector's own telemetry with the exporters that pipelines use.
enum OwnTelemetryExporter {
    static func make(
        _ destination: TelemetryDestination, _ signal: Signal, _ context: ComponentContext
    ) async throws -> any Exporter {
        switch destination.transport {
        case .grpc: try await make(OTLPGRPCExporterFactory(), destination, signal, context)
        case .protobuf, .json: try await make(OTLPHTTPExporterFactory(), destination, signal, context)
        }
    }

    private static func make<Factory: ExporterFactory>(
        _ factory: Factory, _ destination: TelemetryDestination, _ signal: Signal, _ context: ComponentContext
    ) async throws -> any Exporter {
        let diagnostics = ConfigurationDiagnostics()
        let section = ConfigurationSection(
            path: "service::telemetry", node: ConfigurationNode(keys(destination, signal)), diagnostics: diagnostics)
        let configuration = factory.decode(section)
        if let error = diagnostics.errors.first { throw CollectorError("\(error)") }
        return try await factory.makeExporter(signal: signal, configuration: configuration, context: context)
    }

    /// The destination as a pipeline's exporter would be configured.
    private static func keys(_ destination: TelemetryDestination, _ signal: Signal) -> ConfigurationNode.Value {
        func map(_ entries: [(String, ConfigurationNode.Value)]) -> ConfigurationNode.Value {
            .map(ConfigurationMap(entries.map { ConfigurationMap.Entry(key: $0.0, node: ConfigurationNode($0.1)) }))
        }
        let off = map([("enabled", .boolean(false))])
        var tls: [(String, ConfigurationNode.Value)] = []
        for (key, file) in [
            ("ca_file", destination.authorityFile), ("cert_file", destination.certificateFile),
            ("key_file", destination.keyFile),
        ] where !file.isEmpty { tls.append((key, .string(file))) }
        let isPlain = destination.isInsecure || destination.endpoint.lowercased().hasPrefix("http://")
        if isPlain { tls.append(("insecure", .boolean(true))) }
        var entries: [(String, ConfigurationNode.Value)] = [
            ("sending_queue", off), ("retry_on_failure", off), ("tls", map(tls)),
            ("timeout", .string("\(destination.timeout.unitText)")),
            ("compression", .string(destination.compression.isEmpty ? "none" : destination.compression)),
            ("headers", map(destination.headers.map { ($0.name, .string($0.value.value)) })),
        ]
        switch destination.transport {
        case .grpc: entries.append(("endpoint", .string(destination.endpoint)))
        case .protobuf, .json:
            // A path is the whole address, as OpenTelemetry's SDKs have it; without one the signal's is added.
            let hasPath = destination.endpoint.split(separator: "/", omittingEmptySubsequences: true).count > 2
            entries.append((hasPath ? "\(signal.rawValue)_endpoint" : "endpoint", .string(destination.endpoint)))
            if destination.transport == .json { entries.append(("encoding", .string("json"))) }
        }
        return map(entries)
    }
}
