import Collector
import ExporterSupport

/// `otlp_http`, formerly `otlphttp`: sends all signals by OTLP over HTTP.
public struct OTLPHTTPExporterFactory: ExporterFactory {
    public let type = "otlp_http"
    public let aliases = ["otlphttp"]
    public let stability: [Signal: Stability] = [
        .traces: .stable, .metrics: .stable, .logs: .stable, .profiles: .development,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> OTLPHTTPConfiguration {
        OTLPHTTPConfiguration(section)
    }

    public func makeExporter(
        signal: Signal, configuration: OTLPHTTPConfiguration, context: ComponentContext
    ) async throws -> any Exporter {
        guard let url = configuration.url(for: signal) else {
            throw CollectorError("either endpoint or \(signal.rawValue)_endpoint must be specified")
        }
        return QueuedExporter(
            configuration: configuration.exporter, signal: signal, context: context,
            sender: try OTLPHTTPSender(configuration: configuration, url: url, context: context))
    }
}
