import Collector
import OTLP
import ProcessorSupport

/// The processor `resource`: changes the attributes of resources.
public struct ResourceProcessorFactory: ProcessorFactory {
    public let type = "resource"
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .alpha,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> [AttributeAction] {
        AttributeAction.list(section, "attributes")
    }

    public func makeProcessor(
        signal: Signal, configuration: [AttributeAction], context: ComponentContext, next: any Consumer
    ) -> any Processor {
        ResourceProcessor(actions: configuration, next: next)
    }
}

struct ResourceProcessor: Processor {
    let actions: [AttributeAction]
    let next: any Consumer

    func consume(_ telemetry: Telemetry) async throws {
        var telemetry = telemetry
        telemetry.updateResources { resource in
            for action in actions { action.apply(to: &resource.attributes) }
        }
        try await next.consume(telemetry)
    }
}
