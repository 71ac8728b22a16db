import Collector
import ExporterSupport

/// `otlp_grpc`, formerly `otlp`: sends all signals by OTLP over gRPC.
public struct OTLPGRPCExporterFactory: ExporterFactory {
    public let type = "otlp_grpc"
    public let aliases = ["otlp"]
    public let stability: [Signal: Stability] = [
        .traces: .stable, .metrics: .stable, .logs: .stable, .profiles: .alpha,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> OTLPGRPCConfiguration {
        OTLPGRPCConfiguration(section)
    }

    public func makeExporter(
        signal: Signal, configuration: OTLPGRPCConfiguration, context: ComponentContext
    ) async throws -> any Exporter {
        QueuedExporter(
            configuration: configuration.exporter, signal: signal, context: context,
            sender: OTLPGRPCSender(configuration: configuration, context: context))
    }
}
