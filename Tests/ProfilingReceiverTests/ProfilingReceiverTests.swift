import Collector
import Engine
import Logging
import OTLP
import OTLPTestSupport
import Synchronization
import Testing

@testable import ProfilingReceiver

@Suite(.timeLimit(.minutes(1))) struct ProfilingReceiverTests {
    /// A receiver with everything around it played by parts that keep notes.
    private final class Bench: Sendable {
        let log = LogLines()
        let metrics = MetricsRegistry()
        let host = FakeHost()
        let consumer: RecordingConsumer
        let receiver: any Receiver
        private let made: Mutex<[FakeSource]>

        var source: FakeSource? { made.withLock { $0.first } }

        init(
            _ configuration: ProfilingConfiguration = ProfilingConfiguration(),
            consumer: RecordingConsumer = RecordingConsumer(), startError: CollectorError? = nil,
            lastInterval: ProfileInterval? = nil
        ) async throws {
            self.consumer = consumer
            let sources = SourceList()
            let factory = ProfilingReceiverFactory { options, log, handler in
                let source = FakeSource(
                    options: options, log: log, handler: handler, startError: startError, lastInterval: lastInterval)
                sources.list.withLock { $0.append(source) }
                return source
            }
            receiver = try await factory.makeReceiver(
                signal: .profiles, configuration: configuration,
                context: ComponentContext(
                    kind: .receiver, id: ComponentID(type: "profiling", name: "a"), logger: log.makeLogger(),
                    build: BuildInformation(command: "otelcol", description: "", version: "9.8.7"), metrics: metrics),
                next: consumer)
            try await receiver.start(host: host)
            made = Mutex(sources.list.withLock { $0 })
        }

        func value(_ name: String) -> Double? { metrics.samples().first { $0.name == name }?.value }
    }

    private final class SourceList: Sendable {
        let list = Mutex<[FakeSource]>([])
    }

    private func profiles(_ telemetry: Telemetry?) throws -> OTLPProfilesData {
        guard case .profiles(let data)? = telemetry else { throw CollectorError("no profiles") }
        return data
    }

    @Test func intervalsReachThePipelineTheLastOneBeforeShutdownReturns() async throws {
        var last = Intervals.rich()
        last.samples = [Intervals.sample(at: 4)]
        let bench = try await Bench(lastInterval: last)
        let source = try #require(bench.source)
        #expect(source.isStarted)
        source.handler(Intervals.rich())
        try await bench.receiver.shutdown()
        #expect(source.isStopped)

        #expect(bench.consumer.batches.count == 2)
        let first = try profiles(bench.consumer.batches.first)
        #expect(ProfilesChecker.check(first).map(\.description) == [])
        #expect(first.resourceProfiles.first?.scopeProfiles.first?.scope.version == "9.8.7")
        let second = try profiles(bench.consumer.batches.last)
        #expect(second.sampleCount == 1)
        let accepted = try #require(
            bench.metrics.samples().first { $0.name == "otelcol_receiver_accepted_profile_samples" })
        #expect(accepted.value == Double(first.sampleCount + 1))
        #expect(accepted.labels == [.init("receiver", "profiling/a"), .init("transport", "ebpf")])
        #expect(bench.value("otelcol_receiver_refused_profile_samples") == 0)
        #expect(bench.log.all == [])
    }

    @Test func theConfigurationReachesTheSourceAndTheProfiles() async throws {
        var configuration = ProfilingConfiguration()
        configuration.samplesPerSecond = 19
        configuration.sendErrorFrames = false
        let bench = try await Bench(configuration, lastInterval: Intervals.rich())
        #expect(bench.source?.options.samplesPerSecond == 19)
        try await bench.receiver.shutdown()
        let data = try profiles(bench.consumer.batches.first)
        #expect(data.resourceProfiles.first?.scopeProfiles.first?.profiles.first?.period == 52_631_578)
        #expect(!data.dictionary.stringTable.contains("abort-marker"))
    }

    @Test func emptyIntervalsAreNotSent() async throws {
        let bench = try await Bench(lastInterval: ProfileInterval(startUnixNanoseconds: 1, endUnixNanoseconds: 2))
        try await bench.receiver.shutdown()
        #expect(bench.consumer.batches.isEmpty)
    }

    @Test func whatThePipelineRefusesIsLoggedAndCounted() async throws {
        let consumer = RecordingConsumer(refusingWith: CollectorError("queue is full"))
        let bench = try await Bench(consumer: consumer, lastInterval: Intervals.rich())
        try await bench.receiver.shutdown()
        let count = try profiles(consumer.batches.first).sampleCount
        #expect(bench.value("otelcol_receiver_refused_profile_samples") == Double(count))
        #expect(bench.value("otelcol_receiver_accepted_profile_samples") == 0)
        #expect(bench.log.all == ["error Request failed: queue is full"])
    }

    @Test func aSlowPipelineCostsTheOldestIntervals() async throws {
        let gate = GatedConsumer()
        let log = LogLines()
        let metrics = MetricsRegistry()
        let sources = SourceList()
        let receiver = ProfilingReceiver(
            configuration: ProfilingConfiguration(),
            context: ComponentContext(
                kind: .receiver, id: ComponentID(type: "profiling"), logger: log.makeLogger(),
                build: BuildInformation(command: "", description: "", version: ""), metrics: metrics),
            next: gate,
            makeSource: { options, log, handler in
                let source = FakeSource(options: options, log: log, handler: handler)
                sources.list.withLock { $0.append(source) }
                return source
            })
        try await receiver.start(host: FakeHost())
        let source = try #require(sources.list.withLock { $0.first })
        source.handler(Intervals.rich())
        await gate.waitUntilCalled()
        // One is in the consumer's hands and twelve wait.
        for _ in 0..<14 { source.handler(Intervals.rich()) }
        gate.open()
        try await receiver.shutdown()
        #expect(gate.count == 13)
        func value(_ name: String) -> Double? { metrics.samples().first { $0.name == name }?.value }
        #expect(value("otelcol_receiver_dropped_profile_intervals") == 2)
        #expect(value("otelcol_receiver_dropped_profile_events") == 20)
        #expect(log.all.count == 2)
        #expect(log.all.first?.contains("dropped 10 samples") == true)
    }

    // MARK: - Failing to start

    @Test func aFailureToStartStopsTheCollector() async throws {
        await #expect(throws: CollectorError("needs CAP_BPF")) {
            _ = try await Bench(startError: CollectorError("needs CAP_BPF"))
        }
    }

    @Test func aFailureToStartCanBeIgnored() async throws {
        var configuration = ProfilingConfiguration()
        configuration.errorMode = .ignore
        let bench = try await Bench(configuration, startError: CollectorError("needs CAP_BPF"))
        #expect(
            bench.log.all == [
                "error eBPF profiler receiver failed, continuing without profiling: needs CAP_BPF"
            ])
        #expect(bench.host.statuses == ["StatusPermanentError: needs CAP_BPF"])
        try await bench.receiver.shutdown()
        #expect(bench.source?.isStopped == false)
    }

    @Test func shutdownTwiceIsHarmless() async throws {
        let bench = try await Bench(lastInterval: Intervals.rich())
        try await bench.receiver.shutdown()
        try await bench.receiver.shutdown()
        #expect(bench.consumer.batches.count == 1)
    }

    // MARK: - The source's voice

    @Test func theSourcesLogIsTheReceivers() async throws {
        let bench = try await Bench()
        let source = try #require(bench.source)
        source.log(.debug, "d")
        source.log(.info, "i")
        source.log(.warning, "w")
        source.log(.error, "e")
        #expect(bench.log.all == ["debug d", "info i", "warning w", "error e"])
        try await bench.receiver.shutdown()
    }

    @Test func theSourcesMetricsAreTheCollectors() async throws {
        let source = FakeSource(options: EngineOptions(), log: { _, _ in }, handler: { _ in })
        let registry = MetricsRegistry()
        let export = EngineMetricsExport(source: source, registry: registry, receiver: ComponentID(type: "profiling"))
        source.setMetrics([
            EngineMetric(name: "bpf.samples", value: 12, isCounter: true),
            EngineMetric(name: "agent.tables", value: 3, isCounter: false),
        ])
        export.registerNew()
        let samples = registry.samples()
        #expect(samples.map(\.name) == ["agent.tables", "bpf.samples"])
        #expect(samples.map(\.value) == [3, 12])
        #expect(samples.map(\.kind) == [.gauge, .counter])
        #expect(samples.map(\.labels) == [[.init("receiver", "profiling")], [.init("receiver", "profiling")]])

        source.setMetrics([EngineMetric(name: "bpf.python.attempts", value: 1, isCounter: true)])
        export.registerNew()
        #expect(registry.samples().map(\.name).contains("bpf.python.attempts"))
        export.removeAll()
        #expect(registry.samples() == [])
    }

    @Test func metricsAreThereFromStartToShutdown() async throws {
        let bench = try await Bench()
        let source = try #require(bench.source)
        source.setMetrics([EngineMetric(name: "bpf.samples", value: 1, isCounter: true)])
        source.handler(Intervals.rich())
        while bench.consumer.batches.isEmpty { await Task.yield() }
        #expect(bench.value("bpf.samples") == 1)
        try await bench.receiver.shutdown()
        #expect(bench.value("bpf.samples") == nil)
    }
}

/// Holds its callers back until it is opened.
private final class GatedConsumer: Consumer {
    private struct State {
        var count = 0
        var isOpen = false
        var held: [CheckedContinuation<Void, Never>] = []
        var observers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }

    func consume(_ telemetry: Telemetry) async throws {
        await withCheckedContinuation { continuation in
            let (isOpen, observers) = state.withLock { state in
                state.count += 1
                if !state.isOpen { state.held.append(continuation) }
                defer { state.observers = [] }
                return (state.isOpen, state.observers)
            }
            for observer in observers { observer.resume() }
            if isOpen { continuation.resume() }
        }
    }

    func waitUntilCalled() async {
        await withCheckedContinuation { continuation in
            let isCalled = state.withLock { state in
                if state.count == 0 { state.observers.append(continuation) }
                return state.count > 0
            }
            if isCalled { continuation.resume() }
        }
    }

    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }
}
