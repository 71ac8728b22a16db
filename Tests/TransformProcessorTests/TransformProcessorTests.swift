import Collector
import ExporterTestSupport
import OTLP
import OTLPTestSupport
import ProcessorSupport
import Testing

@testable import TransformProcessor

struct TransformProcessorTests {
    typealias Value = ConfigurationNode.Value

    static func list(_ texts: [String]) -> Value { .list(texts.map { ConfigurationNode(.string($0)) }) }
    static func group(_ keys: [(String, Value)]) -> ConfigurationNode { ConfigurationNode(.tree(keys)) }

    func configuration(_ keys: [(String, Value)]) -> (TransformConfiguration, [String]) {
        let (configuration, errors, _) = decode(keys) { TransformConfiguration($0) }
        return (configuration, errors)
    }

    func transform(_ telemetry: Telemetry, _ keys: [(String, Value)], _ log: LogRecorder = LogRecorder()) throws
        -> Telemetry
    {
        let (configuration, errors) = configuration(keys)
        #expect(errors == [])
        return try TransformProcessor(
            groups: configuration.groups[telemetry.signal] ?? [], logger: log.logger, next: Nowhere()
        ).transformed(telemetry)
    }

    struct Nowhere: Consumer {
        func consume(_ telemetry: Telemetry) async throws {}
    }

    func traces(_ statements: [String]) throws -> OTLPTracesData {
        guard
            case .traces(let data) = try transform(
                .traces(ExampleTelemetry.traces()), [("trace_statements", Self.list(statements))])
        else { return OTLPTracesData() }
        return data
    }

    func metrics(_ groups: Value) throws -> [OTLPMetric] {
        guard
            case .metrics(let data) = try transform(
                .metrics(ExampleTelemetry.metrics()), [("metric_statements", groups)])
        else { return [] }
        return data.resourceMetrics[0].scopeMetrics[0].metrics
    }

    @Test func changesSpans() throws {
        let data = try traces([
            "set(span.attributes[\"service\"], resource.attributes[\"service.name\"])",
            "set(span.name, Concat([ToLowerCase(span.name), \"x\"], \"\")) where span.kind == SPAN_KIND_SERVER",
            "keep_keys(resource.attributes, [\"service.name\"])",
        ])
        let spans = data.resourceSpans[0].scopeSpans[0].spans
        #expect(spans.map(\.name) == ["get /x", "child"])
        #expect(spans.allSatisfy { $0.attributes["service"]?.value == .stringValue("shop") })
        #expect(data.resourceSpans[0].resource.attributes.map(\.key) == ["service.name"])
        // All else is as it was.
        var same = data
        let before = ExampleTelemetry.traces()
        same.resourceSpans[0].resource = before.resourceSpans[0].resource
        for index in spans.indices {
            same.resourceSpans[0].scopeSpans[0].spans[index].name =
                before.resourceSpans[0].scopeSpans[0].spans[index].name
            same.resourceSpans[0].scopeSpans[0].spans[index].attributes["service"] = nil
        }
        #expect(same == before)
    }

    @Test func changesEvents() throws {
        let data = try traces([
            "set(spanevent.attributes[\"of\"], span.name)", "set(span.status.message, spanevent.name)",
        ])
        let span = data.resourceSpans[0].scopeSpans[0].spans[0]
        #expect(span.events[0].attributes["of"]?.value == .stringValue("GET /"))
        #expect(span.status.message == "event")
        #expect(data.resourceSpans[0].scopeSpans[0].spans[1].status.message == "")
    }

