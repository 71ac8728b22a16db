import Collector
import ExporterTestSupport
import Foundation
import OTLP
import OTLPTestSupport
import Synchronization
import Testing

@testable import ExporterSupport

private final class Recorder: TelemetrySender {
    let received = Mutex<[Telemetry]>([])
    let metadata = Mutex<[[String: [String]]]>([])
    let failure: (any Error)?

    init(failure: (any Error)? = nil) { self.failure = failure }

    func start(host: any Collector.Host) async throws {}
    func send(_ telemetry: Telemetry) async throws {
        if let failure { throw failure }
        received.withLock { $0.append(telemetry) }
        metadata.withLock { $0.append(RequestContext.current?.metadata ?? [:]) }
    }
    func shutdown() async {}

    var counts: [Int] { received.withLock { $0.map(\.itemCount) } }
}

struct SendingBatchTests {
    let log = LogRecorder()

    static func batch(_ change: (inout SendingBatchConfiguration) -> Void) -> SendingBatchConfiguration {
        var batch = SendingBatchConfiguration()
        batch.flushTimeout = .seconds(3600)
        change(&batch)
        return batch
    }

    static func logs(_ names: String...) -> Telemetry {
        .logs(
            .with { data in
                data.resourceLogs = [
                    .with { $0.scopeLogs = [.with { $0.logRecords = names.map { name in .with { $0.body = .string(name) } } }] }
                ]
            })
    }

    static func names(_ telemetry: [Telemetry]) -> [[String]] {
        telemetry.map { telemetry in
            guard case .logs(let data) = telemetry else { return [] }
            return data.resourceLogs.flatMap(\.scopeLogs).flatMap(\.logRecords).map(\.body.stringValue)
        }
    }

    private func exporter(
        _ recorder: Recorder, _ batch: SendingBatchConfiguration, _ signal: Signal = .logs, waits: Bool = false
    ) async throws -> QueuedExporter {
        let exporter = QueuedExporter(
            configuration: ExporterConfiguration(
                retry: RetryConfiguration(isEnabled: false),
                queue: QueueConfiguration(consumers: 1, waitsForResult: waits, batch: batch)),
            signal: signal, context: log.context(), sender: recorder)
        try await exporter.start(host: EmptyHost())
        return exporter
    }

    /// A batch leaves when it has enough; the rest at the end.
    @Test(
        arguments: [
            (2, 0, [["a", "b", "c"], ["d"]]), (0, 1, [["a"], ["b"], ["c"], ["d"]]), (3, 3, [["a", "b", "c"], ["d"]]),
            (4, 0, [["a", "b", "c", "d"]]), (2, 2, [["a", "b"], ["c", "d"]]),
        ])
    func joinsAndTakesApart(minimum: Int, maximum: Int, expected: [[String]]) async throws {
        let recorder = Recorder()
        let exporter = try await exporter(
            recorder,
            Self.batch {
                $0.minimumSize = minimum
                $0.maximumSize = maximum
            })
        try await exporter.consume(Self.logs("a"))
        try await exporter.consume(Self.logs("b", "c"))
        try await exporter.consume(Self.logs("d"))
        try await exporter.shutdown()
        #expect(Self.names(recorder.received.withLock { $0 }) == expected)
    }

    @Test func timeSendsWhatThereIs() async throws {
        let recorder = Recorder()
        let exporter = try await exporter(recorder, Self.batch { $0.flushTimeout = .milliseconds(20) })
        try await exporter.consume(Self.logs("a"))
        while recorder.counts.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        try await exporter.consume(Self.logs("b"))
        while recorder.counts.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        try await exporter.shutdown()
        #expect(Self.names(recorder.received.withLock { $0 }) == [["a"], ["b"]])
    }

    /// Sizes in bytes: no message is larger than allowed, and nothing is missing.
    @Test func bytesAreAnUpperBound() async throws {
        let recorder = Recorder()
        let maximum = 200
        let exporter = try await exporter(
            recorder,
            Self.batch {
                $0.sizer = .bytes
                $0.minimumSize = maximum
                $0.maximumSize = maximum
            })
        let names = (0..<50).map { String(repeating: "x", count: $0 * 3 % 90) + "\($0)" }
        for name in names { try await exporter.consume(Self.logs(name)) }
        try await exporter.shutdown()
        let received = recorder.received.withLock { $0 }
        #expect(Self.names(received).flatMap { $0 } == names)
        #expect(try received.allSatisfy { try $0.serializedBytes().count <= maximum })
        #expect(received.count < 30)
    }

    /// Profiles get one dictionary, and their parts only what they need of it.
    @Test func profilesAreIndexedAnew() async throws {
        let recorder = Recorder()
        let sent = ExampleProfiles.small()
        let exporter = try await exporter(
            recorder,
            Self.batch {
                $0.minimumSize = 3
                $0.maximumSize = 3
            }, .profiles)
        for _ in 0..<4 { try await exporter.consume(.profiles(sent)) }
        try await exporter.shutdown()
        let received = recorder.received.withLock { $0 }
        #expect(received.map(\.itemCount).reduce(0, +) == 4 * sent.sampleCount)
        #expect(received.dropLast().allSatisfy { $0.itemCount == 3 })
        for case .profiles(let data) in received {
            // The same message twice has the same ids twice.
            #expect(ProfilesChecker.check(data).filter { !"\($0)".contains("profile_id") }.isEmpty)
        }
    }

