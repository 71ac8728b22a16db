import Testing

@testable import Collector

struct CollectorRunTests {
    let journal = Journal()

    func settings(_ yaml: String, gates list: String = "service.profilesSupport") throws -> CollectorSettings {
        CollectorSettings(
            build: BuildInformation(command: "test", description: "d", version: "v"),
            factories: memoryFactories(journal), gates: try gates(list),
            sources: ConfigurationSources(
                uris: ["yaml:" + yaml], settings: ["service.telemetry.logs.output_paths=[/dev/null]"]))
    }

    /// Runs with the events given; stops by itself after them.
    func run(_ yaml: String, events: [CollectorRun.Event] = []) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: CollectorRun.Event.self)
        for event in events { continuation.yield(event) }
        // A fatal error that a component reports while it starts comes before this, if it comes at all.
        try await CollectorRun(try settings(yaml)).run(events: stream, continuation: continuation)
    }

    static let flushing = """
        receivers: {rx: {flushes: last}}
        exporters: {ex: }
        extensions: {ext: , ext/2: }
        service:
          extensions: [ext, ext/2]
          pipelines: {profiles: {receivers: [rx], exporters: [ex]}}
        """

    @Test func startsAndStopsInOrderAndFlushes() async throws {
        try await run(Self.flushing, events: [.stop(reason: "test")])
        let lines = journal.all.filter { !$0.hasPrefix("status") && !$0.hasPrefix("make") }
        #expect(
            lines == [
                "start ext", "start ext/2", "start ex.profiles", "start rx.profiles", "ready ext", "ready ext/2",
                "not ready ext/2", "not ready ext", "ex.profiles got last", "stop rx.profiles", "stop ex.profiles",
                "stop ext/2", "stop ext",
            ])
    }

    @Test func tellsExtensionsAboutStatus() async throws {
        try await run(Self.flushing, events: [.stop(reason: "test")])
        // Two extensions hear each event.
        let heard = journal.entries("status rx")
        #expect(
            heard
                == ["StatusStarting", "StatusOK", "StatusStopping", "StatusStopped"].flatMap { name in
                    Array(repeating: "status rx \(name)", count: 2)
                })
    }

    @Test func endsWithAnErrorAfterAFatalOne() async throws {
        let yaml = Self.flushing.replacing("exporters: {ex: }", with: "exporters: {ex: {dies_with: disk gone}}")
        let error = await #expect(throws: CollectorError.self) { try await run(yaml) }
        #expect(error?.message == "exporter \"ex\" (profiles): disk gone")
        #expect(journal.entries("stop").last == "stop ext")
        #expect(journal.entries("ex.profiles got last").count == 1)
    }

    @Test func shutsExtensionsDownWhenPipelinesCannotStart() async throws {
        let yaml = Self.flushing.replacing("flushes: last", with: "fails_to_start: true")
        let error = await #expect(throws: CollectorError.self) { try await run(yaml) }
        #expect(error?.message == "cannot start pipelines: failed to start \"rx\" receiver: no start")
        #expect(journal.entries("stop") == ["stop ex.profiles", "stop ext/2", "stop ext"])
    }

    @Test func reloadsAndKeepsRunning() async throws {
        try await run(Self.flushing, events: [.reload, .stop(reason: "test")])
        #expect(journal.entries("start rx").count == 2)
        #expect(journal.entries("stop rx").count == 2)
        let lines = journal.all
        let stop = try #require(lines.firstIndex(of: "stop ext"))
        #expect(try #require(lines.lastIndex(of: "start ext")) > stop)
    }

    /// One that does not decode, and one whose components cannot be made.
    @Test(arguments: ["receivers: {bad: }", flushing.replacing("{ex: }", with: "{ex: {fails_to_make: true}}")])
    func goesOnWithTheOldConfigurationIfTheNewIsBad(later: String) async throws {
        let source = ChangingProvider(first: Self.flushing, later: later)
        var settings = try settings("")
        settings.sources.uris = ["change:x"]
        settings.providers = [source, YAMLProvider()]
        let (stream, continuation) = AsyncStream.makeStream(of: CollectorRun.Event.self)
        continuation.yield(.reload)
        continuation.yield(.stop(reason: "test"))
        try await CollectorRun(settings).run(events: stream, continuation: continuation)
        #expect(journal.entries("start rx").count == 1)
        #expect(journal.entries("stop rx").count == 1)
    }

    static let lasting = """
        receivers: {lasting: {setting: one}}
        exporters: {ex: }
        service:
          pipelines: {profiles: {receivers: [lasting], exporters: [ex]}}
        """

    /// Runs with the first configuration, and reloads once for each that follows.
    func run(configurations: [String]) async throws {
        var settings = try settings("")
        settings.sources.uris = ["change:x"]
        settings.providers = [ChangingProvider(configurations), YAMLProvider()]
        let (stream, continuation) = AsyncStream.makeStream(of: CollectorRun.Event.self)
        for _ in configurations.dropFirst() { continuation.yield(.reload) }
        continuation.yield(.stop(reason: "test"))
        try await CollectorRun(settings).run(events: stream, continuation: continuation)
    }

    /// A receiver that can go on does, and feeds the pipelines of the new configuration.
    @Test func keepsAReceiverThatIsConfiguredAsBefore() async throws {
        try await run(configurations: [
            Self.lasting,
            Self.lasting.replacing("{ex: }", with: "{ex: , ex/new: }").replacing("[ex]", with: "[ex/new]"),
        ])
        #expect(journal.entries("start lasting").count == 1)
        #expect(journal.entries("stop lasting").count == 1)
        #expect(journal.entries("start ex") == ["start ex.profiles", "start ex/new.profiles"])
        #expect(journal.entries("ex/new.profiles got farewell").count == 1)
        #expect(journal.entries("ex.profiles got").isEmpty)
    }

    /// Other settings, another id, or no use of it any more: it is stopped, and started anew if it is still used.
    @Test(arguments: [
        (lasting.replacing("one", with: "two"), 2), (lasting.replacing("one", with: "'one'"), 1),
        (lasting.replacing("lasting", with: "lasting/2"), 2), (lasting.replacing("one", with: "${yaml:one}"), 1),
        (flushing, 1),
    ])
    func startsAReceiverAnewThatIsConfiguredOtherwise(later: String, starts: Int) async throws {
        try await run(configurations: [Self.lasting, later])
        #expect(journal.entries("start lasting").count == starts)
        #expect(journal.entries("stop lasting").count == starts)
    }

    /// The new configuration is sound but does not start: the old one is started again, and the receiver never noticed.
    @Test func goesBackToTheOldConfigurationIfTheNewDoesNotStart() async throws {
        try await run(configurations: [
            Self.lasting, Self.lasting.replacing("{ex: }", with: "{ex: {fails_to_start: true}}"),
        ])
        #expect(journal.entries("start lasting").count == 1)
        #expect(journal.entries("start ex").count == 2)
        #expect(journal.entries("ex.profiles got farewell").count == 1)
        let lines = journal.all
        #expect(
            try #require(lines.lastIndex(of: "start ex.profiles"))
                > (try #require(lines.firstIndex(of: "stop ex.profiles"))))
    }

    @Test func joinsShutdownErrors() async throws {
        let yaml = Self.flushing.replacing("{ex: }", with: "{ex: {fails_to_shut_down: true}}")
            .replacing("ext/2: }", with: "ext/2: {fails_to_shut_down: true}}")
        let error = await #expect(throws: JoinedError.self) { try await run(yaml, events: [.stop(reason: "test")]) }
        #expect(error?.errors.count == 2)
        #expect(journal.all.contains("stop ext"))
    }

    @Test func prefixesInvalidConfigurations() async throws {
        let error = await #expect(throws: CollectorError.self) { try await run("receivers: {rx: }") }
        #expect(error?.message.hasPrefix("invalid configuration: no exporter configuration") == true)
    }

    @Test func validatesTheGraphWithoutMakingComponents() async throws {
        let run = CollectorRun(try settings(Self.flushing))
        try await run.validate()
        #expect(journal.all.isEmpty)
        let cyclic = """
            receivers: {rx: }
            exporters: {ex: }
            connectors: {conn: }
            service: {pipelines: {metrics: {receivers: [rx, conn], exporters: [conn, ex]}}}
            """
        await #expect(throws: CollectorError.self) { try await CollectorRun(try settings(cyclic)).validate() }
    }
}

/// Gives another text from the second time on.
actor ChangingProvider: ConfigurationProvider {
    nonisolated let scheme = "change"
    private var texts: [String]

    init(first: String, later: String) { texts = [first, later] }
    init(_ texts: [String]) { self.texts = texts }

    func retrieve(_ opaque: String) async throws -> RetrievedConfiguration {
        RetrievedConfiguration(.text(texts.count > 1 ? texts.removeFirst() : texts[0]))
    }
}
