import Collector
import Synchronization

/// What the exporter counts, apart for clients that differ in `metadata_keys`.
final class BulkMetricsByClient: Sendable {
    private let registry: MetricsRegistry
    private let id: ComponentID
    private let keys: [String]
    private let known = Mutex<[[String]: BulkMetrics]>([:])
    /// Values come from others, and each makes a dozen metrics: the rest is counted together.
    private static let maximumCount = 100

    init(_ registry: MetricsRegistry, id: ComponentID, keys: [String]) {
        self.registry = registry
        self.id = id
        self.keys = keys
    }

    /// Of the client whose batch is being sent.
    var current: BulkMetrics {
        let metadata = RequestContext.current?.metadata ?? [:]
        let values = keys.map { metadata[$0, default: []].joined(separator: ";") }
        return known.withLock { known in
            if let metrics = known[values] { return metrics }
            let isOne = known.count < Self.maximumCount
            let shown = isOne ? values : keys.map { _ in "other" }
            if let metrics = known[shown] { return metrics }
            let metrics = BulkMetrics(registry, id: id, client: Array(zip(keys, shown)))
            known[shown] = metrics
            return metrics
        }
    }
}

/// What the exporter counts of its bulk requests. Names are those of Elastic's exporter, with underscores.
final class BulkMetrics: Sendable {
    let received: Counter
    let retried: Counter
    let flushedBytes: Counter
    let flushedUncompressedBytes: Counter
    let requestSplits: Counter

    private struct Key: Hashable {
        var outcome: String
        var status: Int
        var index: String
        var errorType: String
        var failureStore: String
    }

    private let registry: MetricsRegistry
    private let labels: [String: String]
    private let processed = Mutex<[Key: Counter]>([:])
    private let indices = Mutex<Set<String>>([])
    /// Indices can be named by attributes: their number needs a bound.
    private static let maximumIndices = 100

    /// - Parameter client: Labels that tell clients apart; characters that labels must not have become underscores.
    init(_ registry: MetricsRegistry, id: ComponentID, client: [(key: String, value: String)] = []) {
        self.registry = registry
        var labels = ["exporter": "\(id)"]
        for (key, value) in client {
            labels[String(key.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })] = value
        }
        self.labels = labels
        received = registry.counter(
            "otelcol_elasticsearch_docs_received", help: "Documents encoded for bulk requests.", labels: labels)
        retried = registry.counter(
            "otelcol_elasticsearch_docs_retried", help: "Documents sent once more.", labels: labels)
        flushedBytes = registry.counter(
            "otelcol_elasticsearch_flushed_bytes", help: "Bytes of bulk requests as sent.", labels: labels)
        flushedUncompressedBytes = registry.counter(
            "otelcol_elasticsearch_flushed_uncompressed_bytes", help: "Bytes of bulk requests before compression.",
            labels: labels)
        requestSplits = registry.counter(
            "otelcol_elasticsearch_bulk_requests_split", help: "Requests that the server found too large.",
            labels: labels)
    }

    /// - Parameters:
    ///   - status: Nil if no answer came.
    ///   - duration: From the first byte sent to the last received.
    func request(status: Int?, duration: Duration) {
        var labels = labels
        labels["outcome"] = Self.outcome(status)
        labels["http_response_status_code"] = status.map { "\($0)" } ?? ""
        registry.counter("otelcol_elasticsearch_bulk_requests_count", help: "Bulk requests.", labels: labels).add()
        let (seconds, attoseconds) = duration.components
        registry.histogram(
            "otelcol_elasticsearch_bulk_requests_latency", help: "Seconds that bulk requests took.", labels: labels,
            bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90]
        ).record(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    /// What finally became of documents.
    /// - Parameter failureStore: The server's word; empty if it did not say.
    func documents(
        _ count: Int, index: String, status: Int, errorType: String = "", failureStore: String = ""
    ) {
        let key = Key(
            outcome: failureStore == "used" ? "failure_store" : Self.outcome(status == 0 ? nil : status),
            status: status, index: bounded(index), errorType: errorType, failureStore: failureStore)
        let counter = processed.withLock { processed in
            if let counter = processed[key] { return counter }
            var labels = labels
            labels["outcome"] = key.outcome
            labels["http_response_status_code"] = status == 0 ? "" : "\(status)"
            labels["index"] = key.index
            labels["error_type"] = errorType
            labels["failure_store"] = failureStore
            let counter = registry.counter(
                "otelcol_elasticsearch_docs_processed", help: "Documents by what finally became of them.",
                labels: labels)
            processed[key] = counter
            return counter
        }
        counter.add(count)
    }

    private func bounded(_ index: String) -> String {
        indices.withLock { indices in
            if indices.contains(index) { return index }
            guard indices.count < Self.maximumIndices else { return "other" }
            indices.insert(index)
            return index
        }
    }

    private static func outcome(_ status: Int?) -> String {
        switch status {
        case nil: "no_answer"
        case .some(200..<300): "success"
        case .some(429): "too_many"
        case .some(400..<500): "failed_client"
        case .some: "failed_server"
        }
    }
}
