import Foundation
import OTLP
import OTLPTestSupport
import ProcessorSupport
import Testing

@testable import OTTL

/// What expressions yield: the results were worked out by hand from the language's public documents.
struct ExpressionTests {
    func evaluate(_ text: String, _ evaluation: Evaluation = Evaluation()) throws -> OTTLValue {
        // A condition alone would not do for values that are no comparison.
        let statement = try Parser.statement("set(span.cache[\"result\"], \(text))")
        let compiler = Compiler(signal: .traces, context: .span, allowsShortPaths: true)
        let editor = try compiler.editor(try #require(statement.editor))
        try editor(evaluation)
        return OTTLValue(evaluation.cache["result"])
    }

    static let values: [(String, String)] = [
        ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("7 / 2", "3"), ("-7 / 2", "-3"), ("1 - -1", "2"),
        ("10 - 3 - 2", "5"),
        ("1.5 + .5", "2"), ("3.0 / 2.0", "1.5"), ("\"a\\tb\\u00e9\\x21\"", "a\tbé!"),
        ("1 < 2", "true"), ("1 < 1.5", "true"), ("2 == 2.0", "true"), ("\"a\" < \"b\"", "true"),
        ("\"a\" == 1", "false"),
        ("\"a\" != 1", "true"), ("\"a\" < 1", "false"), ("nil == nil", "true"), ("nil != nil", "false"),
        ("nil <= nil", "false"), ("true > false", "true"), ("0x01 < 0x0201", "true"), ("0x00 == \"\"", "false"),
        ("[1, \"a\"] == [1, \"a\"]", "true"), ("[1] == [1.0]", "true"), ("[1] < [2]", "false"),
        ("{\"a\": 1, \"b\": 2} == {\"b\": 2, \"a\": 1}", "true"), ("{\"a\": 1} != {\"a\": 2}", "true"),
        ("not true or true", "true"), ("not (true or true)", "false"), ("true or false and false", "true"),
        ("attributes[\"none\"] == nil", "true"), ("attributes[\"none\"][\"deeper\"] == nil", "true"),
        ("attributes[\"text\"]", "one two"), ("attributes[\"list\"][1]", "b"), ("attributes[\"map\"][\"k\"]", "v"),
        ("attributes[Concat([\"te\", \"xt\"], \"\")]", "one two"),
        ("name", "GET /"), ("span.kind == SPAN_KIND_SERVER", "true"), ("kind.string", "Server"),
        ("status.code == STATUS_CODE_ERROR", "true"),
        ("trace_id.string", "101112131415161718191a1b1c1d1e1f"),
        ("trace_id == TraceID(0x101112131415161718191a1b1c1d1e1f)", "true"),
        ("SpanID(\"f8f9fafbfcfdfeff\") == span_id", "true"), ("IsRootSpan()", "false"),
        ("end_time_unix_nano - start_time_unix_nano", "1"), ("Nanoseconds(end_time - start_time)", "1"),
        ("end_time == start_time + Duration(\"1ns\")", "true"), ("UnixSeconds(start_time)", "1700000000"),
        ("Unix(1700000000, 123456789) == start_time", "true"), ("Hours(Duration(\"90m\"))", "1.5"),
        ("trace_state[\"b\"]", "2"), ("trace_state[\"c\"] == nil", "true"),
        ("resource.attributes[\"service.name\"]", "shop"), ("instrumentation_scope.version", "2.0"),
        ("Concat([\"a\", 1, true, attributes[\"list\"], 0xff], \"-\")", "a-1-true-ff"),
        ("IsMatch(name, \"^GET\")", "true"), ("IsMatch(attributes[\"number\"], \"^4\")", "true"),
        ("IsMatch(attributes[\"none\"], \".*\")", "false"),
        ("Int(\"12\") + 1", "13"), ("Int(\"x\") == nil", "true"), ("Int(2.9)", "2"), ("Double(\"1.5\")", "1.5"),
        ("String(12)", "12"), ("Bool(\"T\")", "true"), ("Bool(0)", "false"), ("Hex(\"ab\")", "6162"),
        ("Hex(255)", "00000000000000ff"),
        ("IsString(\"a\")", "true"), ("IsInt(1.0)", "false"), ("IsDouble(1.0)", "true"), ("IsBool(true)", "true"),
        ("IsList([])", "true"), ("IsMap(attributes)", "true"), ("IsEmpty(\"\")", "true"), ("IsEmpty(0)", "false"),
        ("ParseInt(\"ff\", 16)", "255"), ("Coalesce([attributes[\"none\"], nil, \"x\"])", "x"),
        ("ToLowerCase(\"AbC\")", "abc"), ("ConvertCase(\"someMetricName\", \"snake\")", "some_metric_name"),
        ("ConvertCase(\"some_metric\", \"camel\")", "SomeMetric"), ("ToUpperCase(\"é\")", "É"),
        ("HasPrefix(name, \"GET\")", "true"), ("HasSuffix(name, \"GET\")", "false"),
        ("TrimPrefix(\"pod-a\", \"pod-\")", "a"), ("TrimSuffix(\"a.service\", \".service\")", "a"),
        ("Trim(\"  a \")", "a"), ("Trim(\"--a-\", \"-\")", "a"),
        ("Split(\"a,b,,c\", \",\")[3]", "c"), ("Len(Split(\"a,b,,c\", \",\"))", "4"), ("Split(\"\", \",\")[0]", ""),
        ("Substring(\"abcdef\", 2, 3)", "cde"), ("Len(\"é\")", "2"), ("Len(attributes[\"list\"])", "2"),
        ("ExtractPatterns(\"user=me id=7\", \"user=(?P<user>\\\\w+) id=(?P<id>\\\\d+)\")[\"id\"]", "7"),
        ("Keys({\"a\": 1, \"b\": 2})", "[\"a\",\"b\"]"), ("Values({\"a\": 1})", "[1]"),
        ("ContainsValue(attributes[\"list\"], \"b\")", "true"), ("ContainsValue([1, 2], 3)", "false"),
        ("Index([\"a\", \"b\"], \"b\")", "1"), ("Index(\"aéb\", \"b\")", "3"), ("Index(\"a\", \"z\")", "-1"),
        ("ParseJSON(\"{\\\"a\\\": [1, true, null, \\\"x\\\"]}\")[\"a\"][3]", "x"),
        ("IsDouble(ParseJSON(\"[1]\")[0])", "true"),
        // printf abc | md5sum, sha1sum, sha256sum
        ("MD5(\"abc\")", "900150983cd24fb0d6963f7d28e17f72"),
        ("SHA1(\"abc\")", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("SHA256(\"abc\")", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("Len(SHA512(\"\"))", "128"), ("Base64Encode(\"hello\")", "aGVsbG8="), ("Base64Decode(\"aGVsbG8=\")", "hello"),
        // FNV-1 of "a", from the test vectors of the algorithm's authors: af63bd4c8601b7be
        ("FNV(\"a\")", "\(Int64(bitPattern: 0xaf63_bd4c_8601_b7be))"),
        ("Len(UUID())", "36"), ("Now() > start_time", "true"),
    ]

    static func example() -> Evaluation {
        let traces = ExampleTelemetry.traces().resourceSpans[0]
        let evaluation = Evaluation()
        evaluation.resource = traces.resource
        evaluation.scope = traces.scopeSpans[0].scope
        evaluation.span = traces.scopeSpans[0].spans[0]
        evaluation.span.traceState = "a=1, b=2"
        evaluation.span.attributes = [
            OTLPKeyValue("text", "one two"), OTLPKeyValue("number", 42),
            OTLPKeyValue("list", .with { $0.arrayValue.values = [.string("a"), .string("b")] }),
            OTLPKeyValue("map", .with { $0.kvlistValue.values = [OTLPKeyValue("k", "v")] }),
        ]
        return evaluation
    }

    @Test(arguments: values)
    func yields(text: String, expected: String) throws {
        let value = try evaluate(text, Self.example())
        #expect(value.text ?? "nil" == expected)
    }

    static let failures: [(String, String)] = [
        ("1 + 1.0", "int + double has no result"), ("1 / 0", "division by zero"), ("1.0 / 0.0", "division by zero"),
        ("9223372036854775807 + 1", "64 bits"), ("-9223372036854775808 / -1", "64 bits"),
        ("\"a\" + \"b\"", "no result"),
        ("attributes[\"list\"][2]", "out of range: there are 2 elements"), ("attributes[\"list\"][-1]", "out of range"),
        ("attributes[\"text\"][\"a\"]", "a string has no element"),
        ("Concat([1], \",\")[0]", "a string has no element"),
        ("ParseInt(\"12\", 2)", "no number in base 2"), ("Substring(\"abc\", 2, 2)", "not within"),
        ("Substring(\"abc\", -1, 2)", "not within"), ("ToLowerCase(1)", "expected a string, got int"),
        ("HasPrefix(attributes[\"none\"], \"a\")", "expected a string, got nil"), ("ParseJSON(\"{\")", "is not JSON"),
        ("TraceID(0x01)", "needs 16 bytes"), ("Duration(\"5\")", "is no duration"), ("Len(1)", "expected a string"),
        ("Base64Decode(\"%\")", "not in base64"),
        ("Unix(9223372036854775807)", "64 bits"),
    ]

    @Test(arguments: failures)
    func fails(text: String, message: String) throws {
        #expect {
            _ = try evaluate(text, Self.example())
        } throws: { error in
            "\(error)".contains(message)
        }
    }
}
