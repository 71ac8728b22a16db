import Foundation
import OTLP
import ProcessorSupport
import Testing

@testable import OTTL

struct EditorTests {
    /// Attributes before each statement.
    static let before = [
        OTLPKeyValue("a", "one"), OTLPKeyValue("b", 2), OTLPKeyValue("http.url", "/user/7/list/9"),
    ]

    func run(_ statement: String, on evaluation: Evaluation) throws {
        let parsed = try Parser.statement(statement)
        let compiler = Compiler(signal: .traces, context: .span, allowsShortPaths: true)
        let editor = try compiler.editor(try #require(parsed.editor))
        if let condition = parsed.condition, try !compiler.condition(condition)(evaluation) { return }
        try editor(evaluation)
    }

    /// A statement, and the attributes behind it as `key=text`.
    static let statements: [(String, String)] = [
        ("set(attributes[\"c\"], \"new\")", "a=one b=2 http.url=/user/7/list/9 c=new"),
        ("set(attributes[\"a\"], 1) where attributes[\"b\"] == 2", "a=1 b=2 http.url=/user/7/list/9"),
        ("set(attributes[\"a\"], 1) where attributes[\"b\"] == 3", "a=one b=2 http.url=/user/7/list/9"),
        ("set(attributes[\"a\"], attributes[\"none\"])", "a=one b=2 http.url=/user/7/list/9"),
        ("set(attributes[\"m\"][\"k\"], 1)", "a=one b=2 http.url=/user/7/list/9 m={\"k\":1}"),
        ("set(attributes, {\"x\": [1, nil]})", "x=[1,null]"),
        ("delete_key(attributes, \"a\")", "b=2 http.url=/user/7/list/9"),
        ("delete_matching_keys(attributes, \"^[ab]$\")", "http.url=/user/7/list/9"),
        ("keep_keys(attributes, [\"b\", \"zzz\"])", "b=2"),
        ("keep_matching_keys(attributes, \"^http\")", "http.url=/user/7/list/9"),
        ("limit(attributes, 2, [\"http.url\"])", "a=one http.url=/user/7/list/9"),
        ("truncate_all(attributes, 5)", "a=one b=2 http.url=/user"),
        ("truncate_all(attributes, 5, truncation_marker=\"..\")", "a=one b=2 http.url=/us.."),
        ("merge_maps(attributes, {\"a\": 5, \"z\": 6}, \"insert\")", "a=one b=2 http.url=/user/7/list/9 z=6"),
        ("merge_maps(attributes, {\"a\": 5, \"z\": 6}, \"update\")", "a=5 b=2 http.url=/user/7/list/9"),
        ("merge_maps(attributes, {\"a\": 5, \"z\": 6}, \"upsert\")", "a=5 b=2 http.url=/user/7/list/9 z=6"),
        (
            "replace_pattern(attributes[\"http.url\"], \"/(\\\\d+)\", \"/<$1>\")",
            "a=one b=2 http.url=/user/<7>/list/<9>"
        ),
        ("replace_pattern(attributes[\"none\"], \"a\", \"b\")", "a=one b=2 http.url=/user/7/list/9"),
        ("replace_match(attributes[\"http.url\"], \"/user/*/list/*\", \"/user/{u}\")", "a=one b=2 http.url=/user/{u}"),
        ("replace_match(attributes[\"http.url\"], \"/user/*\", \"x\")", "a=one b=2 http.url=/user/7/list/9"),
        ("replace_all_patterns(attributes, \"key\", \"^http\\\\.\", \"h_\")", "a=one b=2 h_url=/user/7/list/9"),
        ("replace_all_patterns(attributes, \"value\", \"e|7\", \"_\")", "a=on_ b=2 http.url=/us_r/_/list/9"),
        ("replace_all_matches(attributes, \"o?e\", \"match\")", "a=match b=2 http.url=/user/7/list/9"),
        // printf one | md5sum
        (
            "replace_pattern(attributes[\"a\"], \".*\", \"$0\", MD5, \"md5:%s\")",
            "a=md5:f97c5d29941bfb1b2fdab0874906ab82 b=2 http.url=/user/7/list/9"
        ),
        ("append(attributes[\"a\"], \"two\")", "a=[\"one\",\"two\"] b=2 http.url=/user/7/list/9"),
        ("append(attributes[\"n\"], values=[1, 2])", "a=one b=2 http.url=/user/7/list/9 n=[1,2]"),
        ("stringify_all(attributes)", "a=one b=2 http.url=/user/7/list/9"),
        ("flatten(attributes)", "a=one b=2 http.url=/user/7/list/9"),
    ]

    @Test(arguments: statements)
    func changes(statement: String, expected: String) throws {
        let evaluation = Evaluation()
        evaluation.span.attributes = Self.before
        try run(statement, on: evaluation)
        #expect(evaluation.span.attributes.map { "\($0.key)=\($0.value.text)" }.joined(separator: " ") == expected)
    }

    @Test func typesChange() throws {
        let evaluation = Evaluation()
        evaluation.span.attributes = Self.before
        try run("stringify_all(attributes)", on: evaluation)
        #expect(evaluation.span.attributes["b"]?.value == .stringValue("2"))
        try run("set(attributes[\"b\"], Int(attributes[\"b\"]))", on: evaluation)
        #expect(evaluation.span.attributes["b"]?.value == .intValue(2))
    }

    @Test func flattens() throws {
        let evaluation = Evaluation()
        let nested = "{\"name\": \"t\", \"address\": {\"street\": {\"no\": 1}}, \"who\": [\"x\", \"y\"]}"
        try run("set(attributes, \(nested))", on: evaluation)
        try run("flatten(attributes, \"app\")", on: evaluation)
        #expect(
            evaluation.span.attributes.map(\.key) == ["app.name", "app.address.street.no", "app.who.0", "app.who.1"]
        )
        // The document's own example of a depth.
        try run("set(attributes, {\"0\": {\"1\": {\"2\": {\"3\": {\"4\": \"value\"}}}}})", on: evaluation)
        try run("flatten(attributes, depth=2)", on: evaluation)
        #expect(evaluation.span.attributes.map { "\($0.key)=\($0.value.text)" } == ["0.1.2={\"3\":{\"4\":\"value\"}}"])
    }

