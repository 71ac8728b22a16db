import Testing

@testable import Collector

struct ConfigurationSectionTests {
    enum Verbosity: String, CaseIterable { case basic, normal, detailed }

    /// Reads a section with `body`, then checks for unknown keys.
    func read<Value>(
        _ yaml: String, _ body: (ConfigurationSection) -> Value
    ) throws -> (value: Value, errors: [String], warnings: [String]) {
        let diagnostics = ConfigurationDiagnostics()
        let root = try YAMLDocument.parse(yaml, source: "otel.yml")
        let section = ConfigurationSection(path: "receivers::x", node: root, diagnostics: diagnostics)
        let value = body(section)
        section.finish()
        return (value, diagnostics.errors.map(\.description), diagnostics.warnings.map(\.description))
    }

    @Test(arguments: [
        ("k: 5s", "k: expected type int, got string \"5s\""), ("k: 1.5", "k: expected type int, got float 1.5"),
        ("k: true", "k: expected type int, got bool true"), ("k: 7", "k: 7 is out of range: must be between 0 and 6"),
        ("k: [1]", "k: expected type int, got list"),
    ])
    func explainsWrongIntegers(yaml: String, message: String) throws {
        let result = try read(yaml) { $0.integer("k", default: 3, in: 0...6) }
        #expect(result.value == 3)
        #expect(result.errors == ["receivers::x::\(message) (otel.yml:1:4)"])
    }

    @Test(arguments: [
        ("k: 5", "k: expected type string, got int 5; put it in quotes"),
        ("k: true", "k: expected type string, got bool true; put it in quotes"),
        ("k: {a: 1}", "k: expected type string, got map"),
    ])
    func explainsWrongStrings(yaml: String, message: String) throws {
        let result = try read(yaml) { $0.string("k", default: "d") }
        #expect(result.value == "d")
        #expect(result.errors == ["receivers::x::\(message) (otel.yml:1:4)"])
    }

    @Test(arguments: [
        ("k: 5s", Duration.seconds(5), nil), ("k: 7", .nanoseconds(7), nil), ("k: \"0\"", .zero, nil),
        ("k:", .seconds(1), nil), ("{}", .seconds(1), nil),
        ("k: \"5\"", .seconds(1), "invalid duration \"5\": the unit is missing"),
        ("k: soon", .seconds(1), "invalid duration \"soon\"; write for example"),
        ("k: 1.5", .seconds(1), "expected type duration such as 5s, got float 1.5"),
        ("k: -1s", .seconds(1), "-1s is out of range: must be at least 0s"),
    ] as [(String, Duration, String?)])
    func readsDurations(yaml: String, expected: Duration, message: String?) throws {
        let result = try read(yaml) { $0.duration("k", default: .seconds(1), in: .zero...(.longest)) }
        #expect(result.value == expected)
        #expect(result.errors.count == (message == nil ? 0 : 1))
        if let message { #expect(result.errors.first?.contains(message) == true, "\(result.errors)") }
    }

    @Test func listsAnEnumerationsValues() throws {
        let exact = try read("k: Detailed") { $0.enumeration("k", default: Verbosity.basic) }
        #expect(exact.errors.first?.contains("unknown value \"Detailed\" (valid values: [basic, normal, detailed])") == true)
        let relaxed = try read("k: Detailed") { $0.enumeration("k", default: Verbosity.basic, ignoringCase: true) }
        #expect(relaxed.value == .detailed)
        #expect(relaxed.errors.isEmpty)
    }

    @Test func reportsAllProblemsAtOnce() throws {
        let result = try read("a: x\nb: 5\nc: later\nunknown: 1\n") { section in
            _ = section.integer("a", default: 0)
            _ = section.string("b")
            _ = section.duration("c", default: .zero)
        }
        #expect(result.errors.count == 4)
        #expect(result.errors.map { $0.contains("otel.yml") } == [true, true, true, true])
    }

    @Test(arguments: [
        ("samples_per_secnd: 1", "invalid key; did you mean \"samples_per_second\"?"),
        ("sample_per_second: 1", "invalid key; did you mean \"samples_per_second\"?"),
        ("Reporter_Interval: 1", "invalid key; did you mean \"reporter_interval\"?"),
        ("zzz: 1", "invalid key; valid keys: reporter_interval, samples_per_second"),
    ])
    func suggestsTheNearestKey(yaml: String, message: String) throws {
        let result = try read(yaml) { section in
            _ = section.integer("samples_per_second", default: 20)
            _ = section.duration("reporter_interval", default: .seconds(5))
        }
        let key = yaml.prefix { $0 != ":" }
        #expect(result.errors == ["receivers::x::\(key): \(message) (otel.yml:1:1)"])
    }

    @Test func findsUnknownKeysInSectionsAndLists() throws {
        let result = try read("a: {x: 1, y: 2}\nl:\n  - {x: 1, q: 2}\n") { section in
            _ = section.section("a").integer("x", default: 0)
            for item in section.sections("l") { _ = item.integer("x", default: 0) }
        }
        #expect(result.errors.count == 2)
        #expect(result.errors.first?.hasPrefix("receivers::x::a::y: invalid key") == true)
        #expect(result.errors.last?.hasPrefix("receivers::x::l::0::q: invalid key") == true)
    }

    // MARK: - Older keys

    func readLegacy(_ yaml: String) throws -> (value: Int, errors: [String], warnings: [String]) {
        try read(yaml) { section in
            section.legacyKey("SamplesPerSecond", for: "samples_per_second")
            section.obsoleteKey("CollAgentAddr")
            return section.integer("samples_per_second", default: 20, in: 1...1000)
        }
    }

    @Test func takesOlderKeysWithOneWarning() throws {
        let result = try readLegacy("SamplesPerSecond: 19")
        #expect(result.value == 19)
        #expect(result.errors.isEmpty)
        #expect(
            result.warnings
                == ["receivers::x::SamplesPerSecond: is deprecated; use \"samples_per_second\" instead (otel.yml:1:1)"])
    }

