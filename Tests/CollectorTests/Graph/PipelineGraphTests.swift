import Logging
import Testing

@testable import Collector

struct PipelineGraphTests {
    let journal = Journal()

    func graph(_ yaml: String) async throws -> PipelineGraph {
        let (configuration, _) = try decodeConfiguration(yaml, journal: journal)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let build = BuildInformation(command: "c", description: "d", version: "v")
        return try await PipelineGraph(
            configuration, environment: .init(logger: logger, build: build, metrics: MetricsRegistry()))
    }

    func tracker() -> StatusTracker { StatusTracker { _, _ in } }

    /// Profiles go to an exporter and, through a connector, to metrics.
    static let connected = """
        receivers: {rx: {flushes: last}, rx/2: }
        processors: {proc: , proc/2: }
        exporters: {ex: , ex/2: }
        connectors: {conn: }
        service:
          pipelines:
            profiles: {receivers: [rx, rx/2], processors: [proc, proc/2], exporters: [ex, conn]}
            profiles/b: {receivers: [rx], exporters: [ex]}
            metrics: {receivers: [conn, rx], processors: [proc], exporters: [ex, ex/2]}
        """

    @Test func makesOneInstancePerSignalPipelineOrPair() async throws {
        let graph = try await graph(Self.connected)
        #expect(
            Set(graph.instances.map(\.description)) == [
                "receiver \"rx\" (profiles)", "receiver \"rx/2\" (profiles)", "receiver \"rx\" (metrics)",
                "processor \"proc\" (profiles)", "processor \"proc/2\" (profiles)", "processor \"proc\" (metrics)",
                "exporter \"ex\" (profiles)", "exporter \"ex\" (metrics)", "exporter \"ex/2\" (metrics)",
                "connector \"conn\" (profiles_to_metrics)",
            ])
        #expect(graph.instances.count == 10)
    }

    @Test func startsConsumersFirstAndReceiversLast() async throws {
        let graph = try await graph(Self.connected)
        try await graph.start(tracker: tracker(), extensions: [:])
        let order = journal.entries("start").map { String($0.dropFirst("start ".count)) }
        func index(_ label: String) throws -> Int { try #require(order.firstIndex(of: label)) }
        #expect(try index("ex.metrics") < index("proc.metrics"))
        #expect(try index("proc.metrics") < index("conn.profiles.metrics"))
        #expect(try index("conn.profiles.metrics") < index("proc/2.profiles"))
        #expect(try index("proc/2.profiles") < index("proc.profiles"))
        #expect(Set(order.suffix(3)) == ["rx.profiles", "rx.metrics", "rx/2.profiles"])
        #expect(order.count == 10)
    }

    @Test func stopsReceiversFirstAndLetsThemFlush() async throws {
        let graph = try await graph(Self.connected)
        let tracker = tracker()
        try await graph.start(tracker: tracker, extensions: [:])
        #expect(await graph.shutdown(tracker: tracker).isEmpty)
        let order = journal.entries("stop").map { String($0.dropFirst("stop ".count)) }
        func index(_ label: String) throws -> Int { try #require(order.firstIndex(of: label)) }
        #expect(Set(order.prefix(3)) == ["rx.profiles", "rx.metrics", "rx/2.profiles"])
        #expect(try index("proc.profiles") < index("proc/2.profiles"))
        #expect(try index("proc/2.profiles") < index("conn.profiles.metrics"))
        #expect(try index("conn.profiles.metrics") < index("proc.metrics"))
        #expect(try index("proc.metrics") < index("ex.metrics"))
        // What the receivers sent when they were stopped arrived before the exporters were.
        let all = journal.all
        let lastDelivery = try #require(all.lastIndex { $0.hasPrefix("ex") && $0.contains("got last") })
        let firstStop = try #require(all.firstIndex { $0.hasPrefix("stop ex") })
        #expect(lastDelivery < firstStop)
        #expect(journal.entries("ex.profiles got last").count == 2)
        #expect(journal.entries("ex/2.metrics got last").count == 2)
        #expect(tracker.statuses.values.allSatisfy { $0.name == "StatusStopped" })
    }

    @Test func deliversToAllAndJoinsErrors() async throws {
        let yaml = """
            receivers: {rx: {flushes: one}}
            exporters: {ex: {refuses: first}, ex/2: , ex/3: {refuses: third}}
            service: {pipelines: {profiles: {receivers: [rx], exporters: [ex, ex/2, ex/3]}}}
            """
        let graph = try await graph(yaml)
        let tracker = tracker()
        try await graph.start(tracker: tracker, extensions: [:])
        let errors = await graph.shutdown(tracker: tracker)
        #expect(errors.map { "\($0)" } == ["failed to shut down \"rx\" receiver: first\nthird"])
        #expect(journal.entries("ex").count == 3)
        // The others were stopped nevertheless.
        #expect(journal.entries("stop ex").count == 3)
    }

    @Test func unwindsAFailedStart() async throws {
        let yaml = """
            receivers: {rx: }
            processors: {proc: {fails_to_start: true}}
            exporters: {ex: {fails_to_shut_down: true}}
            service: {pipelines: {profiles: {receivers: [rx], processors: [proc], exporters: [ex]}}}
            """
        let graph = try await graph(yaml)
        let tracker = tracker()
        let error = await #expect(throws: JoinedError.self) {
            try await graph.start(tracker: tracker, extensions: [:])
        }
        #expect(
            error?.description == "cannot start pipelines: failed to start \"proc\" processor: no start\n"
                + "failed to shut down \"ex\" exporter: no end")
        #expect(journal.entries("start") == ["start ex.profiles"])
        #expect(journal.entries("stop") == ["stop ex.profiles"])
        #expect(tracker.statuses.values.filter { $0.name == "StatusPermanentError" }.count == 2)
    }

    @Test(arguments: [
        ("metrics_rx", "", "ex", "failed to create \"metrics_rx\" receiver for data type \"logs\": telemetry type is not supported"),
        ("rx", "proc", "ex", "failed to create \"proc\" processor, in pipeline \"logs\": telemetry type is not supported"),
        ("rx", "", "conn", "connector \"conn\" used as exporter in [logs] pipeline but not used in any supported receiver pipeline"),
        ("conn", "", "ex", "connector \"conn\" used as receiver in [logs] pipeline but not used in any supported exporter pipeline"),
    ])
    func refusesUnsupportedSignals(receiver: String, processor: String, exporter: String, message: String) async {
        let yaml = """
            receivers: {rx: , metrics_rx: }
            processors: {proc: }
            exporters: {ex: }
            connectors: {conn: }
            service: {pipelines: {logs: {receivers: [\(receiver)], processors: [\(processor)], exporters: [\(exporter)]}}}
            """
        let error = await #expect(throws: CollectorError.self) { _ = try await graph(yaml) }
        #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }

    @Test func skipsUnsupportedPairsOfAConnectorThatHasOthers() async throws {
        let yaml = """
            receivers: {rx: }
            exporters: {ex: }
            connectors: {conn: }
            service:
              pipelines:
                profiles: {receivers: [rx], exporters: [conn]}
                metrics: {receivers: [conn], exporters: [ex]}
                profiles/2: {receivers: [conn], exporters: [ex]}
            """
        let graph = try await graph(yaml)
        #expect(graph.instances.filter { $0.kind == .connector }.count == 2)
    }

    @Test func namesACycle() async {
        let yaml = """
            receivers: {rx: }
            processors: {proc: }
            exporters: {ex: }
            connectors: {conn: , conn/2: }
            service:
              pipelines:
                metrics: {receivers: [rx, conn/2], exporters: [conn]}
                metrics/2: {receivers: [conn], processors: [proc], exporters: [conn/2]}
            """
        let error = await #expect(throws: CollectorError.self) { _ = try await graph(yaml) }
        #expect(
            error?.message == "cycle detected: connector \"conn\" (metrics to metrics) -> processor \"proc\" in pipeline "
                + "\"metrics/2\" -> connector \"conn/2\" (metrics to metrics) -> connector \"conn\" (metrics to metrics)")
    }

    @Test func namesWhatCannotBeMade() async {
        let yaml = """
            receivers: {rx: }
            exporters: {ex/a: {fails_to_make: true}}
            service: {pipelines: {logs: {receivers: [rx], exporters: [ex/a]}}}
            """
        let error = await #expect(throws: CollectorError.self) { _ = try await graph(yaml) }
        #expect(error?.message == "failed to create \"ex/a\" exporter for data type \"logs\": ex/a.logs cannot be made")
    }

    @Test func makesNothingThatNoPipelineUses() async throws {
        let yaml = """
            receivers: {rx: , rx/unused: {fails_to_make: true}}
            exporters: {ex: }
            service: {pipelines: {logs: {receivers: [rx], exporters: [ex]}}}
            """
        #expect(try await graph(yaml).instances.count == 2)
    }
}
