import Collector
import ElasticsearchDouble
import ExporterTestSupport
import OTLP
import OTLPTestSupport
import ProfilingMetricsConnector
import Testing

@testable import ElasticsearchExporter

@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct MetricDocumentTests {
    static let time: UInt64 = 1_700_000_000_123_456_789

    static func data(
        _ metrics: [OTLPMetric], scope: String = "test", resource: [OTLPKeyValue] = []
    ) -> OTLPMetricsData {
        .with {
            $0.resourceMetrics = [
                .with {
                    $0.resource.attributes = resource
                    $0.resource.droppedAttributesCount = 3
                    $0.schemaURL = "https://r"
                    $0.scopeMetrics = [
                        .with {
                            $0.scope.name = scope
                            $0.scope.version = "1.0"
                            $0.metrics = metrics
                        }
                    ]
                }
            ]
        }
    }

    static func number(
        _ value: OTLPNumberDataPoint.OneOf_Value?, _ attributes: [OTLPKeyValue] = []
    ) -> OTLPNumberDataPoint {
        .with {
            $0.timeUnixNano = time
            $0.startTimeUnixNano = time - 5_000_000_000
            $0.attributes = attributes
            $0.value = value
        }
    }

    static func gauge(_ name: String, _ points: OTLPNumberDataPoint..., unit: String = "1") -> OTLPMetric {
        .with {
            $0.name = name
            $0.unit = unit
            $0.gauge.dataPoints = points
        }
    }

    static func sum(
        _ name: String, monotonic: Bool, _ temporality: Opentelemetry_Proto_Metrics_V1_AggregationTemporality,
        _ point: OTLPNumberDataPoint
    ) -> OTLPMetric {
        .with {
            $0.name = name
            $0.unit = "1"
            $0.sum.isMonotonic = monotonic
            $0.sum.aggregationTemporality = temporality
            $0.sum.dataPoints = [point]
        }
    }

    func documents(
        _ data: OTLPMetricsData, index: String = "metrics-generic.otel-default",
        _ check: (RunningExporter, ElasticsearchDouble) async throws -> Void = { _, _ in }
    ) async throws -> [ElasticsearchDouble.Document] {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .metrics)
        try? await running.exporter.consume(.metrics(data))
        try await running.exporter.shutdown()
        try await check(running, double)
        #expect(try await double.unmappedFields(index) == [])
        return try await double.documents(index)
    }

    @Test func wholeDocument() async throws {
        let attributes = [
            OTLPKeyValue("http.route", "/x"), OTLPKeyValue("data_stream.dataset", "My-App: #1"),
            OTLPKeyValue("data_stream.namespace", "Prod"), OTLPKeyValue("elasticsearch.mapping.hints", "none"),
            OTLPKeyValue("a.geo.location.lat", .double(1.5)), OTLPKeyValue("a.geo.location.lon", .double(-2)),
            OTLPKeyValue("map", .with { $0.kvlistValue.values = [OTLPKeyValue("k", 1)] }),
            OTLPKeyValue("list", .with { $0.arrayValue.values = [.string("x"), .boolean(true)] }),
            OTLPKeyValue("http.route", "again"),
        ]
        let found = try await documents(
            Self.data(
                [Self.gauge("http.server.request.duration", Self.number(.asDouble(1), attributes))],
                resource: [OTLPKeyValue("host.name", "h")]),
            index: "metrics-my_app___1.otel-prod"
        ) { _, double in
            let actions = try await double.requests().first?.actions
            #expect(
                actions == [
                    [
                        "create": [
                            "_index": "metrics-my_app___1.otel-prod",
                            "dynamic_templates": ["metrics.http.server.request.duration": "gauge_double"],
                            "require_data_stream": true,
                        ]
                    ]
                ])
        }
        #expect(found.count == 1)
        #expect(
            found.first?.source == [
                "@timestamp": 1_700_000_000_123, "start_timestamp": 1_699_999_995_123, "unit": "1",
                "data_stream": ["type": "metrics", "dataset": "my_app___1.otel", "namespace": "prod"],
                "attributes": [
                    "http.route": "/x", "a.geo.location": [-2, 1.5], "map": "{\"k\":1}", "list": ["x", true],
                ],
                "resource": [
                    "schema_url": "https://r", "attributes": ["host.name": "h"], "dropped_attributes_count": 3,
                ],
                "scope": ["name": "test", "version": "1.0"], "metrics": ["http.server.request.duration": 1],
                "_metric_names_hash": "30292700b84da900",
            ])
    }

    struct Row: Sendable, CustomStringConvertible {
        var description: String
        var metric: OTLPMetric
        var template: String
    }

    static let int = number(.asInt(5))
    static let double = number(.asDouble(2.5))

    @Test(arguments: [
        Row(description: "gauge", metric: gauge("m", int), template: "gauge_long"),
        Row(description: "gauge", metric: gauge("m", double), template: "gauge_double"),
        Row(description: "counter", metric: sum("m", monotonic: true, .cumulative, int), template: "counter_long"),
        Row(description: "counter", metric: sum("m", monotonic: true, .cumulative, double), template: "counter_double"),
        Row(description: "delta", metric: sum("m", monotonic: true, .delta, int), template: "gauge_long"),
        Row(
            description: "up and down", metric: sum("m", monotonic: false, .cumulative, double),
            template: "gauge_double"),
    ])
    func templatesOfNumbers(_ row: Row) async throws {
        let found = try await documents(Self.data([row.metric]))
        #expect(found.first?.types == ["metrics.m": row.template])
    }

    @Test func pointsThatAgreeShareADocument() async throws {
        let x = [OTLPKeyValue("x", "1"), OTLPKeyValue("y", "2")]
        var later = Self.number(.asInt(9))
        later.timeUnixNano += 1_000_000
        let found = try await documents(
            Self.data([
                Self.gauge("a", Self.number(.asInt(1), x), Self.number(.asInt(2))),
                Self.gauge("b", Self.number(.asInt(3), x.reversed()), later),
                Self.gauge("c", Self.number(.asInt(4), x), unit: "s"),
                Self.gauge("a", Self.number(.asInt(99))),
            ]))
        let metrics = found.compactMap { $0.source["metrics"] }
        #expect(Set(metrics) == [["a": 1, "b": 3], ["a": 2], ["b": 9], ["c": 4]])
    }

    @Test func pointsThatCannotBeStored() async throws {
        let histogram = OTLPMetric.with {
            $0.name = "h"
            $0.histogram.aggregationTemporality = .cumulative
            $0.histogram.dataPoints = [.with { $0.timeUnixNano = Self.time }]
        }
        let found = try await documents(
            Self.data([
                Self.gauge("nan", Self.number(.asDouble(.nan))), Self.gauge("none", Self.number(nil)), histogram,
                Self.gauge("good", Self.int, Self.number(.asInt(7))),
            ])
        ) { running, _ in
            #expect(running.count("otelcol_exporter_sent_metric_points") == 1)
            #expect(running.count("otelcol_exporter_send_failed_metric_points") == 4)
            #expect(running.log.records.filter { $0.level == .warning }.count == 4)
        }
        #expect(found.count == 1)
        #expect(found.first?.source["metrics"] == ["good": 5])
    }

    @Test func histograms() async throws {
        func histogram(_ name: String, hints: [String] = []) -> OTLPMetric {
            .with {
                $0.name = name
                $0.histogram.aggregationTemporality = .delta
                $0.histogram.dataPoints = [
                    .with {
                        $0.timeUnixNano = Self.time
                        $0.count = 10
                        $0.sum = 55
                        $0.explicitBounds = [2, 4, 8]
                        $0.bucketCounts = [1, 0, 3, 6]
                        if !hints.isEmpty {
                            $0.attributes = [
                                OTLPKeyValue(
                                    "elasticsearch.mapping.hints",
                                    .with { $0.arrayValue.values = hints.map { .string($0) } })
                            ]
                        }
                    }
                ]
            }
        }
        var none = histogram("n")
        none.histogram.dataPoints[0].explicitBounds = []
        none.histogram.dataPoints[0].bucketCounts = []
        let exponential = OTLPMetric.with {
            $0.name = "e"
            $0.exponentialHistogram.aggregationTemporality = .delta
            $0.exponentialHistogram.dataPoints = [
                .with {
                    $0.timeUnixNano = Self.time
                    $0.scale = 0
                    $0.zeroCount = 2
                    $0.positive.offset = 1
                    $0.positive.bucketCounts = [1, 0, 4]
                    $0.negative.offset = 0
                    $0.negative.bucketCounts = [5, 6]
                }
            ]
        }
        let summary = OTLPMetric.with {
            $0.name = "s"
            $0.summary.dataPoints = [
                .with {
                    $0.timeUnixNano = Self.time
                    $0.sum = 1.5
                    $0.count = 3
                }
            ]
        }
        let found = try await documents(
            Self.data([
                histogram("h"), histogram("r", hints: ["histogram:raw"]),
                histogram("a", hints: ["aggregate_metric_double", "_doc_count"]),
                histogram("skipped", hints: ["_noindex"]), none, exponential, summary,
            ]))
        // Hints are no part of the key: all these points share the first document.
        let source = try #require(found.first?.source)
        #expect(found.count == 1)
        #expect(
            source["metrics"] == [
                "h": ["counts": [1, 3, 6], "values": [1, 6, 8]], "r": ["counts": [1, 9], "values": [2, 8]],
                "a": ["sum": 55, "value_count": 10], "n": ["counts": [10], "values": [5.5]],
                // Bucket i lies between 2^i and 2^(i+1).
                "e": ["counts": [6, 5, 2, 1, 4], "values": [-3, -1.5, 0, 3, 12]], "s": ["sum": 1.5, "value_count": 3],
            ])
        #expect(source["_doc_count"] == 10)
        #expect(
            found.first?.types == [
                "metrics.h": "histogram", "metrics.r": "histogram", "metrics.a": "summary", "metrics.n": "histogram",
                "metrics.e": "histogram", "metrics.s": "summary",
            ])
    }

    /// The same metrics twice in one millisecond: the server refuses the second document, and we say so.
    @Test func conflictsOfTimeSeriesAreLosses() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .metrics)
        let data = Self.data([Self.gauge("m", Self.int)])
        try await running.exporter.consume(.metrics(data))
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(.metrics(data)) }
        // Other names are another series.
        try await running.exporter.consume(.metrics(Self.data([Self.gauge("other", Self.int)])))
        try await running.exporter.shutdown()
        #expect(running.count("otelcol_exporter_sent_metric_points") == 2)
        #expect(running.count("otelcol_exporter_send_failed_metric_points") == 1)
        let line = try #require(running.log.records.first { $0.level == .error })
        #expect(line.metadata["error_type"] == "version_conflict_engine_exception" && line.metadata["hint"] != nil)
        let silent = try await RunningExporter(double, .metrics) { $0.suppressesConflictErrors = true }
        await #expect(throws: PermanentError.self) { try await silent.exporter.consume(.metrics(data)) }
        try await silent.exporter.shutdown()
        #expect(silent.log.records.isEmpty)
    }

    /// Metrics made from profiles, as the connector makes them, come where dashboards look for them.
    @Test func metricsOfTheConnector() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .metrics)
        let factory = ProfilingMetricsConnectorFactory()
        let (configuration, errors, _) = decode([("flush_interval", .string("0s"))], with: factory.decode)
        #expect(errors.isEmpty)
        let connector = factory.makeConnector(
            signals: SignalPair(from: .profiles, to: .metrics), configuration: configuration,
            context: running.log.context(.connector, type: "profilingmetrics"), next: running.exporter)
        try await connector.start(host: EmptyHost())
        try await connector.consume(.profiles(ProfileMessages.example()))
        try await connector.shutdown()
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level >= .warning }.isEmpty, "\(running.log.records)")
        let documents = try await double.documents("metrics-profilingmetricsconnector.otel-default")
        #expect(!documents.isEmpty)
        #expect(documents[0].types["metrics.samples.user.count"] == "gauge_long")
        func total(_ name: String) -> Int64 {
            documents.reduce(0) { $0 + ($1.source["metrics"]?[name]?.integer ?? 0) }
        }
        #expect(total("samples.user.count") == 1)
        #expect(total("samples.kernel.count") == 3)
        #expect(
            documents.allSatisfy {
                $0.source["scope"]?["name"]
                    == "github.com/elastic/opentelemetry-collector-components/connector/profilingmetricsconnector"
            })
        #expect(documents.contains { $0.source["resource"]?["attributes"]?["process.executable.name"] == "demo" })
    }
}