    @Test func refusesOlderAndNewerKeyTogether() throws {
        let result = try readLegacy("SamplesPerSecond: 19\nsamples_per_second: 20")
        #expect(result.value == 20)
        #expect(result.errors.count == 1)
        #expect(result.errors.first?.contains("is the older spelling of \"samples_per_second\", and both are set") == true)
    }

    @Test func namesTheKeyAsWrittenInErrors() throws {
        let result = try readLegacy("SamplesPerSecond: many")
        #expect(result.errors == ["receivers::x::SamplesPerSecond: expected type int, got string \"many\" (otel.yml:1:19)"])
    }

    @Test func warnsAboutObsoleteKeys() throws {
        let result = try readLegacy("CollAgentAddr: x:1")
        #expect(result.value == 20)
        #expect(result.errors.isEmpty)
        #expect(result.warnings.first?.contains("has no effect any more") == true)
    }

    // MARK: - Sections that can be off

    @Test(arguments: [
        ("{}", false, false, true), ("k:", false, true, true), ("k: {}", true, true, true),
        ("k: {a: 1}", true, true, true), ("k: {enabled: false, a: 1}", false, false, false),
        ("k: {enabled: true}", true, true, true),
    ])
    func decidesAboutOptionalSections(yaml: String, written: Bool, named: Bool, byDefault: Bool) throws {
        for (rule, expected) in [
            (OptionalSectionRule.offUnlessWritten, written), (.onWhenNamed, named), (.onByDefault, byDefault),
        ] {
            let result = try read(yaml) { section in
                section.optionalSection("k", rule).map { _ = $0.integer("a", default: 0) } != nil
            }
            #expect(result.value == expected, "\(rule)")
            #expect(result.errors.isEmpty)
        }
    }

    @Test func refusesEnabledThatIsNoBoolean() throws {
        let result = try read("k: {enabled: maybe}") { $0.optionalSection("k") != nil }
        #expect(result.errors.first?.contains("k::enabled: expected type bool") == true)
    }

    // MARK: - Collections

    @Test(arguments: [
        ("k: [a, b]", ["a", "b"]), ("k: a,b", ["a", "b"]), ("k: []", []), ("k:", ["d"]), ("{}", ["d"]), ("k: ''", []),
    ])
    func readsStringLists(yaml: String, expected: [String]) throws {
        let result = try read(yaml) { $0.strings("k", default: ["d"]) }
        #expect(result.value == expected)
        #expect(result.errors.isEmpty)
    }

    @Test func readsHeadersInBothForms() throws {
        for yaml in ["k: {A: x, b: y}", "k: [{name: A, value: x}, {name: b, value: y}]"] {
            let result = try read(yaml) { $0.headers("k") }
            #expect(result.value.map(\.name) == ["A", "b"])
            #expect(result.value.map(\.value.value) == ["x", "y"])
            #expect(result.errors.isEmpty)
        }
        let twice = try read("k: [{name: A, value: x}, {name: A, value: y}]") { $0.headers("k") }
        #expect(twice.errors.first?.contains("given twice") == true)
    }

    // MARK: - Secrets

    @Test func neverPrintsSecrets() throws {
        let secret = OpaqueString("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])", "\(Optional(secret) as Any)"] {
            #expect(!text.contains("hunter2"), "\(text)")
        }
        let result = try read("k: 4711") { $0.opaqueString("k") }
        #expect(result.errors.count == 1)
        #expect(result.errors.first?.contains("4711") == false)
    }
}
