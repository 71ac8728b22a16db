import Testing

@testable import Collector

/// Rows of the OpenTelemetry Collector's behaviour that users rely on, one by one.
struct ReferenceTableTests {
    /// Arguments of `--config`: what of them is the scheme, and what the rest.
    @Test(arguments: [
        ("otel.yml", "file", "otel.yml"), ("/etc/otel.yml", "file", "/etc/otel.yml"),
        ("c:\\otel.yml", "file", "c:\\otel.yml"),
        ("file:/etc/otel.yml", "file", "/etc/otel.yml"), ("env:NAME", "env", "NAME"),
        ("env:NAME:-a: 1", "env", "NAME:-a: 1"), ("yaml:a::b: 1", "yaml", "a::b: 1"),
        ("http://h/x?a=b:c", "http", "//h/x?a=b:c"), ("https://h:1/x", "https", "//h:1/x"),
        ("a+b.c-1:x", "a+b.c-1", "x"),
    ])
    func arguments(text: String, scheme: String, opaque: String) throws {
        let uri = try ConfigurationURI(configurationArgument: text)
        #expect(uri.scheme == scheme && uri.opaque == opaque)
    }

    @Test(arguments: ["1a:x", "a_b:x", ":x", "a b:x"])
    func wrongSchemes(text: String) {
        #expect(throws: CollectorError.self) { try ConfigurationURI(configurationArgument: text) }
    }

    /// Sources in their order, then settings, whatever their order among the arguments.
    @Test func orderOfSources() async throws {
        let files = ["one": "{a: 1, b: 1, c: 1, l: [1, 2]}", "two": "{b: 2, c: 2, l: [3]}"]
        let sources = ConfigurationSources(uris: ["one", "two"], settings: ["c=3", "c=4"])
        let root = try await resolver(files: files).resolve(sources).root
        #expect(root.json() == #"{"a":1,"b":2,"c":4,"l":[3]}"#)
        let reversed = ConfigurationSources(uris: ["two", "one"])
        #expect(
            try await resolver(files: files).resolve(reversed).root.json() == #"{"b":1,"c":1,"l":[1,2],"a":1}"#)
    }

    @Test(arguments: [("yaml:", "{}"), ("yaml:~", "{}"), ("yaml:{}", "{}")])
    func emptySourcesAreEmptyMaps(uri: String, json: String) async throws {
        #expect(try await resolver().resolve(ConfigurationSources(uris: [uri])).root.json() == json)
    }

    @Test(arguments: ["yaml:5", "yaml:[1]", "yaml:text"])
    func otherSourcesAreNone(uri: String) async {
        let error = await #expect(throws: CollectorError.self) {
            try await resolver().resolve(ConfigurationSources(uris: [uri]))
        }
        #expect(error?.message.contains("cannot be used as a Conf") == true, "\(error?.message ?? "")")
    }

    /// A value of the environment in fields that want a list of texts.
    @Test(arguments: [("[a,b]", ["a", "b"]), ("a,b", ["a", "b"]), ("", ["d"])])
    func listsOfTheEnvironment(value: String, expected: [String]) async throws {
        let root = try await resolver(environment: ["V": value]).resolve(
            ConfigurationSources(uris: ["yaml:{k: '${env:V}'}"])
        ).root
        let diagnostics = ConfigurationDiagnostics()
        let section = ConfigurationSection(path: "", node: root, diagnostics: diagnostics)
        #expect(section.strings("k", default: ["d"]) == expected)
        #expect(diagnostics.errors.isEmpty)
    }

    /// No weak typing: what is written, what is read, part of the error.
    @Test(arguments: [
        ("k: 'true'", "expected type bool"), ("k: yes", "expected type bool"), ("k: 1", "expected type bool"),
    ])
    func flags(yaml: String, message: String) throws {
        let diagnostics = ConfigurationDiagnostics()
        let section = ConfigurationSection(
            path: "", node: try YAMLDocument.parse(yaml, source: "f"), diagnostics: diagnostics)
        #expect(section.boolean("k", default: false) == false)
        #expect(diagnostics.errors.map(\.description).first?.contains(message) == true)
    }

    /// Keys count letter by letter; case only makes the hint.
    @Test func keysAreExact() throws {
        let diagnostics = ConfigurationDiagnostics()
        let section = ConfigurationSection(
            path: "exporters::debug", node: try YAMLDocument.parse("verBosity: detailed", source: "f"),
            diagnostics: diagnostics)
        #expect(section.string("verbosity", default: "basic") == "basic")
        section.finish()
        #expect(
            diagnostics.errors.map(\.description)
                == ["exporters::debug::verBosity: invalid key; did you mean \"verbosity\"? (f:1:1)"])
    }

    @Test func theLoggingExporterHasAHint() throws {
        let yaml = """
            receivers: {rx: }
            exporters: {logging: }
            service: {pipelines: {logs: {receivers: [rx], exporters: [logging]}}}
            """
        let error = #expect(throws: InvalidConfiguration.self) { try decodeConfiguration(yaml) }
        #expect(error?.description.contains("use the debug exporter instead") == true)
    }

    /// What is configured but not used is checked all the same.
    @Test func unusedComponentsAreChecked() throws {
        let yaml = """
            receivers: {rx: , rx/unused: {typo: 1}}
            exporters: {ex: }
            service: {pipelines: {logs: {receivers: [rx], exporters: [ex]}}}
            """
        let error = #expect(throws: InvalidConfiguration.self) { try decodeConfiguration(yaml) }
        #expect(error?.issues.map(\.path) == ["receivers::rx/unused::typo"])
    }
}
