import Collector
import ExporterTestSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import FilterProcessor

struct FilterProcessorTests {
    typealias Value = ConfigurationNode.Value

    static func list(_ texts: String...) -> Value { .list(texts.map { ConfigurationNode(.string($0)) }) }

    func configuration(_ keys: [(String, Value)]) -> (FilterConfiguration, [String]) {
        let (configuration, errors, _) = decode(keys) { FilterConfiguration($0) }
        return (configuration, errors)
    }

    func filter(_ telemetry: Telemetry, _ keys: [(String, Value)], _ log: LogRecorder = LogRecorder()) throws
        -> Telemetry?
    {
        let (configuration, errors) = configuration(keys)
        #expect(errors == [])
        let processor = FilterProcessorFactory().makeProcessor(
            signal: telemetry.signal, configuration: configuration, context: log.context(.processor), next: Nowhere())
        return try (processor as? FilterProcessor)?.filtered(telemetry)
    }

    struct Nowhere: Consumer {
        func consume(_ telemetry: Telemetry) async throws {}
    }

    /// The names of what is left; nil if nothing is.
    func names(_ telemetry: Telemetry?) -> [String]? {
        switch telemetry {
        case nil: nil
        case .traces(let data)?:
            data.resourceSpans.flatMap { $0.scopeSpans.flatMap(\.spans) }.map {
                $0.events.isEmpty ? $0.name : "\($0.name)+\($0.events.map(\.name).joined())"
            }
        case .metrics(let data)?:
            data.resourceMetrics.flatMap { $0.scopeMetrics.flatMap(\.metrics) }.map { "\($0.name):\($0.pointCount)" }
        case .logs(let data)?:
            data.resourceLogs.flatMap { $0.scopeLogs.flatMap(\.logRecords) }.map(\.severityText)
        case .profiles(let data)?: ["\(data.profileCount) profiles", "\(data.sampleCount) samples"]
        }
    }

    /// The key, the condition, and what is left of the example's telemetry.
    static let conditions: [(Signal, String, [String]?)] = [
        (.traces, "span.name == \"child\"", ["GET /+event"]),
        (.traces, "span.attributes[\"ok\"] == true", ["child"]),
        (.traces, "spanevent.name == \"event\"", ["GET /", "child"]),
        (.traces, "resource.attributes[\"service.name\"] == \"shop\"", nil),
        (.traces, "scope.version == \"1.0\"", ["GET /+event", "child"]),
        (.traces, "IsMatch(span.name, \".*\")", nil),
        (.metrics, "metric.name == \"latency\"", ["requests:2", "temperature:1"]),
        (.metrics, "metric.type == METRIC_DATA_TYPE_SUM", ["latency:1", "temperature:1"]),
        (.metrics, "datapoint.value_int == 2", ["requests:1", "latency:1", "temperature:1"]),
        (.metrics, "datapoint.value_double > 21.0", ["requests:2", "latency:1"]),
        (.metrics, "HasAttrOnDatapoint(\"route\", \"/\")", ["latency:1", "temperature:1"]),
        (.metrics, "datapoint.count == 3 and metric.name == \"latency\"", ["requests:2", "temperature:1"]),
        (.logs, "log.severity_number < SEVERITY_NUMBER_ERROR", nil),
        (.logs, "IsMatch(log.body, \"rain\")", ["WARN"]),
        (.profiles, "resource.attributes[\"service.name\"] == \"shop\"", nil),
        (.profiles, "sample.values[0] == 12345", ["all"]),
        (.profiles, "profile.original_payload_format == \"pprof\"", ["all"]),
    ]

    static func example(_ signal: Signal) -> Telemetry {
        switch signal {
        case .traces: .traces(ExampleTelemetry.traces())
        case .metrics: .metrics(ExampleTelemetry.metrics())
        case .logs: .logs(ExampleTelemetry.logs())
        case .profiles:
            .profiles(
                .with {
                    $0.dictionary.stringTable = ["", "unused"]
                    $0.resourceProfiles = [
                        .with {
                            $0.resource.attributes = [OTLPKeyValue("service.name", "shop")]
                            $0.scopeProfiles = [
                                .with { $0.profiles = [.with { $0.samples = [.with { $0.values = [1] }] }] }
                            ]
                        }
                    ]
                })
        }
    }

    @Test(arguments: conditions)
    func drops(signal: Signal, condition: String, expected: [String]?) throws {
        let word = ["traces": "trace", "metrics": "metric", "logs": "log", "profiles": "profile"][signal.rawValue] ?? ""
        let rest = try filter(Self.example(signal), [("\(word)_conditions", Self.list(condition))])
        #expect(names(rest) == (expected == ["all"] ? names(Self.example(signal)) : expected))
    }

