import Collector
import ExporterTestSupport
import OTLP
import OTLPTestSupport
import Synchronization
import Testing

@testable import BatchProcessor

struct BatchProcessorTests {
    let log = LogRecorder()
    let metrics = MetricsRegistry()

    /// Keeps what it gets, and with which header fields.
    final class Sink: Consumer {
        let taken = Mutex<[(telemetry: Telemetry, metadata: [String: [String]]?)]>([])
        let refuses: Bool
        init(refuses: Bool = false) { self.refuses = refuses }

        var sizes: [Int] { taken.withLock { $0.map(\.telemetry.itemCount) } }

        func consume(_ telemetry: Telemetry) async throws {
            taken.withLock { $0.append((telemetry, RequestContext.current?.metadata)) }
            if refuses { throw CollectorError("no") }
        }
    }

    func processor(_ sink: Sink, _ change: (inout BatchConfiguration) -> Void) -> BatchProcessor {
        var configuration = BatchConfiguration()
        configuration.timeout = .seconds(3600)
        change(&configuration)
        return BatchProcessor(
            configuration: configuration,
            context: log.context(.processor, type: "batch", metrics: metrics), next: sink)
    }

    /// Log records with numbers as bodies, in two scopes of one resource.
    func logs(_ numbers: Range<Int>) -> Telemetry {
        .logs(
            .with { data in
                data.resourceLogs = [
                    .with { resource in
                        resource.resource.attributes = [OTLPKeyValue("service.name", "shop")]
                        resource.schemaURL = "schema"
                        let middle = numbers.lowerBound + numbers.count / 2
                        resource.scopeLogs = [numbers.lowerBound..<middle, middle..<numbers.upperBound].map { part in
                            .with { scope in
                                scope.scope.name = "library"
                                scope.logRecords = part.map { number in .with { $0.body = .integer(Int64(number)) } }
                            }
                        }
                    }
                ]
            })
    }

    /// The bodies of all records in order; resources and scopes are checked on the way.
    func numbers(_ telemetry: Telemetry) -> [Int64] {
        guard case .logs(let data) = telemetry else { return [] }
        var result: [Int64] = []
        for resource in data.resourceLogs {
            #expect(resource.resource.attributes == [OTLPKeyValue("service.name", "shop")])
            #expect(resource.schemaURL == "schema")
            for scope in resource.scopeLogs {
                #expect(scope.scope.name == "library")
                result += scope.logRecords.map(\.body.intValue)
            }
        }
        return result
    }

    @Test func sendsWhenThereIsEnough() async throws {
        let sink = Sink()
        let processor = processor(sink) { $0.sendBatchSize = 10 }
        for start in [0, 4, 8] { try await processor.consume(logs(start..<start + 4)) }
        #expect(sink.sizes == [12])
        try await processor.consume(logs(12..<13))
        #expect(sink.sizes == [12])
        try await processor.shutdown()
        #expect(sink.sizes == [12, 1])
        let all = sink.taken.withLock { $0.map(\.telemetry) }.flatMap(numbers)
        #expect(all == Array(0..<13))
        #expect(metrics.value("otelcol_processor_batch_batch_size_trigger_send") == 1)
        #expect(metrics.value("otelcol_processor_batch_batch_send_size_sum") == 13)
    }

    @Test func splitsWhatIsTooLarge() async throws {
        let sink = Sink()
        let processor = processor(sink) {
            $0.sendBatchSize = 4
            $0.sendBatchMaximumSize = 5
        }
        try await processor.consume(logs(0..<13))
        // What is left is too little to be sent yet.
        #expect(sink.sizes == [5, 5])
        try await processor.shutdown()
        #expect(sink.sizes == [5, 5, 3])
        #expect(sink.taken.withLock { $0.map(\.telemetry) }.flatMap(numbers) == Array(0..<13))
    }

