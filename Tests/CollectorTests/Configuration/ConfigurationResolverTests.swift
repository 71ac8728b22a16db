import Testing

@testable import Collector

/// Files and variables that exist only in the test.
struct MemoryProvider: ConfigurationProvider {
    let scheme: String
    let texts: [String: String]

    func retrieve(_ opaque: String) async throws -> RetrievedConfiguration {
        guard let text = texts[opaque] else {
            throw CollectorError("unable to read the file file:\(opaque): No such file or directory")
        }
        return RetrievedConfiguration(.text(text))
    }
}

func resolver(
    files: [String: String] = [:], environment: [String: String] = [:], appendsLists: Bool = false
) -> ConfigurationResolver {
    ConfigurationResolver(
        providers: [
            MemoryProvider(scheme: "file", texts: files), EnvironmentProvider { environment[$0] }, YAMLProvider(),
        ], appendsLists: appendsLists)
}

struct ConfigurationResolverTests {
    @Test(arguments: [
        // Maps merge deeply, lists and scalars are replaced.
        ("{a: {x: 1, l: [1, 2]}}", "{a: {y: 2, l: [3]}}", #"{"a":{"x":1,"l":[3],"y":2}}"#),
        // Null deletes, an empty map does not.
        ("{a: {x: 1}}", "a:", #"{"a":null}"#),
        ("{a: {x: 1}}", "a: {}", #"{"a":{"x":1}}"#),
        ("a:", "{a: {x: 1}}", #"{"a":{"x":1}}"#),
        ("{a: 1}", "a::b: 2", #"{"a":{"b":2}}"#),
        ("", "{a: 1}", #"{"a":1}"#),
    ])
    func merges(first: String, second: String, json: String) async throws {
        let sources = ConfigurationSources(uris: ["one", "file:two"])
        let resolved = try await resolver(files: ["one": first, "two": second]).resolve(sources)
        #expect(resolved.root.json() == json)
    }

    @Test func appendsListsBehindTheGate() async throws {
        let files = [
            "one": "{service: {extensions: [a, b], pipelines: {logs: {receivers: [r], processors: [p]}}}, o: {l: [1]}}",
            "two": "{service: {extensions: [b, c], pipelines: {logs: {receivers: [s], processors: [q]}}}, o: {l: [2]}}",
        ]
        let sources = ConfigurationSources(uris: ["one", "two"])
        let resolved = try await resolver(files: files, appendsLists: true).resolve(sources)
        #expect(
            resolved.root.json()
                == #"{"service":{"extensions":["a","b","c"],"#
                + #""pipelines":{"logs":{"receivers":["r","s"],"processors":["q"]}}},"o":{"l":[2]}}"#)
    }

    @Test(arguments: [
        ("a.b=1", #"{"x":0,"a":{"b":1}}"#), ("a::b=t", #"{"x":0,"a":{"b":"t"}}"#), ("x=[a, b]", #"{"x":["a","b"]}"#),
        ("x={a: c}", #"{"x":{"a":"c"}}"#), (" x = 5 ", #"{"x":5}"#), ("x=a=b", #"{"x":"a=b"}"#),
        ("x=", #"{"x":null}"#),
    ])
    func laysSettingsOver(setting: String, json: String) async throws {
        let sources = ConfigurationSources(uris: ["yaml:x: 0"], settings: [setting])
        #expect(try await resolver().resolve(sources).root.json() == json)
    }

    @Test func acceptsSettingsAlone() async throws {
        let resolved = try await resolver().resolve(ConfigurationSources(uris: [], settings: ["a=1"]))
        #expect(resolved.root.json() == #"{"a":1}"#)
    }

    @Test(arguments: [
        ([], [], "at least one config flag must be provided"),
        (["foo:x"], [], "unsupported scheme on URI \"foo:x\""),
        (["a_b:x"], [], "invalid uri: \"a_b:x\""),
        (["missing.yml"], [], "unable to read the file file:missing.yml: No such file"),
        (["list"], [], "list: retrieved value (type=list) cannot be used as a Conf"),
        (["broken"], [], "cannot be used as a Conf: line 1"),
        (["yaml:a: 1"], ["b"], "missing equal sign"),
    ])
    func refuses(uris: [String], settings: [String], message: String) async {
        let files = ["list": "[1]", "broken": "a: b: c"]
        let error = await #expect(throws: CollectorError.self) {
            try await resolver(files: files).resolve(ConfigurationSources(uris: uris, settings: settings))
        }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func readsWholeConfigurationFromVariable() async throws {
        let resolver = resolver(environment: ["CONFIG": "a: 1"])
        #expect(try await resolver.resolve(.init(uris: ["env:CONFIG"])).root.json() == #"{"a":1}"#)
        #expect(try await resolver.resolve(.init(uris: ["env:NONE:-b: 2"])).root.json() == #"{"b":2}"#)
    }
}
