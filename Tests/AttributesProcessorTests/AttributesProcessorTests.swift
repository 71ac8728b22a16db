import Collector
import ExporterTestSupport
import OTLP
import OTLPTestSupport
import ProcessorSupport
import Testing

@testable import AttributesProcessor

struct AttributesProcessorTests {
    typealias Value = ConfigurationNode.Value

    static let mark: (String, Value) = (
        "actions",
        .list([
            ConfigurationNode(.tree([("key", .string("mark")), ("action", .string("insert")), ("value", .integer(1))]))
        ])
    )

    /// A configuration that marks what it means.
    func configuration(_ keys: [(String, Value)]) -> (AttributesConfiguration, [String]) {
        let (configuration, errors, _) = decode([Self.mark] + keys) { AttributesConfiguration($0) }
        return (configuration, errors)
    }

    static func list(_ texts: String...) -> Value { .list(texts.map { ConfigurationNode(.string($0)) }) }
    static func pair(_ key: String, _ value: Value?, name: String = "key", other: String = "value") -> Value {
        .list([ConfigurationNode(.tree([(name, .string(key))] + (value.map { [(other, $0)] } ?? [])))])
    }

    static func properties(_ type: String, _ keys: [(String, Value)]) -> Value {
        .tree([("match_type", .string(type))] + keys)
    }

    /// The names of the example's spans, log records' bodies or metrics that are marked.
    func marked(_ telemetry: Telemetry, _ keys: [(String, Value)]) throws -> [String] {
        let (configuration, errors) = configuration(keys)
        #expect(errors == [])
        #expect(configuration.mistake(for: telemetry.signal) == nil)
        let isMarked = { (attributes: [OTLPKeyValue]) in attributes["mark"]?.value == .intValue(1) }
        switch AttributesProcessor(configuration: configuration, next: Nowhere()).process(telemetry) {
        case .traces(let data):
            return data.resourceSpans.flatMap { $0.scopeSpans.flatMap(\.spans) }.filter { isMarked($0.attributes) }
                .map(\.name)
        case .logs(let data):
            return data.resourceLogs.flatMap { $0.scopeLogs.flatMap(\.logRecords) }.filter { isMarked($0.attributes) }
                .map(\.severityText)
        case .metrics(let data):
            return data.resourceMetrics.flatMap { $0.scopeMetrics.flatMap(\.metrics) }.filter { metric in
                switch metric.data {
                case .gauge(let gauge): gauge.dataPoints.allSatisfy { isMarked($0.attributes) }
                case .sum(let sum): sum.dataPoints.allSatisfy { isMarked($0.attributes) }
                case .histogram(let histogram): histogram.dataPoints.allSatisfy { isMarked($0.attributes) }
                default: false
                }
            }.map(\.name)
        case .profiles: return []
        }
    }

    struct Nowhere: Consumer {
        func consume(_ telemetry: Telemetry) async throws {}
    }

    /// `include` of the example's two spans: `GET /`, a server's with `ok: true`, and `child`; the service is `shop`,
    /// the library `library` 2.0.
    static let spans: [(String, String, Value, [String])] = [
        ("strict", "span_names", list("GET /"), ["GET /"]),
        ("strict", "span_names", list("GET"), []),
        ("regexp", "span_names", list("^GET", "x"), ["GET /"]),
        ("regexp", "span_kinds", list("SERVER$"), ["GET /"]),
        ("strict", "span_kinds", list("SPAN_KIND_UNSPECIFIED"), ["child"]),
        ("strict", "services", list("shop"), ["GET /", "child"]),
        ("regexp", "services", list("^s.op$"), ["GET /", "child"]),
        ("strict", "services", list("other"), []),
        ("strict", "attributes", pair("ok", nil), ["GET /"]),
        ("strict", "attributes", pair("ok", .boolean(true)), ["GET /"]),
        ("strict", "attributes", pair("ok", .string("true")), []),
        ("regexp", "attributes", pair("ok", .string("tr.e")), ["GET /"]),
        ("strict", "attributes", pair("none", nil), []),
        ("strict", "resources", pair("service.name", .string("shop")), ["GET /", "child"]),
        ("strict", "resources", pair("service.name", .string("sho")), []),
        ("strict", "libraries", pair("library", .string("2.0"), name: "name", other: "version"), ["GET /", "child"]),
        ("strict", "libraries", pair("library", .string("2.1"), name: "name", other: "version"), []),
        ("strict", "libraries", pair("library", nil, name: "name"), ["GET /", "child"]),
    ]

