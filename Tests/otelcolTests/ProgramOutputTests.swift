import LiveSupport
import Testing

/// What the program itself prints, and where.
struct ProgramOutputTests {
    static let program: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/otelcol"
    }()

    /// The standard output of a run that succeeds.
    func output(_ arguments: String..., environment: [String: String] = [:]) async throws -> String {
        try await Command.run([Self.program] + arguments, environment: environment, includingStandardError: false)
    }

    static let configuration = """
        yaml:{receivers: {nop: }, exporters: {otlp_http: {endpoint: 'http://127.0.0.1:1', headers: {X-Key: hunter2}}}, \
        service: {pipelines: {logs: {receivers: [nop], exporters: [otlp_http]}}}}
        """

    @Test func versions() async throws {
        for arguments in ["-v", "--version", "version"] {
            let text = try await output(arguments)
            #expect(text.wholeMatch(of: /otelcol version \S+\n/) != nil, "\(text)")
        }
    }

    /// Secrets are hidden unless asked for, in both formats and under both names; the mode's case does not matter.
    @Test func printsConfigurations() async throws {
        let yaml = try await output("print-config", "--config", Self.configuration)
        #expect(yaml.contains("[REDACTED]") && !yaml.contains("hunter2"))
        #expect(yaml.contains("endpoint: http://127.0.0.1:1"))
        let json = try await output(
            "print-initial-config", "--format", "json", "--mode", "UNREDACTED", "--config", Self.configuration)
        #expect(json.hasPrefix("{") && json.contains("\"X-Key\":\"hunter2\""))
        let overlaid = try await output(
            "print-config", "--set", "exporters.otlp_http.endpoint=http://h:2", "--config", Self.configuration)
        #expect(overlaid.contains("endpoint: http://h:2"))
        let merged = try await output(
            "print-config", "--validate", "false", "--config", "yaml:{a: {b: 1}}", "--config=env:MORE",
            environment: ["MORE": "a: {c: 2}"])
        #expect(merged == "a:\n  b: 1\n  c: 2\n")
    }

    @Test func validatesInSilence() async throws {
        #expect(try await output("validate", "--config", Self.configuration) == "")
        let verbose = try await output("validate", "--verbose", "--config", Self.configuration)
        #expect(verbose == "The configuration is valid. Pipelines: logs\n")
    }

    static let resolving = "Error: failed to get config: cannot resolve the configuration"

    /// One line on the standard error, and no usage.
    @Test(arguments: [
        (["validate"], "\(resolving): at least one config flag must be provided\n"),
        (["featuregate", "nope"], "Error: feature \"nope\" not found\n"),
        (["--config", "odd:x"], "\(resolving): unsupported scheme on URI \"odd:x\"\n"),
        (
            ["--set", "a", "--config", "yaml:a: 1"],
            "\(resolving): invalid value \"a\" for flag --set: missing equal sign\n"
        ),
    ])
    func errors(arguments: [String], text: String) async throws {
        let failed = await #expect(throws: Command.Failed.self) {
            try await Command.run([Self.program] + arguments, includingStandardError: true)
        }
        #expect(failed?.exit == .code(1))
        #expect(failed?.output.hasPrefix(text) == true, "\(failed?.output ?? "")")
        #expect(failed?.output.contains("USAGE") == false)
        let silent = await #expect(throws: Command.Failed.self) {
            try await Command.run([Self.program] + arguments, includingStandardError: false)
        }
        #expect(silent?.output == "")
    }

    @Test func featureGates() async throws {
        let lines = try await output("featuregate").split(separator: "\n").map(String.init)
        #expect(lines.first?.split(separator: " ").map(String.init) == ["ID", "Enabled", "Stage", "Description"])
        let names = lines.dropFirst().compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(names == names.sorted() && names.contains("service.profilesSupport"))
        let one = try await output("featuregate", "--feature-gates=+service.profilesSupport", "service.profilesSupport")
        #expect(one.hasPrefix("Feature: service.profilesSupport\nEnabled: true\nStage: Alpha\nDescription: "))
        #expect(one.contains("\nFrom Version: "))
        let byVariable = try await output(
            "featuregate", "service.profilesSupport", environment: ["OTELCOL_FEATURE_GATES": "service.profilesSupport"])
        #expect(byVariable.contains("Enabled: true"))
    }

    /// The order of the sections, with four spaces of indentation, and names in their order.
    @Test func components() async throws {
        let lines = try await output("components").split(separator: "\n").map(String.init)
        let sections = lines.filter { !$0.hasPrefix(" ") }
        #expect(
            sections == [
                "buildinfo:", "receivers:", "processors:", "exporters:", "connectors:", "extensions:", "providers:",
            ])
        let start = try #require(lines.firstIndex(of: "processors:"))
        let end = try #require(lines.firstIndex(of: "exporters:"))
        let label = "    - name: "
        let names = lines[start..<end].filter { $0.hasPrefix(label) }.map { $0.dropFirst(label.count) }
        #expect(names == names.sorted())
        for name in ["attributes", "batch", "filter", "memory_limiter", "resource", "resource_detection", "transform"] {
            #expect(names.contains { $0 == name })
        }
        #expect(!names.contains { $0 == "resourcedetection" || $0 == "k8sattributes" })
    }

    /// What a processor cannot do in a pipeline is found without starting it.
    @Test func mistakesOfPipelines() async throws {
        let text = """
            yaml:{receivers: {nop: }, exporters: {nop: }, processors: {batch: , attributes: {actions: [{key: a, \
            action: delete}], include: {match_type: strict, span_names: [x]}}}, service: {pipelines: {profiles: \
            {receivers: [nop], processors: [batch], exporters: [nop]}, metrics: {receivers: [nop], \
            processors: [attributes], exporters: [nop]}}}}
            """
        let failed = await #expect(throws: Command.Failed.self) {
            try await Command.run(
                [Self.program, "validate", "--feature-gates", "service.profilesSupport", "--config", text])
        }
        let output = failed?.output ?? ""
        #expect(
            output.contains(
                "failed to create \"batch\" processor, in pipeline \"profiles\": telemetry type is not supported"))
        #expect(output.contains("processors::attributes::include: \"span_names\" cannot be matched"), "\(output)")
    }
}
