import Collector
import ExporterTestSupport
import LiveSupport
import ServerSupport
import Testing

@testable import ZPagesExtension

struct ZPagesTests {
    struct Shown: Host {
        let collector: CollectorState?
        var extensions: [ComponentID: any Extension] { [:] }
        func report(_ status: ComponentStatus) {}
        func runningExtension(_ id: ComponentID) -> (any Extension)? { nil }
    }

    static let state = CollectorState(
        build: BuildInformation(command: "otelcol", description: "A <Collector>", version: "1.2.3"),
        resource: ["service.instance.id": "abc"],
        pipelines: [
            .init(
                id: PipelineID(signal: .profiles, name: "own"), receivers: [ComponentID(type: "profiling")],
                processors: [ComponentID(type: "resource")],
                exporters: [ComponentID(type: "otlp_grpc", name: "a&b"), ComponentID(type: "profilingmetrics")])
        ],
        extensions: [ComponentID(type: "zpages")],
        statuses: [
            ComponentInstanceID(kind: .receiver, id: ComponentID(type: "profiling"), scope: "profiles"): .ok,
            ComponentInstanceID(
                kind: .exporter, id: ComponentID(type: "otlp_grpc", name: "a&b"), scope: "profiles"):
                .recoverableError(CollectorError("<away>")),
            ComponentInstanceID(
                kind: .connector, id: ComponentID(type: "profilingmetrics"), scope: "profiles_to_metrics"): .ok,
            ComponentInstanceID(kind: .extension, id: ComponentID(type: "zpages")): .ok,
        ],
        gates: FeatureGates.standard.map { ($0, $0.id == FeatureGates.profilesSupport) })

    func ask(_ path: String, showsVariables: Bool = false) async throws -> (code: String, body: String) {
        var configuration = ZPagesExtensionFactory.Configuration()
        configuration.server.address = .tcp(host: "localhost", port: 0)
        configuration.showsVariables = showsVariables
        let metrics = MetricsRegistry()
        metrics.counter("otelcol_receiver_accepted_profile_samples", labels: ["receiver": "profiling"]).add(42 as Int)
        let pages = ZPagesExtension(
            configuration: configuration, context: LogRecorder().context(.extension, metrics: metrics))
        try await pages.start(host: Shown(collector: Self.state))
        let output = try await Command.run(
            ["curl", "-s", "-w", "\n%{http_code}", "http://localhost:\(pages.port ?? 0)\(path)"],
            includingStandardError: false)
        try await pages.shutdown()
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
        return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
    }

    @Test(
        .enabled(if: try Live.has(.tool("curl"))),
        arguments: [
            ("/debug/servicez", ["1.2.3", "A &lt;Collector&gt;", "abc", "&lt;away&gt;", "RecoverableError"]),
            (
                "/debug/pipelinez",
                [
                    "profiles/own", "profiling", "otlp_grpc/a&amp;b", "RecoverableError", "connector",
                    "zcomponentname=otlp_grpc%2Fa%26b",
                ]
            ),
            (
                "/debug/pipelinez?zcomponentname=profiling", ["otelcol_receiver_accepted_profile_samples", "<td>42</td>"]
            ),
            ("/debug/extensionz", ["zpages", "OK"]),
            ("/debug/featurez", ["service.profilesSupport", "Alpha", "yes"]),
            ("/debug/tracez", ["no spans"]),
        ])
    func showsWhatRuns(path: String, texts: [String]) async throws {
        let (code, body) = try await ask(path)
        #expect(code == "200")
        for text in texts { #expect(body.contains(text), "\(text)") }
        #expect(!body.contains("<away>"))
    }

    @Test(.enabled(if: try Live.has(.tool("curl"))))
    func refusesTheRest() async throws {
        #expect(try await ask("/other").code == "404")
        #expect(try await ask("/debug/expvarz").code == "404")
        #expect(try await ask("/debug").code == "302")
        let (code, body) = try await ask("/debug/expvarz", showsVariables: true)
        #expect(code == "200")
        #expect(body.contains("\"otelcol_receiver_accepted_profile_samples{receiver=profiling}\": 42"))
    }

    @Test func readsEveryKey() {
        let (configuration, errors, _) = decode(
            [("endpoint", .string("0.0.0.0:1")), ("expvar", .tree([("enabled", .boolean(true))]))],
            with: ZPagesExtensionFactory().decode)
        #expect(errors.isEmpty && configuration.showsVariables)
        #expect(configuration.server.address == .tcp(host: "0.0.0.0", port: 1))
        let (defaults, _, _) = decode([], with: ZPagesExtensionFactory().decode)
        #expect(defaults.server.address == .tcp(host: "localhost", port: 55679) && !defaults.showsVariables)
    }
}
