import Collector
import Logging
import OTTL

/// The processor `filter`: drops what conditions hold for.
public struct FilterProcessorFactory: ProcessorFactory {
    public let type = "filter"
    public let stability: [Signal: Stability] = [
        .traces: .alpha, .metrics: .alpha, .logs: .alpha, .profiles: .development,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> FilterConfiguration {
        FilterConfiguration(section)
    }

    public func makeProcessor(
        signal: Signal, configuration: FilterConfiguration, context: ComponentContext, next: any Consumer
    ) -> any Processor {
        FilterProcessor(
            steps: configuration.steps[signal] ?? [], logger: context.logger,
            dropped: context.metrics.counter(
                "otelcol_processor_filter_\(signal.droppedNoun)_filtered",
                help: "Items that were dropped by the filter.", labels: ["processor": "\(context.id)"]),
            next: next)
    }
}

extension Signal {
    /// What a dropped item is called in the metric's name.
    fileprivate var droppedNoun: String {
        switch self {
        case .traces: "spans"
        case .metrics: "datapoints"
        case .logs: "logs"
        case .profiles: "profile_samples"
        }
    }
}

struct FilterProcessor: Processor {
    /// In the order in which they are done.
    let steps: [OTTLConditions]
    let logger: Logger
    let dropped: Counter
    let next: any Consumer

    func consume(_ telemetry: Telemetry) async throws {
        guard let rest = try filtered(telemetry) else { return }
        try await next.consume(rest)
    }

    /// - Returns: nil if nothing is left.
    func filtered(_ telemetry: Telemetry) throws -> Telemetry? {
        guard !steps.isEmpty else { return telemetry }
        var rest = telemetry
        let before = telemetry.itemCount
        for step in steps {
            do {
                try step.removeMatching(from: &rest) { error in
                    logger.warning("failed to execute condition", metadata: ["error": "\(error)"])
                }
            } catch {
                throw PermanentError(error)
            }
        }
        dropped.add(before - rest.itemCount)
        // Spans may have lost events only; then all of them are still there.
        return rest.isEmpty ? nil : rest
    }
}

extension Telemetry {
    /// Whether there is no resource left.
    var isEmpty: Bool {
        switch self {
        case .traces(let data): data.resourceSpans.isEmpty
        case .metrics(let data): data.resourceMetrics.isEmpty
        case .logs(let data): data.resourceLogs.isEmpty
        case .profiles(let data): data.resourceProfiles.isEmpty
        }
    }
}