    @Test func olderForm() throws {
        let spans = try filter(
            Self.example(.traces),
            [("traces", .tree([("span", Self.list("attributes[\"ok\"] == true", "name == \"x\""))]))])
        #expect(names(spans) == ["child"])
        let points = try filter(
            Self.example(.metrics),
            [
                (
                    "metrics",
                    .tree([
                        ("metric", Self.list("name == \"latency\"")), ("datapoint", Self.list("value_int == 2")),
                    ])
                )
            ])
        #expect(names(points) == ["requests:1", "temperature:1"])
        let records = try filter(
            Self.example(.logs), [("logs", .tree([("log_record", Self.list("severity_text == \"WARN\""))]))])
        #expect(names(records) == nil)
        let profiles = try filter(
            Self.example(.profiles), [("profiles", .tree([("profile", Self.list("period == 0"))]))])
        #expect(names(profiles) == nil)
    }

    @Test func groups() throws {
        let group = Value.list([
            ConfigurationNode(
                .tree([
                    ("context", .string("span")), ("error_mode", .string("silent")),
                    ("conditions", Self.list("name == 1 + 1.0", "name == \"child\"")),
                ]))
        ])
        #expect(names(try filter(Self.example(.traces), [("trace_conditions", group)])) == ["GET /+event"])
    }

    /// The shared dictionary of profiles is left as it is.
    @Test func dictionaryStays() throws {
        guard case .profiles(var data) = Self.example(.profiles) else { return }
        data.resourceProfiles.append(data.resourceProfiles[0])
        data.resourceProfiles[1].resource.attributes = [OTLPKeyValue("service.name", "bank")]
        let rest = try filter(
            .profiles(data), [("profile_conditions", Self.list("resource.attributes[\"service.name\"] == \"shop\""))])
        guard case .profiles(let left)? = rest else {
            Issue.record("nothing is left")
            return
        }
        #expect(left.resourceProfiles == [data.resourceProfiles[1]])
        #expect(left.dictionary == data.dictionary)
    }

    @Test func errorModes() throws {
        let conditions = ("trace_conditions", Self.list("span.name == \"a\" + \"b\"", "span.name == \"child\""))
        let log = LogRecorder()
        #expect(
            names(try filter(Self.example(.traces), [("error_mode", .string("ignore")), conditions], log))
                == ["GET /+event"])
        #expect(log.records.count == 2 && log.records.allSatisfy { $0.level == .warning })
        #expect(log.records.first?.metadata["error"]?.contains("string + string has no result") == true)
        let silent = LogRecorder()
        #expect(
            names(try filter(Self.example(.traces), [("error_mode", .string("silent")), conditions], silent))
                == ["GET /+event"])
        #expect(silent.records.isEmpty)
        for keys in [[conditions], [("error_mode", .string("propagate")), conditions]] {
            #expect {
                _ = try filter(Self.example(.traces), keys)
            } throws: { error in
                PermanentError.isPermanent(error) && "\(error)".contains("failed to execute \"span.name ==")
            }
        }
    }

    @Test func countsWhatIsDropped() throws {
        let metrics = MetricsRegistry()
        let (configuration, _) = configuration([("trace_conditions", Self.list("span.name == \"child\""))])
        let processor = FilterProcessorFactory().makeProcessor(
            signal: .traces, configuration: configuration,
            context: LogRecorder().context(.processor, metrics: metrics), next: Nowhere())
        _ = try (processor as? FilterProcessor)?.filtered(Self.example(.traces))
        #expect(metrics.value("otelcol_processor_filter_spans_filtered") == 1)
    }

    static let mistakes: [([(String, Value)], String)] = [
        ([("trace_conditions", list("span.nam == 1"))], "x::trace_conditions: statement \"span.nam == 1\": column 1"),
        ([("trace_conditions", list("log.body == 1"))], "\"log.body\" does not begin with one of resource,"),
        ([("log_conditions", list("name == 1"))], "does not begin with one of resource, scope, log"),
        ([("logs", .tree([("log_record", list("bod == 1"))]))], "did you mean \"log.body\"?"),
        ([("logs", .tree([("log_records", list("true"))]))], "did you mean \"log_record\"?"),
        ([("error_mode", .string("loud"))], "valid values: [ignore, silent, propagate]"),
        ([("trace_condition", list("true"))], "did you mean \"trace_conditions\"?"),
        ([("trace_conditions", .string("span.name == 1"))], "expected a list"),
        (
            [("trace_conditions", list("span.kind == 1")), ("traces", .tree([("span", list("kind == 1"))]))],
            "say the same in two ways"
        ),
        (
            [("metric_conditions", .list([ConfigurationNode(.tree([("context", .string("span"))]))]))],
            "unknown context \"span\" (valid values: [resource, scope, metric, datapoint])"
        ),
    ]

    @Test(arguments: mistakes)
    func refuses(keys: [(String, Value)], message: String) {
        let (_, errors) = configuration(keys)
        #expect(errors.contains { $0.contains(message) }, "\(errors)")
    }
}
