import Collector
import ExporterTestSupport
import OTLP
import Testing

@testable import ProcessorSupport

struct AttributeActionTests {
    typealias Value = ConfigurationNode.Value

    /// Applies one action, given as its keys, to some attributes; the result as `key=text`.
    func applied(_ keys: [(String, Value)], to attributes: [OTLPKeyValue]) throws -> [String] {
        let (actions, errors, _) = decode([("actions", .list([ConfigurationNode(.tree(keys))]))]) {
            AttributeAction.list($0, "actions")
        }
        #expect(errors == [])
        var attributes = attributes
        for action in actions { action.apply(to: &attributes) }
        return attributes.map { "\($0.key)=\($0.value.text)" }
    }

    static let before = [OTLPKeyValue("a", "one"), OTLPKeyValue("b", 2), OTLPKeyValue("c", .double(2.75))]

    /// Keys and values apart by spaces; what is left of the attributes likewise.
    static let steps: [(String, String)] = [
        ("key=d action=insert value=x", "a=one b=2 c=2.75 d=x"),
        ("key=a action=insert value=x", "a=one b=2 c=2.75"),
        ("key=a action=update value=x", "a=x b=2 c=2.75"),
        ("key=d action=update value=x", "a=one b=2 c=2.75"),
        ("key=a action=UPSERT from_attribute=b", "a=2 b=2 c=2.75"),
        ("key=d action=upsert value=x", "a=one b=2 c=2.75 d=x"),
        ("key=d action=upsert from_attribute=none", "a=one b=2 c=2.75"),
        ("key=d action=insert from_attribute=none default_value=z", "a=one b=2 c=2.75 d=z"),
        ("key=a action=delete", "b=2 c=2.75"),
        ("pattern=^[ab]$ action=delete", "c=2.75"),
        ("key=c pattern=a action=delete", "b=2"),
        ("key=a action=extract pattern=(?P<first>.)(?P<b>.*)", "a=one b=ne c=2.75 first=o"),
        ("key=b action=extract pattern=(?P<first>.)", "a=one b=2 c=2.75"),
        ("key=c action=convert converted_type=int", "a=one b=2 c=2"),
        ("key=a action=convert converted_type=int", "a=one b=2 c=2.75"),
    ]

    @Test(arguments: steps)
    func changes(keys: String, expected: String) throws {
        let result = try applied(Self.tree(keys), to: Self.before)
        #expect(result.joined(separator: " ") == expected)
    }

    static func tree(_ text: String) -> [(String, Value)] {
        text.split(separator: " ").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1)
            return (String(parts[0]), Value.string(parts.count > 1 ? String(parts[1]) : ""))
        }
    }

    /// Digests by sha256sum.
    @Test func hashes() throws {
        let result = try applied(
            [("pattern", .string("^[abe]$")), ("action", .string("hash"))], to: Self.before + [OTLPKeyValue("e", "")])
        #expect(result[0] == "a=7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")
        // printf '\x02\0\0\0\0\0\0\0' | sha256sum
        #expect(result[1] == "b=d86e8112f3c4c4442126f8e9f44f16867da487f29052bf91b810457db34209a4")
        #expect(result[2] == "c=2.75")
        #expect(result[3] == "e=")
    }

    @Test func keepsTypes() throws {
        let (actions, errors, _) = decode([
            (
                "actions",
                .list([
                    ConfigurationNode(
                        .tree([("key", .string("i")), ("action", .string("insert")), ("value", .integer(5))])),
                    ConfigurationNode(
                        .tree([
                            ("key", .string("l")), ("action", .string("insert")),
                            ("value", .list([.init(.boolean(true))])),
                        ])),
                ])
            )
        ]) { AttributeAction.list($0, "actions") }
        #expect(errors.isEmpty)
        var attributes: [OTLPKeyValue] = []
        for action in actions { action.apply(to: &attributes) }
        #expect(attributes["i"]?.value == .intValue(5))
        #expect(attributes["l"]?.text == "[true]")
    }

    @Test func readsTheRequestsContext() async throws {
        let context = RequestContext(
            clientAddress: "10.0.0.1", metadata: ["x-tenant": ["blue", "red"]], authentication: ["subject": "me"])
        let (actions, _, _) = decode([
            (
                "actions",
                .list(
                    ["client.address", "metadata.X-Tenant", "auth.subject", "auth.none"].map { source in
                        ConfigurationNode(
                            .tree([
                                ("key", .string(source)), ("action", .string("insert")),
                                ("from_context", .string(source)),
                            ]))
                    })
            )
        ]) { AttributeAction.list($0, "actions") }
        var attributes: [OTLPKeyValue] = []
        RequestContext.$current.withValue(context) { for action in actions { action.apply(to: &attributes) } }
        #expect(attributes.map(\.value.text) == ["10.0.0.1", "blue;red", "me"])
        attributes = []
        for action in actions { action.apply(to: &attributes) }
        #expect(attributes.isEmpty)
    }

    static let mistakes: [(String, String)] = [
        ("action=insert value=x", "missing required field \"key\""),
        ("key=a action=insert", "requires exactly one of"),
        ("key=a action=insert value=x from_attribute=b", "requires exactly one of"),
        ("key=a action=insert value=x pattern=b", "takes no \"pattern\""),
        ("action=delete", "requires \"key\" or \"pattern\""),
        ("key=a action=delete value=x", "takes only"),
        ("key=a action=extract", "requires \"pattern\""),
        ("key=a action=extract pattern=(x)", "groups all have names"),
        ("key=a action=extract pattern=(", "offset"),
        ("key=a action=convert converted_type=date", "valid values: [int, double, string]"),
        ("key=a action=paint", "unsupported action \"paint\""),
        ("key=a action=insert from_context=weather", "must be client.address"),
    ]

    @Test(arguments: mistakes)
    func refuses(keys: String, message: String) {
        let tree = Value.tree(Self.tree(keys))
        let (_, errors, _) = decode([("actions", .list([ConfigurationNode(tree)]))]) {
            AttributeAction.list($0, "actions")
        }
        #expect(errors.contains { $0.hasPrefix("x::actions::0") && $0.contains(message) }, "\(errors)")
    }

    @Test func needsAtLeastOne() {
        #expect(decode([]) { AttributeAction.list($0, "actions") }.errors == ["x: missing required field \"actions\""])
    }
}