    @Test func callersLearnTheOutcome() async throws {
        let good = Recorder()
        let exporter = try await exporter(good, Self.batch { $0.minimumSize = 2 }, waits: true)
        async let first: Void = exporter.consume(Self.logs("a"))
        async let second: Void = exporter.consume(Self.logs("b"))
        _ = try await (first, second)
        #expect(good.counts == [2])
        try await exporter.shutdown()

        let bad = Recorder(failure: PermanentError("no"))
        let failing = try await self.exporter(bad, Self.batch { $0.minimumSize = 1 }, waits: true)
        await #expect(throws: PermanentError.self) { try await failing.consume(Self.logs("a", "b")) }
        try await failing.shutdown()
    }

    /// Sizes are counted where somebody wants to know.
    @Test(arguments: [true, false]) func detailedMetricsHaveSizes(isDetailed: Bool) async throws {
        let metrics = MetricsRegistry()
        metrics.set(isDetailed: isDetailed)
        let exporter = QueuedExporter(
            configuration: ExporterConfiguration(queue: QueueConfiguration(batch: Self.batch { $0.minimumSize = 100 })),
            signal: .logs, context: log.context(metrics: metrics), sender: Recorder())
        try await exporter.start(host: EmptyHost())
        for _ in 0..<2 { try await exporter.consume(Self.logs("a", "b")) }
        try await exporter.shutdown()
        #expect(metrics.value("otelcol_exporter_enqueue_size_sum") == (isDetailed ? 4 : nil))
        #expect(metrics.value("otelcol_exporter_queue_batch_send_size_count") == (isDetailed ? 1 : nil))
    }

    @Test func partitionsStayApart() async throws {
        let recorder = Recorder()
        let exporter = try await exporter(
            recorder,
            Self.batch {
                $0.minimumSize = 2
                $0.partitionKeys = ["x-tenant"]
            })
        for (tenant, name) in [("1", "a"), ("2", "b"), ("1", "c"), ("2", "d")] {
            let context = RequestContext(metadata: ["x-tenant": [tenant], "x-other": [name]])
            try await RequestContext.$current.withValue(context) { try await exporter.consume(Self.logs(name)) }
        }
        try await exporter.shutdown()
        #expect(Self.names(recorder.received.withLock { $0 }) == [["a", "c"], ["b", "d"]])
        #expect(recorder.metadata.withLock { $0 } == [["x-tenant": ["1"]], ["x-tenant": ["2"]]])
    }

    /// What the queue is told to keep of header fields is there when a request is sent; the rest is not.
    @Test(arguments: [nil, 1], [false, true])
    func headerFieldsAreKept(minimum: Int?, waits: Bool) async throws {
        let recorder = Recorder()
        var queue = QueueConfiguration(
            consumers: 1, waitsForResult: waits,
            batch: minimum.map { minimum in Self.batch { $0.minimumSize = minimum } })
        queue.metadataKeys = ["x-tenant", "x-absent"]
        let exporter = QueuedExporter(
            configuration: ExporterConfiguration(retry: RetryConfiguration(isEnabled: false), queue: queue),
            signal: .logs, context: log.context(), sender: recorder)
        try await exporter.start(host: EmptyHost())
        try await exporter.consume(Self.logs("a"))
        let context = RequestContext(metadata: ["x-tenant": ["1", "2"], "x-absent": [], "cookie": ["secret"]])
        try await RequestContext.$current.withValue(context) { try await exporter.consume(Self.logs("b")) }
        try await exporter.shutdown()
        #expect(recorder.metadata.withLock { $0 } == [[:], ["x-tenant": ["1", "2"]]])
    }

    @Test(
        arguments: [
            ([], []), ([("min_size", .integer(10)), ("max_size", .integer(5))], ["greater or equal"]),
            ([("sizer", .string("requests"))], ["[items, bytes]"]), ([("flush_timeout", .string("0s"))], ["flush_timeout"]),
            ([("partition", .tree([("metadata_keys", .list([.init(.string("A"))]))]))], []),
            ([("sizer", .string("bytes")), ("max_size", .integer(100_000))], []),
        ] as [([(String, ConfigurationNode.Value)], [String])])
    func readsItsKeys(keys: [(String, ConfigurationNode.Value)], messages: [String]) {
        let (queue, errors, _) = decode([("batch", .tree(keys))], with: { QueueConfiguration($0) })
        #expect(errors.count == messages.count, "\(errors)")
        for (error, message) in zip(errors, messages) { #expect(error.contains(message)) }
        #expect(queue.batch != nil)
    }

    @Test func batchesAreOffUnlessWritten() {
        for (keys, isOn) in [
            ([], false), ([("batch", .null)], true), ([("batch", .tree([("enabled", .boolean(false))]))], false),
        ] as [([(String, ConfigurationNode.Value)], Bool)] {
            let (queue, errors, _) = decode(keys, with: { QueueConfiguration($0) })
            #expect(errors.isEmpty && (queue.batch != nil) == isOn)
        }
    }
}
