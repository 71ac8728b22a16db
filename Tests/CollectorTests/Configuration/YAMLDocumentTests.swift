import Testing

@testable import Collector

struct YAMLDocumentTests {
    @Test(arguments: [
        ("123", "123"), ("0123", "83"), ("0x1F", "31"), ("0o17", "15"), ("0b101", "5"), ("1_000", "1000"),
        ("-7", "-7"), ("0xdeadbeef", "3735928559"), ("08", "8.0"), ("1.5", "1.5"), ("1e3", "1000.0"),
        ("true", "true"), ("False", "false"), ("yes", "\"yes\""), ("on", "\"on\""), ("t", "\"t\""),
        ("~", "null"), ("", "null"), ("null", "null"), ("\"0123\"", "\"0123\""), ("'true'", "\"true\""),
        ("0x", "\"0x\""), ("1__", "1"), ("-", "[null]"), ("--1", "\"--1\""), ("1.2.3", "\"1.2.3\""),
        ("99999999999999999999", "1e+20"), ("!!str 5", "\"5\""), (".inf", "\".inf\""), ("[a, 1]", "[\"a\",1]"),
        ("{a: {b: true}}", "{\"a\":{\"b\":true}}"), ("2024-01-02", "\"2024-01-02\""),
    ])
    func types(yaml: String, json: String) throws {
        #expect(try YAMLDocument.parse(yaml).json() == json)
    }

    @Test func nestsKeysAtDoubleColons() throws {
        #expect(try YAMLDocument.parse("a::b: 1\na:\n  c: 2").json() == #"{"a":{"b":1,"c":2}}"#)
        #expect(throws: CollectorError.self) { try YAMLDocument.parse("a: 1\na::b: 1") }
        #expect(try YAMLDocument.parse("{'::': 1}").json() == #"{"::":1}"#)
    }

    @Test func fillsInMergedMaps() throws {
        let yaml = """
            base: &base {x: 1, y: 2}
            derived:
              <<: *base
              y: 3
            """
        #expect(try YAMLDocument.parse(yaml).json() == #"{"base":{"x":1,"y":2},"derived":{"y":3,"x":1}}"#)
    }

    @Test func knowsWhereThingsStand() throws {
        let root = try YAMLDocument.parse("a:\n  bee: [x,\n    y]\n", source: "f.yml")
        guard case .map(let top) = root.value, case .map(let inner)? = top["a"]?.value,
            let bee = inner.entry("bee"), case .list(let items) = bee.node.value
        else {
            Issue.record("not the tree expected: \(root)")
            return
        }
        #expect(bee.keyLocation == SourceLocation(source: "f.yml", line: 2, column: 3))
        #expect(items.last?.location?.description == "f.yml:3:5")
    }

    @Test(arguments: [
        ("a: 1\na: 2", "given twice"), ("a: [1", "line 2"), ("? [x]\n: 1", "plain word"), ("a: *nope", "alias"),
        ("a: 1\n---\nb: 2", "another document"), ("<<: 3", "must be a map"),
    ])
    func explainsErrors(yaml: String, part: String) {
        let error = #expect(throws: CollectorError.self) { try YAMLDocument.parse(yaml, source: "f") }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    /// Nine lists of nine references each: a billion values if all were followed.
    @Test func boundsMultiplyingAnchors() {
        var yaml = "a0: &a0 x\n"
        for level in 1...9 {
            let references = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            yaml += "a\(level): &a\(level) [\(references)]\n"
        }
        let error = #expect(throws: CollectorError.self) { try YAMLDocument.parse(yaml) }
        #expect(error?.message.contains("too large") == true)
    }

    @Test func boundsDepth() {
        let error = #expect(throws: CollectorError.self) {
            try YAMLDocument.parse(String(repeating: "[", count: 500) + String(repeating: "]", count: 500))
        }
        #expect(error != nil)
    }
}