    @Test func deletesFromLists() throws {
        let evaluation = Evaluation()
        for (arguments, expected) in [("0", "[2,3]"), ("2", "[1,2]"), ("0, 2", "[3]"), ("1, 1", "[1,2,3]")] {
            try run("set(attributes[\"l\"], [1, 2, 3])", on: evaluation)
            try run("delete_index(attributes[\"l\"], \(arguments))", on: evaluation)
            #expect(evaluation.span.attributes["l"]?.text == expected)
        }
        for arguments in ["3", "-1", "0, 4", "2, 1"] {
            #expect(throws: (any Error).self) {
                try run("delete_index(attributes[\"l\"], \(arguments))", on: evaluation)
            }
        }
    }

    @Test func fields() throws {
        let evaluation = Evaluation()
        let statements = [
            "set(name, \"x\")", "set(kind, SPAN_KIND_CLIENT)", "set(status.code, STATUS_CODE_OK)",
            "set(status.message, \"fine\")", "set(trace_id, TraceID(0x000102030405060708090a0b0c0d0e0f))",
            "set(span_id.string, \"0001020304050607\")", "set(end_time, start_time + Duration(\"2s\"))",
            "set(trace_state, \"a=1,b=2\")", "set(trace_state[\"b\"], \"3\")", "set(dropped_links_count, 4)",
            "set(resource.attributes[\"r\"], name)", "set(scope.name, \"s\")", "set(resource.schema_url, \"u\")",
        ]
        for statement in statements { try run(statement, on: evaluation) }
        #expect(evaluation.span.name == "x")
        #expect(evaluation.span.kind == .client)
        #expect(evaluation.span.status.code == .ok)
        #expect(evaluation.span.status.message == "fine")
        #expect(evaluation.span.traceID == Data(0...15))
        #expect(evaluation.span.spanID == Data(0...7))
        #expect(evaluation.span.endTimeUnixNano == 2_000_000_000)
        #expect(evaluation.span.traceState == "b=3,a=1")
        #expect(evaluation.span.droppedLinksCount == 4)
        #expect(evaluation.resource.attributes["r"]?.value == .stringValue("x"))
        #expect(evaluation.scope.name == "s")
        #expect(evaluation.resourceSchemaURL == "u")
    }

    /// What cannot be set stays as it was.
    static let failures: [(String, String)] = [
        ("set(name, 1)", "expected a string, got int"), ("set(dropped_links_count, -1)", "out of range"),
        ("set(dropped_links_count, 4294967296)", "out of range"), ("set(trace_id, 0x01)", "expected 16 bytes"),
        ("set(attributes, \"x\")", "expected a map, got string"),
        ("set(span_id.string, \"xyz\")", "hexadecimal digits"),
        ("set(attributes[\"a\"][\"k\"], 1)", "a string has no element k"),
        ("delete_key(attributes[\"a\"], \"k\")", "expected a map, got string"),
        ("set(end_time, 5)", "expected a time"),
    ]

    @Test(arguments: failures)
    func fails(statement: String, message: String) throws {
        let evaluation = Evaluation()
        evaluation.span.attributes = Self.before
        evaluation.span.name = "n"
        let before = evaluation.span
        #expect {
            try run(statement, on: evaluation)
        } throws: { error in
            "\(error)".contains(message)
        }
        #expect(evaluation.span == before)
    }
}
