import Collector
import Logging
import OTLP
import ProcessorSupport

/// `k8s_attributes`: says of all telemetry which pod, container and workload of a Kubernetes cluster it comes from.
public struct K8sAttributesProcessorFactory: ProcessorFactory {
    public let type = "k8s_attributes"
    public let aliases = ["k8sattributes"]
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .development,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> K8sAttributesConfiguration {
        K8sAttributesConfiguration(section)
    }

    public func makeProcessor(
        signal: Signal, configuration: K8sAttributesConfiguration, context: ComponentContext, next: any Consumer
    ) -> any Processor {
        // The same for all signals: watched once.
        let watch = context.shared.value {
            ClusterWatch(configuration, metrics: context.metrics, logger: context.logger)
        }
        return K8sAttributesProcessor(watch: watch, next: next)
    }
}

struct K8sAttributesProcessor: Processor {
    let watch: ClusterWatch
    let next: any Consumer

    func start(host: any Host) async throws { try await watch.start() }
    func shutdown() async throws { await watch.stop() }

    func consume(_ telemetry: Telemetry) async throws {
        let enrichment = Enrichment(state: watch.state)
        let address = RequestContext.current?.clientAddress.flatMap(IPAddress.normalized(_:))
        var telemetry = telemetry
        telemetry.updateResources { enrichment.enrich(&$0, clientAddress: address) }
        try await next.consume(telemetry)
    }
}