    @Test func changesNothingOfWhatItDoesNotName() throws {
        for context in ["resource", "scope", "span", "spanevent"] {
            #expect(try traces(["set(\(context).cache[\"a\"], 1)"]) == ExampleTelemetry.traces())
        }
        let empty = OTLPTracesData.with { $0.resourceSpans = [.with { $0.scopeSpans = [.init()] }] }
        let group = Self.list(["set(span.name, \"a\")"])
        guard case .traces(let data) = try transform(.traces(empty), [("trace_statements", group)]) else { return }
        #expect(data == empty)
        for context in ["metric", "datapoint"] {
            #expect(
                try metrics(Self.list(["set(\(context).cache[\"a\"], 1)"]))
                    == ExampleTelemetry.metrics().resourceMetrics[0].scopeMetrics[0].metrics)
        }
    }

    @Test func changesMetricsAndPoints() throws {
        let changed = try metrics(
            Self.list([
                "set(datapoint.attributes[\"metric\"], metric.name)", "set(metric.unit, \"1\")",
                "set(datapoint.value_int, datapoint.value_int * 2) where datapoint.value_int != nil",
                "set(datapoint.value_double, 1.5) where metric.type == METRIC_DATA_TYPE_GAUGE",
                "set(datapoint.sum, 7.0) where metric.name == \"latency\"",
                "set(datapoint.bucket_counts, [3, 4]) where metric.name == \"latency\"",
                "set(metric.aggregation_temporality, AGGREGATION_TEMPORALITY_DELTA)",
            ]))
        #expect(changed.map(\.unit) == ["1", "1", "1"])
        #expect(changed[0].sum.dataPoints.map(\.asInt) == [-18_014_398_509_481_986, 4])
        #expect(changed[0].sum.aggregationTemporality == .delta)
        #expect(changed[0].sum.dataPoints[1].attributes["metric"]?.value == .stringValue("requests"))
        #expect(changed[0].sum.dataPoints[0].exemplars.count == 1)
        #expect(changed[1].histogram.dataPoints[0].sum == 7)
        #expect(changed[1].histogram.dataPoints[0].bucketCounts == [3, 4])
        #expect(changed[2].gauge.dataPoints[0].asDouble == 1.5)
    }

    @Test func convertsMetrics() throws {
        let changed = try metrics(
            .list([
                Self.group([
                    (
                        "statements",
                        Self.list([
                            "convert_sum_to_gauge() where metric.name == \"requests\"",
                            "convert_gauge_to_sum(\"delta\", true) where metric.name == \"temperature\"",
                            "scale_metric(10.0, \"dC\") where metric.name == \"temperature\"",
                            "scale_metric(2) where metric.name == \"latency\"",
                        ])
                    )
                ]),
                Self.group([("statements", Self.list(["limit(datapoint.attributes, 0, [])"]))]),
            ]))
        #expect(changed[0].gauge.dataPoints.map(\.asInt) == [-9_007_199_254_740_993, 2])
        #expect(changed[0].gauge.dataPoints[0].attributes.isEmpty)
        #expect(changed[1].histogram.dataPoints[0].sum == 12)
        #expect(changed[1].histogram.dataPoints[0].explicitBounds == [3])
        #expect(changed[2].sum.dataPoints.map(\.asDouble) == [212.5])
        #expect(changed[2].sum.isMonotonic && changed[2].unit == "dC")
    }

    @Test func changesLogs() throws {
        let statements = Self.list([
            "set(log.severity_text, \"FAIL\") where IsMatch(log.body, \"quoted\")",
            "set(log.body, {\"text\": log.body})", "set(log.body[\"n\"], Len(log.body[\"text\"]))",
            "set(log.severity_number, SEVERITY_NUMBER_FATAL)",
        ])
        guard
            case .logs(let data) = try transform(.logs(ExampleTelemetry.logs()), [("log_statements", statements)])
        else { return }
        let record = data.resourceLogs[0].scopeLogs[0].logRecords[0]
        #expect(record.severityText == "FAIL")
        #expect(record.severityNumber == .fatal)
        #expect(record.body.text == "{\"text\":\"snow \u{2603} \\\"quoted\\\"\",\"n\":17}")
    }

    /// With a context, paths may leave it out; conditions are joined by "or".
    @Test func groupsWithContextAndConditions() throws {
        let groups = Value.list([
            Self.group([
                ("context", .string("span")),
                ("conditions", Self.list(["name == \"nobody\"", "attributes[\"ok\"] == true"])),
                (
                    "statements",
                    Self.list(["set(name, \"changed\")", "set(attributes[\"r\"], resource.attributes[\"none\"])"])
                ),
            ])
        ])
        guard
            case .traces(let data) = try transform(.traces(ExampleTelemetry.traces()), [("trace_statements", groups)])
        else { return }
        #expect(data.resourceSpans[0].scopeSpans[0].spans.map(\.name) == ["changed", "child"])
    }

    /// The cache lasts for one item.
    @Test func cache() throws {
        let data = try traces([
            "set(span.attributes[\"before\"], span.cache[\"n\"])", "set(span.cache[\"n\"], span.name)",
            "set(span.attributes[\"after\"], span.cache[\"n\"])",
        ])
        for span in data.resourceSpans[0].scopeSpans[0].spans {
            #expect(span.attributes["before"] == nil)
            #expect(span.attributes["after"]?.value == .stringValue(span.name))
        }
    }

    @Test func errorModes() throws {
        let statements = ("trace_statements", Self.list(["set(span.name, 1)", "set(span.name, \"b\")"]))
        for (mode, records) in [("ignore", 2), ("silent", 0), (nil, 2)] {
            let log = LogRecorder()
            let keys = mode.map { [("error_mode", Value.string($0))] } ?? []
            guard
                case .traces(let data) = try transform(
                    .traces(ExampleTelemetry.traces()), keys + [statements], log)
            else { return }
            #expect(data.resourceSpans[0].scopeSpans[0].spans.map(\.name) == ["b", "b"])
            #expect(log.records.count == records)
        }
        #expect {
            _ = try transform(
                .traces(ExampleTelemetry.traces()), [("error_mode", .string("propagate")), statements])
        } throws: { error in
            PermanentError.isPermanent(error)
                && "\(error)".contains("failed to execute \"set(span.name, 1)\": expected a string, got int")
        }
        let group = Self.group([("error_mode", .string("propagate")), ("statements", Self.list(["set(span.name, 1)"]))])
        #expect(throws: PermanentError.self) {
            _ = try transform(
                .traces(ExampleTelemetry.traces()),
                [("error_mode", .string("silent")), ("trace_statements", .list([group]))])
        }
    }

    static let mistakes: [([(String, Value)], String)] = [
        (
            [("trace_statements", list(["set(span.nam, 1)"]))],
            "x::trace_statements: statement \"set(span.nam, 1)\": column 5"
        ),
        (
            [("metric_statements", list(["convert_sum_to_gauge()", "limit(datapoint.attributes, 1, [])"]))],
            "\"convert_sum_to_gauge\" works on each metric, but this runs for each datapoint"
        ),
        ([("profile_statements", list(["set(span.name, \"a\")"]))], "resource, scope, profile, profilesample"),
        ([("trace_statement", list([]))], "did you mean \"trace_statements\"?"),
        ([("trace_statements", .list([group([("statement", list(["a"]))])]))], "did you mean \"statements\"?"),
        (
            [
                (
                    "trace_statements",
                    .list([group([("context", .string("spn")), ("statements", list(["set(name, \"a\")"]))])])
                )
            ], "did you mean \"span\"?"
        ),
        (
            [
                (
                    "trace_statements",
                    .list([ConfigurationNode(.string("set(span.name, 1)")), group([("statements", list([]))])])
                )
            ], "has both statements and groups"
        ),
        ([("error_mode", .string("loud"))], "valid values: [ignore, silent, propagate]"),
        (
            [
                (
                    "log_statements",
                    .list([
                        group([
                            ("conditions", list(["log.bdy == 1"])), ("statements", list(["set(log.body, 1)"])),
                        ])
                    ])
                )
            ],
            "did you mean \"log.body\"?"
        ),
    ]

    @Test(arguments: mistakes)
    func refuses(keys: [(String, Value)], message: String) {
        let (_, errors) = configuration(keys)
        #expect(errors.contains { $0.contains(message) }, "\(errors)")
    }
}
