import Collector
import Synchronization

/// The metrics that the OpenTelemetry Collector has for every exporter, under its names.
final class ExporterMetrics: Sendable {
    let sent: Counter
    let sendFailed: Counter
    let enqueueFailed: Counter
    let inFlight = Mutex(0)
    /// Items of what is put into the queue, and of what is sent; nil unless the level of own metrics is `detailed`.
    let enqueueSize: Histogram?
    let sendSize: Histogram?

    private static let sizeBounds: [Double] = [
        10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 20_000,
        30_000, 50_000, 100_000,
    ]

    private let registry: MetricsRegistry
    private let queueLabels: [String: String]

    init(_ registry: MetricsRegistry, id: ComponentID, signal: Signal) {
        self.registry = registry
        func histogram(_ name: String, _ help: String) -> Histogram? {
            guard registry.isDetailed else { return nil }
            return registry.histogram(
                "otelcol_exporter_\(name)", help: help, labels: ["exporter": "\(id)"], bounds: Self.sizeBounds)
        }
        enqueueSize = histogram("enqueue_size", "Number of items of requests put into the sending queue.")
        sendSize = histogram("queue_batch_send_size", "Number of items of requests that are sent.")
        let labels = ["exporter": "\(id)"]
        queueLabels = ["exporter": "\(id)", "data_type": signal.rawValue]
        let noun = signal.itemNoun
        let items = noun.split(separator: "_").joined(separator: " ")
        sent = registry.counter(
            "otelcol_exporter_sent_\(noun)", help: "Number of \(items) successfully sent to destination.",
            labels: labels)
        sendFailed = registry.counter(
            "otelcol_exporter_send_failed_\(noun)", help: "Number of \(items) in failed attempts to send to destination.",
            labels: labels)
        enqueueFailed = registry.counter(
            "otelcol_exporter_enqueue_failed_\(noun)", help: "Number of \(items) failed to be added to the sending queue.",
            labels: labels)
    }

    func observe(capacity: Int, usedSize: @escaping @Sendable () -> Int) {
        registry.observe(
            "otelcol_exporter_queue_capacity", kind: .gauge, help: "Fixed capacity of the sending queue.",
            labels: queueLabels
        ) { Double(capacity) }
        registry.observe(
            "otelcol_exporter_queue_size", kind: .gauge, help: "Current size of the sending queue.", labels: queueLabels
        ) { Double(usedSize()) }
        registry.observe(
            "otelcol_exporter_in_flight_requests", kind: .gauge, help: "Requests that are being sent.",
            labels: queueLabels
        ) { [weak self] in Double(self?.inFlight.withLock { $0 } ?? 0) }
    }

    func removeObserved() {
        for name in ["queue_capacity", "queue_size", "in_flight_requests"] {
            registry.remove("otelcol_exporter_\(name)", labels: queueLabels)
        }
    }
}
