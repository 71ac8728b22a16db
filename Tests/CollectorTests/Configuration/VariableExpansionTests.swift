import Testing

@testable import Collector

struct VariableExpansionTests {
    static let environment = [
        "INT": "123", "OCTAL": "0123", "HEX": "0xdeadbeef", "QUOTED": "\"0123\"", "T": "t", "YES": "yes",
        "LIST": "[a,b]", "MAP": "{a: 1}", "BROKEN": "[a, {", "TRUE": "true", "COMMENT": "true # note", "EMPTY": "",
        "NAME": "INT", "NESTED": "${env:INT}", "LOOP": "${env:LOOP}", "DOLLAR": "a$$b", "FLOAT": "1e5",
        "WIDE": "${env:WIDE} ${env:WIDE}", "SCHEME_LIKE": "x:y",
    ]

    func expand(_ yaml: String) async throws -> (node: ConfigurationNode, notices: [ConfigurationNotice]) {
        let resolver = resolver(
            files: ["/token": "s3cret\n", "/doc": "a: ${env:INT}\n"], environment: Self.environment)
        let resolved = try await resolver.resolve(.init(uris: ["yaml:" + yaml]))
        return (resolved.root, resolved.notices)
    }

    /// The value that an untyped reader sees.
    @Test(arguments: [
        ("v: ${env:INT}", "123"), ("v: ${INT}", "123"), ("v: ${env:OCTAL}", "83"), ("v: ${env:HEX}", "3735928559"),
        ("v: ${env:QUOTED}", #""0123""#), ("v: ${env:T}", #""t""#), ("v: ${env:YES}", #""yes""#),
        ("v: ${env:LIST}", #"["a","b"]"#), ("v: ${env:MAP}", #"{"a":1}"#), ("v: ${env:BROKEN}", #""[a, {""#),
        ("v: ${env:TRUE}", "true"), ("v: ${env:COMMENT}", "true"), ("v: ${env:NESTED}", "123"),
        ("v: ${env:${env:NAME}}", "123"), ("v: ${env:NONE}", "null"), ("v: ${env:EMPTY}", "null"),
        ("v: ${env:NONE:-5}", "5"), ("v: ${env:NONE:-}", #""""#), ("v: ${env:EMPTY:-5}", "null"),
        ("v: ${env:NONE:-${env:INT}}", "123"), ("v: ${yaml:[1, x]}", #"[1,"x"]"#),
        // Inside other text everything is text.
        ("v: a ${env:INT} b", #""a 123 b""#), ("v: a ${env:OCTAL} b", #""a 0123 b""#),
        ("v: a ${env:QUOTED} b", #""a \"0123\" b""#), ("v: a${env:NONE}b", #""ab""#),
        ("v: ${env:INT}${env:INT}", #""123123""#), ("v: ${env:LIST}!", #""[a,b]!""#),
        // Escapes and things that are no references.
        ("v: $INT", #""$INT""#), ("v: $$INT", #""$INT""#), ("v: $${INT}", #""${INT}""#),
        ("v: $$${INT}", #""$123""#), ("v: $$$${INT}", #""$${INT}""#), ("v: a$", #""a$""#), ("v: ${INT", #""${INT""#),
        ("v: 'x ${ ${INT}'", #""x ${ 123""#), ("v: '}${INT}'", #""}123""#), ("v: ${env:DOLLAR}", #""a$b""#),
        // List items and nested values, but no keys.
        ("v: [\"${INT}\", {k: \"${TRUE}\"}]", #"[123,{"k":true}]"#), ("v: {\"${INT}\": 1}", #"{"${INT}":1}"#),
        ("v: ${file:/doc}", #"{"a":123}"#), ("v: ${file:/token}", #""s3cret""#),
    ])
    func expands(yaml: String, json: String) async throws {
        #expect(try await expand(yaml).node.json() == #"{"v":"# + json + "}")
    }

    /// What the value becomes in fields of each type; nil for an error.
    @Test(arguments: [
        ("INT", 123, "123", nil), ("OCTAL", 83, "0123", nil), ("HEX", 3_735_928_559, "0xdeadbeef", nil),
        ("QUOTED", nil, "\"0123\"", nil), ("T", nil, "t", nil), ("YES", nil, "yes", nil), ("LIST", nil, "[a,b]", nil),
        ("MAP", nil, "{a: 1}", nil), ("BROKEN", nil, "[a, {", nil), ("TRUE", nil, "true", true),
        ("FLOAT", nil, "1e5", nil), ("NESTED", 123, "123", nil),
    ] as [(String, Int?, String, Bool?)])
    func typesByField(name: String, integer: Int?, string: String, boolean: Bool?) async throws {
        let root = try await expand("v: ${env:\(name)}").node
        func read<Value>(_ read: (ConfigurationSection) -> Value?) -> (Value?, Bool) {
            let diagnostics = ConfigurationDiagnostics()
            let value = read(ConfigurationSection(path: "", node: root, diagnostics: diagnostics))
            return (value, diagnostics.errors.isEmpty)
        }
        #expect(read { $0.optionalInteger("v") } == (integer, integer != nil))
        #expect(read { $0.optionalString("v") } == (string, true))
        #expect(read { $0.optionalBoolean("v") } == (boolean, boolean != nil))
    }

    @Test(arguments: [
        ("v: ${NAME:-x}", "scheme \"NAME\" is not supported for uri \"NAME:-x\"; a default needs the scheme: ${env:NAME:-x}"),
        ("v: ${MY_NAME:-x}", "invalid uri: \"MY_NAME:-x\""),
        ("v: ${env:1X}", "environment variable \"1X\" has invalid name: must match regex"),
        ("v: ${env:A-B}", "environment variable \"A-B\" has invalid name"),
        ("v: ${env:LOOP}", "too many recursive expansions"), ("v: ${env:WIDE}", "too many recursive expansions"),
        ("v: ${env:A$B}", "the uri \"env:A$B\" contains unsupported characters ('$')"),
        ("v: ${file:/none}", "unable to read the file file:/none"),
    ])
    func refuses(yaml: String, message: String) async {
        let error = await #expect(throws: CollectorError.self) { try await expand(yaml) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("(yaml::1:4)") == true, "\(error?.message ?? "")")
    }

    @Test func noticesUnsetAndEmptyVariablesOnce() async throws {
        let notices = try await expand("{v: '${env:NONE}', w: 'x ${env:NONE}', e: '${env:EMPTY}'}").notices
        #expect(notices.map(\.name) == ["NONE", "EMPTY"])
        #expect(notices.map(\.isWarning) == [true, false])
        #expect(notices.first?.message == "Configuration references unset environment variable")
    }
}