    @Test(arguments: spans)
    func selectsSpans(type: String, key: String, value: Value, expected: [String]) throws {
        let properties = Self.properties(type, [(key, value)])
        let all = ["GET /", "child"]
        #expect(try marked(.traces(ExampleTelemetry.traces()), [("include", properties)]) == expected)
        #expect(
            try marked(.traces(ExampleTelemetry.traces()), [("exclude", properties)])
                == all.filter { !expected.contains($0) })
    }

    @Test func includeGoesBeforeExclude() throws {
        let services = Self.properties("strict", [("services", Self.list("shop"))])
        let names = Self.properties("strict", [("span_names", Self.list("child"))])
        #expect(
            try marked(.traces(ExampleTelemetry.traces()), [("include", services), ("exclude", names)]) == ["GET /"])
        #expect(try marked(.traces(ExampleTelemetry.traces()), [("include", names), ("exclude", services)]) == [])
        #expect(try marked(.traces(ExampleTelemetry.traces()), []) == ["GET /", "child"])
    }

    /// The example's record has severity WARN (13) and a body of text.
    static let records: [(String, Value, Bool)] = [
        ("log_bodies", list("snow"), true),
        ("log_bodies", list("rain"), false),
        ("log_severity_texts", list("WA"), true),
        ("log_severity_texts", list("^AR"), false),
        ("log_severity_number", .tree([("min", .integer(13))]), true),
        ("log_severity_number", .tree([("min", .integer(14)), ("match_undefined", .boolean(true))]), false),
        ("attributes", pair("bytes", nil), true),
        ("attributes", pair("bytes", .string(".")), false),
    ]

    @Test(arguments: records)
    func selectsRecords(key: String, value: Value, expected: Bool) throws {
        let properties = Self.properties("regexp", [(key, value)])
        #expect(
            try marked(.logs(ExampleTelemetry.logs()), [("include", properties)]) == (expected ? ["WARN"] : []))
    }

    @Test func undefinedSeverity() throws {
        var data = ExampleTelemetry.logs()
        data.resourceLogs[0].scopeLogs[0].logRecords[0].severityNumber = .unspecified
        for (matches, expected) in [(true, ["WARN"]), (false, [])] {
            let number = Value.tree([("min", .integer(9)), ("match_undefined", .boolean(matches))])
            let properties = Self.properties("strict", [("log_severity_number", number)])
            #expect(try marked(.logs(data), [("include", properties)]) == expected)
        }
    }

    @Test func selectsMetrics() throws {
        let names = Self.properties("regexp", [("metric_names", Self.list("^(requests|latency)$"))])
        #expect(try marked(.metrics(ExampleTelemetry.metrics()), [("include", names)]) == ["requests", "latency"])
        #expect(try marked(.metrics(ExampleTelemetry.metrics()), []) == ["requests", "latency", "temperature"])
    }

    static let mistakes: [([(String, Value)], String)] = [
        ([("include", .tree([("services", list("a"))]))], "match_type: is required"),
        ([("include", properties("glob", [("services", list("a"))]))], "valid values: [strict, regexp]"),
        ([("include", properties("strict", []))], "x::include: needs at least one property"),
        ([("include", properties("regexp", [("services", list("("))]))], "x::include::services"),
        ([("exclude", properties("regexp", [("attributes", pair("a", .integer(1)))]))], "in quotes"),
        ([("exclude", properties("strict", [("libraries", pair("", nil, name: "name"))]))], "libraries::0"),
        ([("exclude", properties("strict", [("span_name", list("a"))]))], "did you mean \"span_names\"?"),
    ]

    @Test(arguments: mistakes)
    func refuses(keys: [(String, Value)], message: String) {
        let (_, errors) = configuration(keys)
        #expect(errors.contains { $0.contains(message) }, "\(errors)")
    }

    static let foreign: [(Signal, String, Value)] = [
        (.traces, "log_bodies", list("a")), (.traces, "metric_names", list("a")),
        (.logs, "span_names", list("a")), (.logs, "services", list("a")), (.logs, "span_kinds", list("a")),
        (.metrics, "attributes", pair("a", nil)), (.metrics, "libraries", pair("a", nil, name: "name")),
        (.metrics, "services", list("a")), (.metrics, "log_severity_number", .tree([("min", .integer(1))])),
    ]

    @Test(arguments: foreign)
    func refusesPropertiesOfOtherSignals(signal: Signal, key: String, value: Value) {
        let (configuration, errors) = configuration([("include", Self.properties("strict", [(key, value)]))])
        #expect(errors == [])
        let mistake = configuration.mistake(for: signal)
        #expect(mistake?.hasPrefix("x::include: \"\(key)\" cannot be matched in a pipeline of \(signal)") == true)
    }

    @Test func takesNoProfiles() {
        #expect(AttributesProcessorFactory().stability[.profiles] == nil)
    }
}
