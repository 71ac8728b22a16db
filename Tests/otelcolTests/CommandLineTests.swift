import Collector
import Testing

@testable import otelcol

struct CommandLineTests {
    /// The folder `Examples` of this package.
    static let examples: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/") + "/Examples/"
    }()
    static let gate = "--feature-gates=service.profilesSupport"

    func configuration(_ names: [String]) -> [String] {
        names.flatMap { ["--config", Self.examples + $0] }
    }

    /// What `validate` finds wrong; empty if nothing.
    func problems(_ arguments: [String]) async throws -> String {
        let command = try #require(try OtelcolCommand.parseAsRoot(arguments) as? OtelcolCommand)
        do {
            try await CollectorRun(try command.options.collectorSettings()).validate()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: ["otel-9.2.yml", "otel-9.3.yml"])
    func acceptsTheDocumentedConfigurations(name: String) async throws {
        let both = configuration([name, "exporters-elasticsearch.yml"])
        #expect(try await problems(both + [Self.gate]) == "")
        #expect(try await problems(both).contains("add --feature-gates=service.profilesSupport"))
        let alone = try await problems(configuration([name]) + [Self.gate])
        #expect(
            alone.hasPrefix(
                "service::pipelines::metrics: references exporter \"elasticsearch\" which is not configured"))
        #expect(!alone.contains("\n"))
    }

    @Test(arguments: ["debug.yml", "local.yml", "otlp.yml"])
    func acceptsTheExamples(name: String) async throws {
        #expect(try await problems(configuration([name]) + [Self.gate]) == "")
    }

    /// A configuration whose only pipeline takes logs to the exporter.
    static func logs(to exporter: String, _ settings: String) -> String {
        "yaml:{receivers: {nop: }, exporters: {\(exporter): \(settings)}, "
            + "service: {pipelines: {logs: {receivers: [nop], exporters: [\(exporter)]}}}}"
    }

    @Test(
        arguments: [
            (["--version"], 0), (["-v"], 0), (["version"], 0), (["--help"], 0), (["components"], 0),
            (["featuregate"], 0),
            (["featuregate", "service.profilesSupport"], 0), (["featuregate", "nope"], 1), (["--bogus"], 1), ([], 1),
            (["validate"], 1), (["validate", "extra"], 1),
            (["elasticsearch", "setup", "--dry-run"], 0), (["--feature-gates", "nope", "--config", "x"], 1),
            (
                [
                    "validate", "--config",
                    logs(to: "nop", ""),
                ], 0
            ),
            (["print-config", "--mode", "odd", "--config", "yaml:{}"], 1),
            (["print-config", "--validate", "false", "--format", "json", "--config", "yaml:a: 1"], 0),
            (["--config", "/nowhere/otel.yml"], 1),
            (
                [
                    "doctor", "--config",
                    logs(to: "nop", ""),
                ], 0
            ),
            (
                [
                    "doctor", "--config",
                    logs(to: "otlp_http", "{endpoint: 'http://127.0.0.1:1'}"),
                ], 1
            ),
            (["doctor", "--config", "yaml:{receivers: {nop: {typo: 1}}}"], 1),
        ] as [([String], Int32)])
    func exitsWithACode(arguments: [String], code: Int32) async {
        #expect(await OtelcolCommand.execute(arguments) == code)
    }

    @Test func takesFlagsInEveryForm() throws {
        let command = try #require(
            try OtelcolCommand.parseAsRoot([
                "--config=a", "--set", "x=1", "--config", "b", "--feature-gates=-service.partialReloadReceivers",
                "--set=y=[1, 2]", "--feature-gates", "+service.profilesSupport,service.AllowNoPipelines",
            ]) as? OtelcolCommand)
        let settings = try command.options.collectorSettings()
        #expect(settings.sources.uris == ["a", "b"])
        #expect(settings.sources.settings == ["x=1", "y=[1, 2]"])
        #expect(settings.gates.isEnabled(FeatureGates.profilesSupport))
        #expect(settings.gates.isEnabled(FeatureGates.allowNoPipelines))
        #expect(!settings.gates.isEnabled("service.partialReloadReceivers"))
    }

    @Test func listsComponentsWithProfilesStability() {
        let text = components.description(of: programInformation, providers: configurationProviders)
        for scheme in ["env", "file", "http", "https", "yaml"] { #expect(text.contains("    - scheme: \(scheme)\n")) }
        #expect(text.contains("    - name: profiling\n      module: ProfilingReceiver\n"))
        #expect(text.contains("        profiles-to-metrics: Development\n"))
    }
}