struct DataStreamRouterTests {
    @Test(arguments: [
        ("github.com/elastic/x/connector/profilingmetricsconnector", "profilingmetricsconnector"),
        ("otelcol/receiver/hostmetricsreceiver/internal/scraper/cpuscraper", "hostmetricsreceiver"),
        ("otelcol/receiver/receiver", "generic"), ("hostmetricsreceiver", "generic"), ("", "generic"),
        ("a/receiver/host-receiver", "generic"),
    ])
    func componentsOfScopes(scope: String, dataset: String) { #expect(DataStreamRouter.component(scope) == dataset) }

    @Test func names() {
        #expect(DataStreamRouter.sanitized("A\\b/c*d?e\"f<g>h|i j,k#l:m-n", also: "-", maximumBytes: 100)
            == "a_b_c_d_e_f_g_h_i_j_k_l_m_n")
        #expect(DataStreamRouter.sanitized("a-b", also: "", maximumBytes: 100) == "a-b")
        // Cut between characters.
        #expect(DataStreamRouter.sanitized("aéé", also: "", maximumBytes: 4) == "aé")
    }

    func target(_ change: (inout ElasticsearchConfiguration) -> Void = { _ in }, _ attributes: [OTLPKeyValue] = [])
        -> DocumentTarget
    {
        var configuration = ElasticsearchConfiguration()
        change(&configuration)
        return DataStreamRouter(configuration).target(
            .metrics, attributes: [attributes], scope: OTLPScope(), mode: .otel, time: 1_709_164_800)
    }

    @Test func targets() {
        #expect(target().index == "metrics-generic.otel-default")
        #expect(target({ $0.indices[.metrics] = "fixed" }) == DocumentTarget(index: "fixed", dataStream: nil))
        let chosen = [OTLPKeyValue("elasticsearch.index", "mine")]
        #expect(target({ _ in }, chosen) == DocumentTarget(index: "mine", dataStream: nil))
        #expect(target({ $0.indices[.metrics] = "fixed" }, chosen).index == "fixed")
        #expect(
            target({ $0.logstash.isEnabled = true })
                == DocumentTarget(index: "metrics-generic.otel-default-2024.02.29", dataStream: nil))
        let long = target({ _ in }, [OTLPKeyValue("data_stream.dataset", String(repeating: "x", count: 200))])
        #expect(long.dataStream?.dataset == String(repeating: "x", count: 95) + ".otel")
    }

    @Test func dates() {
        #expect(DateFormat.text("%Y.%m.%d-%H:%M:%S %y %% %Q %", 1_709_164_799) == "2024.02.28-23:59:59 24 % %Q %")
    }
}
