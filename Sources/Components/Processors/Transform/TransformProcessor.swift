import Collector
import Logging
import OTTL

/// The processor `transform`: changes telemetry by statements.
public struct TransformProcessorFactory: ProcessorFactory {
    public let type = "transform"
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .development,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> TransformConfiguration {
        TransformConfiguration(section)
    }

    public func makeProcessor(
        signal: Signal, configuration: TransformConfiguration, context: ComponentContext, next: any Consumer
    ) -> any Processor {
        TransformProcessor(groups: configuration.groups[signal] ?? [], logger: context.logger, next: next)
    }
}

struct TransformProcessor: Processor {
    let groups: [OTTLStatements]
    let logger: Logger
    let next: any Consumer

    func consume(_ telemetry: Telemetry) async throws {
        try await next.consume(transformed(telemetry))
    }

    func transformed(_ telemetry: Telemetry) throws -> Telemetry {
        var changed = telemetry
        for group in groups {
            do {
                try group.run(on: &changed) { error in
                    logger.warning("failed to execute statement", metadata: ["error": "\(error)"])
                }
            } catch {
                throw PermanentError(error)
            }
        }
        return changed
    }
}