    @Test func sendsWhenTheTimeIsUp() async throws {
        let sink = Sink()
        let processor = processor(sink) { $0.timeout = .milliseconds(5) }
        for _ in 0..<3 {
            let before = sink.sizes.count
            try await processor.consume(logs(0..<2))
            while sink.sizes.count == before { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(sink.sizes == [2, 2, 2])
        try await processor.shutdown()
        #expect(metrics.value("otelcol_processor_batch_timeout_trigger_send") == 3)
    }

    @Test(arguments: [true, false])
    func holdsNothingBackIfToldSo(byTimeout: Bool) async throws {
        let sink = Sink()
        let processor = processor(sink) {
            if byTimeout { $0.timeout = .zero } else { $0.sendBatchSize = 0 }
            $0.sendBatchMaximumSize = 3
        }
        try await processor.consume(logs(0..<7))
        #expect(sink.sizes == [3, 3, 1])
        try await processor.shutdown()
        #expect(sink.sizes.count == 3)
    }

    /// Points of every kind, and spans: parts keep what is around them.
    @Test func splitsEverySignal() {
        for whole in [Telemetry.metrics(ExampleTelemetry.metrics()), .traces(ExampleTelemetry.traces())] {
            var rest = whole
            var parts: [Telemetry] = []
            while rest.itemCount > 0, parts.count < 100 { parts.append(rest.removePrefix(1)) }
            #expect(parts.map(\.itemCount) == Array(repeating: 1, count: whole.itemCount))
            #expect(parts.allSatisfy { $0.signal == whole.signal })
            switch (whole, parts.first) {
            case (.metrics(let whole), .metrics(let part)?):
                #expect(part.resourceMetrics.first?.resource == whole.resourceMetrics.first?.resource)
                let names = parts.map { part -> String in
                    guard case .metrics(let data) = part else { return "" }
                    return data.resourceMetrics.flatMap(\.scopeMetrics).flatMap(\.metrics).last?.name ?? ""
                }
                let expected = whole.resourceMetrics.flatMap(\.scopeMetrics).flatMap(\.metrics).flatMap { metric in
                    Array(repeating: metric.name, count: metric.pointCount)
                }
                #expect(names == expected)
            case (.traces(let whole), .traces(let part)?):
                #expect(part.resourceSpans.first?.resource == whole.resourceSpans.first?.resource)
                #expect(
                    part.resourceSpans.first?.scopeSpans.first?.scope
                        == whole.resourceSpans.first?.scopeSpans.first?.scope)
            default: Issue.record("another signal")
            }
        }
    }

    @Test func keepsRequestsApartByHeaderFields() async throws {
        let sink = Sink()
        let processor = processor(sink) {
            $0.metadataKeys = ["x-tenant"]
            $0.metadataCardinalityLimit = 2
        }
        func consume(_ tenant: String) async throws {
            let context = RequestContext(metadata: ["x-tenant": [tenant], "other": ["y"]])
            try await RequestContext.$current.withValue(context) { try await processor.consume(logs(0..<1)) }
        }
        try await consume("blue")
        try await consume("red")
        try await consume("blue")
        await #expect(throws: TooManyBatches.self) { try await consume("green") }
        #expect(metrics.value("otelcol_processor_batch_metadata_cardinality") == 2)
        try await processor.shutdown()
        let taken = sink.taken.withLock { $0 }
        #expect(
            Set(taken.map { "\($0.metadata ?? [:]) \($0.telemetry.itemCount)" })
                == [#"["x-tenant": ["blue"]] 2"#, #"["x-tenant": ["red"]] 1"#])
    }

    @Test func logsWhatThePipelineRefuses() async throws {
        let processor = processor(Sink(refuses: true)) { $0.sendBatchSize = 1 }
        try await processor.consume(logs(0..<2))
        #expect(log.messages == ["Sender failed"])
        #expect(log.records.first?.metadata["dropped_items"] == "2")
        try await processor.shutdown()
    }

    /// Many at a time, and nothing is lost or doubled.
    @Test func losesNothingUnderLoad() async throws {
        let sink = Sink()
        let processor = processor(sink) {
            $0.timeout = .milliseconds(1)
            $0.sendBatchSize = 50
            $0.sendBatchMaximumSize = 60
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for step in 0..<100 {
                        let start = (sender * 100 + step) * 7
                        try await processor.consume(logs(start..<start + 7))
                    }
                }
            }
            try await group.waitForAll()
        }
        try await processor.shutdown()
        let all = sink.taken.withLock { $0.map(\.telemetry) }.flatMap(numbers)
        #expect(all.sorted() == Array(0..<5600))
        #expect(sink.sizes.allSatisfy { $0 <= 60 })
    }

    @Test func readsItsKeys() {
        let read = BatchProcessorFactory().decode
        let (configuration, errors, _) = decode(
            [
                ("timeout", .string("1s")), ("send_batch_size", .integer(5)), ("send_batch_max_size", .integer(6)),
                ("metadata_keys", .list([.init(.string("X-Tenant"))])), ("metadata_cardinality_limit", .integer(7)),
            ], with: read)
        #expect(errors.isEmpty)
        #expect(configuration.timeout == .seconds(1) && configuration.metadataKeys == ["x-tenant"])
        #expect(configuration.sendBatchSize == 5 && configuration.sendBatchMaximumSize == 6)
        #expect(configuration.metadataCardinalityLimit == 7)
        #expect(decode([], with: read).configuration == BatchConfiguration())
        let keys: ConfigurationNode.Value = .list([.init(.string("a")), .init(.string("A"))])
        let (_, mistakes, _) = decode([("send_batch_max_size", .integer(6)), ("metadata_keys", keys)], with: read)
        #expect(mistakes.count == 2)
        #expect(mistakes.contains { $0.contains("must be greater or equal to send_batch_size") })
        #expect(mistakes.contains { $0.contains("duplicate entry in metadata_keys: \"a\"") })
    }
}
