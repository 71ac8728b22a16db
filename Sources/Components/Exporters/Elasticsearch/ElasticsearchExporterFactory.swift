import Collector
import ExporterSupport

/// `elasticsearch`: stores all signals in Elasticsearch.
public struct ElasticsearchExporterFactory: ExporterFactory {
    public let type = "elasticsearch"
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .development,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> ElasticsearchConfiguration {
        ElasticsearchConfiguration(section)
    }

    public func makeExporter(
        signal: Signal, configuration: ElasticsearchConfiguration, context: ComponentContext
    ) async throws -> any Exporter {
        // The bulk client retries by document, which nobody above it could.
        let common = ExporterConfiguration(
            timeout: .zero, retry: RetryConfiguration(isEnabled: false), queue: configuration.queue)
        return QueuedExporter(
            configuration: common, signal: signal, context: context,
            sender: ElasticsearchSender(configuration: configuration, context: context))
    }
}
