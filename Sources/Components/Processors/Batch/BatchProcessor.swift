import Collector
import Logging
import Synchronization

/// The processor `batch`: makes few large batches of many small ones. Of all signals but profiles, which exporters'
/// queues batch.
public struct BatchProcessorFactory: ProcessorFactory {
    public let type = "batch"
    public let stability: [Signal: Stability] = [.traces: .beta, .metrics: .beta, .logs: .beta]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> BatchConfiguration { BatchConfiguration(section) }

    public func makeProcessor(
        signal: Signal, configuration: BatchConfiguration, context: ComponentContext, next: any Consumer
    ) -> any Processor {
        BatchProcessor(configuration: configuration, context: context, next: next)
    }
}

/// More combinations of header fields than there may be batches at a time. May pass.
struct TooManyBatches: Error, CustomStringConvertible {
    var description: String { "too many batcher metadata-value combinations" }
}

final class BatchProcessor: Processor {
    private let configuration: BatchConfiguration
    private let next: any Consumer
    private let logger: Logger
    private let metrics: BatchMetrics
    /// By the values of the header fields that tell batches apart.
    private let shards = Mutex<[[[String]]: BatchShard]>([:])

    init(configuration: BatchConfiguration, context: ComponentContext, next: any Consumer) {
        self.configuration = configuration
        self.next = next
        logger = context.logger
        metrics = BatchMetrics(context.metrics, id: context.id)
    }

    func consume(_ telemetry: Telemetry) async throws {
        guard telemetry.itemCount > 0 else { return }
        try await shard().add(telemetry)
    }

    /// Sends what is held back.
    func shutdown() async throws {
        for shard in shards.withLock({ Array($0.values) }) { await shard.finish() }
        metrics.remove()
    }

    private func shard() throws -> BatchShard {
        let metadata = RequestContext.current?.metadata ?? [:]
        let values = configuration.metadataKeys.map { metadata[$0] ?? [] }
        return try shards.withLock { shards in
            if let shard = shards[values] { return shard }
            let limit = configuration.metadataKeys.isEmpty ? 1 : configuration.metadataCardinalityLimit
            // A limit of 0 is none.
            guard limit == 0 || shards.count < limit else { throw TooManyBatches() }
            var kept: [String: [String]] = [:]
            for (key, value) in zip(configuration.metadataKeys, values) { kept[key] = value }
            let shard = BatchShard(
                configuration: configuration, context: kept.isEmpty ? nil : RequestContext(metadata: kept), next: next,
                logger: logger, metrics: metrics)
            shards[values] = shard
            metrics.cardinality.set(Double(shards.count))
            return shard
        }
    }
}

/// What the reference counts about this processor.
struct BatchMetrics: Sendable {
    let sizeTriggers: Counter
    let timeoutTriggers: Counter
    let cardinality: Gauge
    let sendSize: Histogram
    private let registry: MetricsRegistry
    private let labels: [String: String]

    init(_ registry: MetricsRegistry, id: ComponentID) {
        let labels = ["processor": "\(id)"]
        func name(_ suffix: String) -> String { "otelcol_processor_batch_\(suffix)" }
        sizeTriggers = registry.counter(
            name("batch_size_trigger_send"), help: "Number of times the batch was sent due to a size trigger",
            labels: labels)
        timeoutTriggers = registry.counter(
            name("timeout_trigger_send"), help: "Number of times the batch was sent due to a timeout trigger",
            labels: labels)
        cardinality = registry.gauge(
            name("metadata_cardinality"), help: "Number of distinct metadata value combinations being processed",
            labels: labels)
        sendSize = registry.histogram(
            name("batch_send_size"), help: "Number of units in the batch", labels: labels,
            bounds: [
                10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000,
                30000, 50000, 100_000,
            ])
        self.registry = registry
        self.labels = labels
    }

    func remove() { registry.remove("otelcol_processor_batch_metadata_cardinality", labels: labels) }
}
