import Collector
import OTLP
import Testing

@testable import ProfilingMetricsConnector

/// Aggregation over time, and what happens when the next component refuses.
@Suite struct ConnectorTests {
    let sink = MetricsSink()
    let registry = MetricsRegistry()

    func connector(_ flushInterval: Duration = .seconds(600)) throws -> ProfilingMetricsConnector {
        ProfilingMetricsConnector(
            configuration: .with { $0.flushInterval = flushInterval }, context: try makeContext(metrics: registry),
            next: sink)
    }

    func dropped() -> Double {
        registry.samples().filter { $0.name.hasSuffix("dropped_metric_points") }.reduce(0) { $0 + $1.value }
    }

    @Test func aWindowAddsUpAndKeepsTheLatestTime() async throws {
        let connector = try connector()
        try await connector.start(host: TestHost())
        let time: UInt64 = 1_700_000_000_000_000_000
        for offset in [0, 0, 5_000_000_000] as [UInt64] {
            try await connector.consume(.profiles(message(FrameMetricsTests.allTypes, time: time - offset)))
        }
        #expect(sink.batches.isEmpty)
        try await connector.shutdown()
        #expect(sink.batches.count == 1)
        #expect(
            lines(sink.batches.first) == [
                "samples.beam.count 21", "samples.cpython.count 126", "samples.dotnet.count 18", "samples.go.count 3",
                "samples.jvm.count 3", "samples.perl.count 12", "samples.php.count 9", "samples.ruby.count 15",
                "samples.rust.count 24", "samples.user.count 237", "samples.v8js.count 6",
            ])
        let points = sink.batches.flatMap(\.resourceMetrics).flatMap(\.scopeMetrics).flatMap(\.metrics)
            .flatMap(\.sum.dataPoints)
        #expect(points.allSatisfy { $0.timeUnixNano == time && $0.startTimeUnixNano == time - 5_000_000_000 })
    }

    @Test func theIntervalFlushes() async throws {
        let connector = try connector(.milliseconds(20))
        try await connector.start(host: TestHost())
        try await connector.consume(.profiles(message([TestSample([.of("go")])])))
        await sink.wait(calls: 1)
        #expect(lines(sink.batches.first) == ["samples.go.count 1", "samples.user.count 1"])
        try await connector.shutdown()
        #expect(sink.batches.count == 1)
    }

    @Test func withoutAnIntervalEveryMessageIsAnswered() async throws {
        let connector = try connector(.zero)
        try await connector.start(host: TestHost())
        try await connector.consume(.profiles(message([TestSample([.of("go")])])))
        #expect(sink.batches.count == 1)
        // Nothing to say: nothing is sent.
        try await connector.consume(.profiles(.init()))
        try await connector.consume(.profiles(message([TestSample([])], type: "sample")))
        #expect(sink.batches.count == 1)
        sink.refuse(with: [MetricsSink.Refusal()])
        await #expect(throws: MetricsSink.Refusal.self) {
            try await connector.consume(.profiles(message([TestSample([.of("go")])])))
        }
        try await connector.shutdown()
        #expect(sink.batches.count == 1)
    }

    @Test func whatIsRefusedIsOfferedAgain() async throws {
        let connector = try connector(.milliseconds(20))
        sink.refuse(with: [MetricsSink.Refusal(), MetricsSink.Refusal()])
        try await connector.start(host: TestHost())
        try await connector.consume(.profiles(message([TestSample([.of("go")], 4)])))
        await sink.wait(calls: 3)
        try await connector.shutdown()
        #expect(lines(sink.batches.first) == ["samples.go.count 4", "samples.user.count 4"])
        #expect(sink.batches.count == 1)
        #expect(dropped() == 0)
    }

    @Test func whatIsRefusedForGoodIsDroppedAndCounted() async throws {
        let connector = try connector()
        sink.refuse(with: [PermanentError("never")])
        try await connector.start(host: TestHost())
        try await connector.consume(.profiles(message([TestSample([.of("go")])])))
        await #expect(throws: PermanentError.self) { try await connector.shutdown() }
        #expect(dropped() == 2)
        #expect(sink.batches.isEmpty)
    }

    @Test func whatIsKeptIsBounded() async throws {
        let connector = try connector()
        let windows = ProfilingMetricsConnector.maximumKeptBatches + 5
        sink.refuse(with: Array(repeating: MetricsSink.Refusal(), count: windows + 1))
        for _ in 0..<windows {
            try await connector.consume(.profiles(message([TestSample([.of("go")])])))
            await #expect(throws: MetricsSink.Refusal.self) { try await connector.flush() }
        }
        #expect(dropped() == 10)
        await #expect(throws: CollectorError.self) { try await connector.shutdown() }
        // Two points a window, lost by the bound or at the end.
        #expect(dropped() == Double(2 * windows))
    }

    @Test func aSlowConsumerDoesNotHoldUpProducers() async throws {
        let gate = GatedSink()
        let connector = ProfilingMetricsConnector(
            configuration: .with { $0.flushInterval = .milliseconds(5) }, context: try makeContext(), next: gate)
        try await connector.start(host: TestHost())
        try await connector.consume(.profiles(message([TestSample([.of("go")])])))
        await gate.entered()
        // The consumer is inside of its call; this would wait for it if a lock were held.
        for _ in 0..<100 { try await connector.consume(.profiles(message([TestSample([.of("go")])]))) }
        gate.open()
        try await connector.shutdown()
        #expect(gate.total() == 202)
    }
}

/// Holds its first caller until it is opened.
final class GatedSink: Consumer {
    private let sink = MetricsSink()
    private let entry = AsyncStream<Void>.makeStream()
    private let gate = AsyncStream<Void>.makeStream()

    func consume(_ telemetry: Telemetry) async throws {
        entry.continuation.yield()
        var iterator = gate.stream.makeAsyncIterator()
        _ = await iterator.next()
        try await sink.consume(telemetry)
    }

    func entered() async {
        var iterator = entry.stream.makeAsyncIterator()
        _ = await iterator.next()
    }

    func open() { gate.continuation.finish() }

    func total() -> Int64 {
        sink.batches.flatMap(\.resourceMetrics).flatMap(\.scopeMetrics).flatMap(\.metrics).flatMap(\.sum.dataPoints)
            .reduce(0) { $0 + $1.asInt }
    }
}
