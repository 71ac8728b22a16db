import Testing

@testable import OTTL

struct SyntaxTests {
    func compile(_ statement: String) -> [OTTLSyntaxError] {
        var errors: [OTTLSyntaxError] = []
        _ = OTTLStatements([statement], signal: .traces, errorMode: .propagate) { errors.append($0) }
        return errors
    }

    /// A statement, the column that the error must name, and part of what it must say.
    static let mistakes: [(String, Int, String)] = [
        ("", 1, "expected a function that changes something, such as set, got the end"),
        ("set(span.name, \"a\"", 19, "expected \")\", got the end"),
        ("set(span.name \"a\")", 15, "expected \")\", got a string"),
        ("set(span.name, \"a)", 16, "no closing quote"),
        ("set(span.name, \"a\\d\")", 18, "a backslash is written \"\\\\\""),
        ("set(span.nam, \"a\")", 5, "unknown path \"span.nam\"; did you mean \"span.name\"?"),
        ("set(span.atributes[\"a\"], 1)", 5, "did you mean \"span.attributes\"?"),
        ("set(spam.name, \"a\")", 5, "did you mean \"span\"?"),
        ("set(name, \"a\")", 5, "\"name\" does not begin with one of resource, scope, span, spanevent"),
        ("set(log.body, \"a\")", 5, "does not begin with one of resource, scope, span, spanevent"),
        ("set(span.kind, log.body)", 16, "\"log\" is no part of traces"),
        ("sett(span.name, \"a\")", 1, "unknown function \"sett\"; did you mean \"set\"?"),
        ("Set(span.name, \"a\")", 1, "expected a function that changes something"),
        ("set(span.name, Concatt([\"a\"], \"\"))", 16, "unknown converter \"Concatt\"; did you mean \"Concat\"?"),
        ("set(span.name, concat([\"a\"], \"\"))", 16, "converters begin with a capital"),
        ("set(span.kind, SPAN_KIND_SERVR)", 16, "did you mean \"SPAN_KIND_SERVER\"?"),
        ("set(span.name)", 1, "\"set\" needs the argument \"value\""),
        ("set(span.name, \"a\", \"b\")", 21, "takes at most 2 arguments: target, value"),
        ("set(target=span.name, valu=\"a\")", 23, "unknown argument \"valu\"; did you mean \"value\"?"),
        ("set(target=span.name, \"a\")", 23, "arguments with names come last"),
        ("set(\"a\", \"b\")", 1, "no path says what to look at"),
        ("set(\"a\", span.name)", 5, "expected a path"),
        ("set(span.kind.string, \"a\")", 5, "\"span.kind.string\" cannot be changed"),
        ("set(span.name[\"a\"], \"b\")", 15, "has no elements"),
        ("set(span.name, \"a\") where span.name", 27, "expected a condition"),
        ("set(span.name, \"a\") where IsMatch(span.name, \"(\")", 46, "at offset"),
        ("set(span.name, \"a\") where span.name == \"a\" and", 47, "expected a value, got the end"),
        ("set(span.name, \"a\") when true", 21, "expected the end, got \"when\""),
        ("set(span.name, 99999999999999999999)", 16, "64 bits"),
        ("set(span.name, 0x123)", 16, "even number"),
        ("set(span.name, #)", 16, "unexpected character \"#\""),
        ("keep_keys(span.attributes, \"a\")", 28, "expected a list of strings"),
        ("limit(span.attributes, 1, [\"a\", \"b\"])", 27, "more keys to keep than the limit"),
        ("merge_maps(span.attributes, resource.attributes, \"mix\")", 50, "valid values: insert, update, upsert"),
        ("replace_pattern(span.name, \"a\", \"b\", SHA, \"%s\")", 38, "SHA256"),
        ("replace_pattern(span.name, \"a\", \"b\", SHA256, \"%d\")", 46, "exactly one %s"),
        ("replace_match(span.name, \"[a\", \"b\")", 26, "\"[\" without \"]\""),
    ]

    @Test(arguments: mistakes)
    func refuses(statement: String, column: Int, message: String) throws {
        let error = try #require(compile(statement).first)
        #expect(error.message.contains(message), "\(error)")
        #expect(error.column == column, "\(error)")
        #expect(error.description.hasPrefix("statement \"\(statement)\": column \(column): "))
    }

    @Test func namesEveryWrongStatement() {
        var errors: [OTTLSyntaxError] = []
        let texts = ["set(span.nam, 1)", "set(span.name, \"a\")", "sett(span.name, \"a\")"]
        #expect(OTTLStatements(texts, signal: .traces, errorMode: .ignore) { errors.append($0) } == nil)
        #expect(errors.map(\.statement) == [texts[0], texts[2]])
    }

    @Test func depthIsLimited() {
        let deep = String(repeating: "(", count: 100_00) + "1"
        #expect(compile("set(span.name, \(deep)").first?.message.contains("nested deeper than 64") == true)
        for (open, close) in [("(", ")"), ("[", "]"), ("Len(", ")"), ("not ", ""), ("{\"a\":", "}")] {
            let inner = String(repeating: open, count: 1000) + "1" + String(repeating: close, count: 1000)
            let error = compile("set(span.name, \(inner))").first
            #expect(error?.message.contains("nested deeper than 64") == true, "\(open)")
        }
        let long = "set(span.name, \(String(repeating: "a", count: 20_000)))"
        #expect(compile(long).first?.message.contains("longer") == true)
        // Chains are no nesting.
        let chain = Array(repeating: "1", count: 3000).joined(separator: "+")
        #expect(compile("set(span.dropped_events_count, \(chain))").isEmpty)
        let many = Array(repeating: "span.kind == 1", count: 500).joined(separator: " or ")
        #expect(compile("set(span.name, \"a\") where \(many)").isEmpty)
    }

    /// Any text is refused or accepted; nothing traps.
    @Test func damagedStatements() {
        let whole = Array(
            "set(span.attributes[\"a\"][0], Concat([\"x\", {\"k\": -1.5}], \"\\t\")[1]) where not (a >= 0xff or nil)")
        for index in whole.indices {
            for character in ["(", "\"", "\\", "[", "]", "é", "0", " ", ","] as [Character] {
                var text = whole
                text[index] = character
                _ = compile(String(text))
            }
            _ = compile(String(whole[..<index]))
            _ = compile(String(whole[index...]))
        }
    }

    @Test func contexts() {
        func context(_ texts: [String], _ signal: OTTLContext...) -> OTTLContext? {
            OTTLConditions(texts, signal: signal.first == .metric ? .metrics : .traces, errorMode: .ignore) { _ in }?
                .context
        }
        #expect(context(["resource.attributes[\"a\"] == 1"]) == .resource)
        #expect(context(["resource.attributes[\"a\"] == 1", "scope.name == \"a\""]) == .scope)
        #expect(context(["span.name == resource.attributes[\"a\"]"]) == .span)
        #expect(context(["IsMatch(spanevent.name, \"a\") and span.kind == 1"]) == .spanevent)
        #expect(context(["instrumentation_scope.name == \"a\""]) == .scope)
        #expect(context(["true"]) == nil)
        #expect(context(["HasAttrKeyOnDatapoint(\"a\")"], .metric) == .metric)
        #expect(context(["HasAttrKeyOnDatapoint(\"a\") and datapoint.flags == 0"], .metric) == nil)
    }
}
