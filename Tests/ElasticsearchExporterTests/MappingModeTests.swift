import Collector
import ElasticsearchDouble
import ExporterTestSupport
import Foundation
import OTLP
import Testing

@testable import ElasticsearchExporter

/// The modes besides `otel`: documents as Elastic's exporter writes them, taken by the server's data streams.
@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct MappingModeTests {
    static let time: UInt64 = 1_710_273_641_123_456_789

    static let record = LogDocuments.Record.with {
        $0.timeUnixNano = time
        $0.severityText = "ERROR"
        $0.severityNumber = .error
        $0.flags = 1
        $0.body = .string("broken")
        $0.traceID = Data(1...16)
        $0.spanID = Data(1...8)
        $0.attributes = [
            OTLPKeyValue("exception.type", "Oops"), OTLPKeyValue("event.name", "crash"),
            .with { $0.key = "o"; $0.value.kvlistValue.values = [OTLPKeyValue("sub", 19)] },
            OTLPKeyValue("elasticsearch.index", ""),
        ]
    }

    static let span = SpanDocuments.Span.with {
        $0.traceID = Data(1...16)
        $0.spanID = Data(1...8)
        $0.parentSpanID = Data(2...9)
        $0.name = "SELECT"
        $0.kind = .client
        $0.startTimeUnixNano = time
        $0.endTimeUnixNano = time + 1_500_000
        $0.attributes = [
            OTLPKeyValue("db.system", "sql"), OTLPKeyValue("messaging.destination.name", "jobs"),
            OTLPKeyValue("data_stream.dataset", "apm"),
        ]
        $0.status.code = .error
        $0.status.message = "bad"
        $0.links = [.with { $0.traceID = Data(3...18); $0.spanID = Data(3...10) }]
        $0.events = [.with { $0.name = "retry"; $0.timeUnixNano = time + 1; $0.attributes = [OTLPKeyValue("n", 2)] }]
    }

    static let resource = [
        OTLPKeyValue("service.name", "shop"), OTLPKeyValue("host.name", "node-1"), OTLPKeyValue("os.type", "darwin"),
        OTLPKeyValue("k8s.pod.name", "pod-1"), OTLPKeyValue("process.executable.path", "/bin/shop"),
        OTLPKeyValue("process.executable.foo", "an attribute that would make a value an object"),
        OTLPKeyValue("telemetry.sdk.name", "opentelemetry"), OTLPKeyValue("telemetry.sdk.language", "swift"),
        OTLPKeyValue("telemetry.sdk.version", "1.2"), OTLPKeyValue("label", "v"), OTLPKeyValue("label.x", "w"),
    ]

    private func logs(mode: String) async throws -> ElasticsearchDouble {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs)
        try await running.exporter.consume(
            .logs(
                .with {
                    $0.resourceLogs = [
                        .with {
                            $0.resource.attributes = Self.resource
                            $0.scopeLogs = [
                                .with {
                                    $0.scope.name = "scope"
                                    $0.scope.attributes = [
                                        OTLPKeyValue("elastic.mapping.mode", mode), OTLPKeyValue("lib", "x"),
                                    ]
                                    $0.logRecords = [Self.record]
                                }
                            ]
                        }
                    ]
                }))
        try await running.exporter.shutdown()
        return double
    }

    private func traces(mode: String) async throws -> ElasticsearchDouble {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .traces)
        try await running.exporter.consume(
            .traces(
                .with {
                    $0.resourceSpans = [
                        .with {
                            $0.resource.attributes = [OTLPKeyValue("service.name", "shop")]
                            $0.scopeSpans = [
                                .with {
                                    $0.scope.attributes = [OTLPKeyValue("elastic.mapping.mode", mode)]
                                    $0.spans = [Self.span]
                                }
                            ]
                        }
                    ]
                }))
        try await running.exporter.shutdown()
        return double
    }

    @Test func logsInECS() async throws {
        let double = try await logs(mode: "ECS")
        #expect(
            try await double.documents("logs-generic-default").map(\.source) == [
                [
                    "@timestamp": "2024-03-12T20:00:41.123456789Z", "message": "broken",
                    "agent": ["name": "opentelemetry/swift", "version": "1.2"],
                    "data_stream": ["type": "logs", "dataset": "generic", "namespace": "default"],
                    "error": ["type": "Oops"], "event": ["action": "crash", "severity": 17],
                    "host": ["hostname": "node-1", "name": "node-1", "os": ["platform": "darwin", "type": "macos"]],
                    "kubernetes": ["pod": ["name": "pod-1"]], "label": ["value": "v", "x": "w"], "lib": "x",
                    "log": ["level": "ERROR"], "o": ["sub": 19], "process": ["executable": "/bin/shop"],
                    "service": ["name": "shop"], "span": ["id": "0102030405060708"],
                    "trace": ["id": "0102030405060708090a0b0c0d0e0f10"],
                ]
            ])
        let action = try #require(try await double.requests().first?.actions.first)
        #expect(action == ["create": ["_index": "logs-generic-default", "require_data_stream": true]])
    }

    @Test(arguments: [("none", "Attributes."), ("raw", ""), ("no", "Attributes.")])
    func logsInOldModes(mode: String, prefix: String) async throws {
        let double = try await logs(mode: mode)
        let expected: [String: JSON] = [
            "@timestamp": "2024-03-12T20:00:41.123456789Z", "Body": "broken", "SeverityNumber": 17,
            "SeverityText": "ERROR", "SpanId": "0102030405060708", "TraceFlags": 1,
            "TraceId": "0102030405060708090a0b0c0d0e0f10", "Scope.name": "scope", "Scope.version": "",
            "Scope.lib": "x", "Resource.service.name": "shop", "Resource.host.name": "node-1",
            "Resource.os.type": "darwin", "Resource.k8s.pod.name": "pod-1",
            "Resource.process.executable.path": "/bin/shop",
            "Resource.process.executable.foo": "an attribute that would make a value an object",
            "Resource.telemetry.sdk.name": "opentelemetry", "Resource.telemetry.sdk.language": "swift",
            "Resource.telemetry.sdk.version": "1.2", "Resource.label.value": "v", "Resource.label.x": "w",
            prefix + "exception.type": "Oops", prefix + "event.name": "crash", prefix + "o.sub": 19,
            prefix + "data_stream.type": "logs", prefix + "data_stream.dataset": "generic",
            prefix + "data_stream.namespace": "default",
        ]
        #expect(try await double.documents("logs-generic-default").map(\.source) == [.object(expected)])
        let action = try #require(try await double.requests().first?.actions.first)
        #expect(action == ["create": ["_index": "logs-generic-default"]])
    }

    @Test func spansInECS() async throws {
        let double = try await traces(mode: "ecs")
        #expect(
            try await double.documents("traces-apm-default").map(\.source) == [
                [
                    "@timestamp": "2024-03-12T20:00:41.123456789Z", "event": ["outcome": "failure"],
                    "data_stream": ["type": "traces", "dataset": "apm", "namespace": "default"],
                    "parent": ["id": "0203040506070809"], "service": ["name": "shop"],
                    "span": [
                        "db": ["type": "sql"], "id": "0102030405060708", "kind": "CLIENT", "name": "SELECT",
                        "message": ["queue": ["name": "jobs"]],
                        "links": [
                            ["span": ["id": "030405060708090a"], "trace": ["id": "030405060708090a0b0c0d0e0f101112"]]
                        ],
                    ],
                    "trace": ["id": "0102030405060708090a0b0c0d0e0f10"],
                ]
            ])
    }

    @Test(arguments: [("none", "Attributes.", "Events."), ("raw", "", "")])
    func spansInOldModes(mode: String, attributes: String, events: String) async throws {
        let double = try await traces(mode: mode)
        let expected: [String: JSON] = [
            "@timestamp": "2024-03-12T20:00:41.123456789Z", "EndTimestamp": "2024-03-12T20:00:41.124956789Z",
            "Duration": 1500, "Kind": "SPAN_KIND_CLIENT", "Name": "SELECT", "ParentSpanId": "0203040506070809",
            "SpanId": "0102030405060708", "TraceId": "0102030405060708090a0b0c0d0e0f10", "TraceStatus": 2,
            "TraceStatusDescription": "bad", "Scope.name": "", "Scope.version": "", "Resource.service.name": "shop",
            "Link":
                #"[{"attribute":{},"spanID":"030405060708090a","traceID":"030405060708090a0b0c0d0e0f101112"}]"#,
            attributes + "db.system": "sql", attributes + "messaging.destination.name": "jobs",
            attributes + "data_stream.type": "traces", attributes + "data_stream.dataset": "apm",
            attributes + "data_stream.namespace": "default",
            events + "retry.time": "2024-03-12T20:00:41.123456790Z", events + "retry.n": 2,
        ]
        #expect(try await double.documents("traces-apm-default").map(\.source) == [.object(expected)])
    }

    /// Points share a document although units and scopes differ; templates are named where they are.
    @Test(arguments: ["generic", "apm.internal"])
    func metricsInECS(dataset: String) async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .metrics) { $0.allowedModes = [.ecs] }
        let attributes = [OTLPKeyValue("cpu", "cpu0")]
        try await running.exporter.consume(
            .metrics(
                MetricDocumentTests.data(
                    [
                        MetricDocumentTests.gauge(
                            "system.cpu.time", MetricDocumentTests.number(.asDouble(440), attributes), unit: "s"),
                        MetricDocumentTests.gauge(
                            "system.cpu.count", MetricDocumentTests.number(.asInt(4), attributes)),
                        .with {
                            $0.name = "latency"
                            $0.histogram.aggregationTemporality = .delta
                            $0.histogram.dataPoints = [
                                .with {
                                    $0.timeUnixNano = MetricDocumentTests.time
                                    $0.attributes = attributes
                                    $0.explicitBounds = [1, 3]
                                    $0.bucketCounts = [0, 2, 0]
                                }
                            ]
                        },
                    ],
                    resource: [OTLPKeyValue("host.arch", "arm64"), OTLPKeyValue("data_stream.dataset", dataset)])))
        try await running.exporter.shutdown()
        let documents = try await double.documents("metrics-\(dataset)-default")
        #expect(
            documents.map(\.source) == [
                [
                    "@timestamp": "2023-11-14T22:13:20.123456789Z", "cpu": "cpu0", "host": ["architecture": "arm64"],
                    "data_stream": ["type": "metrics", "dataset": .string(dataset), "namespace": "default"],
                    "system": ["cpu": ["time": 440, "count": 4]], "latency": ["counts": [2], "values": [2]],
                ]
            ])
        let templates = dataset == "generic" ? [:] : ["system.cpu.time": "double_metrics", "latency": "histogram_metrics"]
        #expect(documents.first?.types == templates)
    }

    /// By a header field; what a scope says itself counts before. Metrics tell clients apart as configured.
    /// With a queue, joined requests of one client stay apart from those of others.
    @Test func clientsAreToldApartBehindAQueue() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) { configuration in
            let decoded = decodeExporter([
                ("endpoint", .string("http://unused")), ("metadata_keys", .string("X-Tenant")),
            ]).configuration
            configuration.metadataKeys = decoded.metadataKeys
            configuration.queue = decoded.queue
        }
        for (tenant, mode) in [("a", "ecs"), ("b", nil), ("a", "ecs"), ("a", nil), ("b", nil)] {
            var metadata = ["x-tenant": [tenant], "traceparent": ["\(UInt64.random(in: 0 ... .max))"]]
            if let mode { metadata["x-elastic-mapping-mode"] = [mode] }
            try await RequestContext.$current.withValue(RequestContext(metadata: metadata)) {
                try await running.exporter.consume(
                    RecordDocumentTests.logs(mode: nil, [.with { $0.body = .string(tenant) }]))
            }
        }
        try await running.exporter.shutdown()
        #expect(try await double.documents("logs-generic-default").map { $0.source["message"] } == ["a", "a"])
        let others = try await double.documents("logs-generic.otel-default")
        #expect(others.compactMap { $0.source["body"]?["text"]?.string }.sorted() == ["a", "b", "b"])
        #expect(try await double.requests().map(\.actions.count).sorted() == [1, 2, 2])
        #expect(running.count("otelcol_elasticsearch_docs_received", ["x_tenant": "a"]) == 3)
        #expect(running.count("otelcol_elasticsearch_docs_received", ["x_tenant": "b"]) == 2)
    }

    @Test func clientsChooseTheirMode() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) { $0.metadataKeys = ["x-tenant"] }
        func send(_ mode: [String], scope: String? = nil) async throws {
            let context = RequestContext(metadata: ["x-elastic-mapping-mode": mode, "x-tenant": ["a", "b"]])
            try await RequestContext.$current.withValue(context) {
                try await running.exporter.consume(
                    RecordDocumentTests.logs(mode: scope, [.with { $0.body = .string("x") }]))
            }
        }
        try await send(["ecs"])
        try await send(["none"], scope: "otel")
        await #expect(throws: PermanentError.self) { try await send(["ecs", "otel"]) }
        await #expect(throws: PermanentError.self) { try await send(["odd"]) }
        try await running.exporter.shutdown()
        #expect(try await double.documents("logs-generic-default").map { $0.source["message"] } == ["x"])
        #expect(try await double.documents("logs-generic.otel-default").count == 1)
        #expect(running.count("otelcol_elasticsearch_docs_received", ["x_tenant": "a;b"]) == 2)
        #expect(running.count("otelcol_elasticsearch_bulk_requests_latency_count", ["x_tenant": "a;b"]) == 2)
    }

    /// Elastic's exporter has no place for them either.
    @Test(arguments: [("bodymap", Signal.traces), ("bodymap", .metrics), ("none", .metrics), ("raw", .metrics)])
    func modesWithoutAPlace(mode: String, signal: Signal) async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, signal) { $0.allowedModes = [try #require(.init(parsing: mode))] }
        let telemetry: Telemetry =
            signal == .traces
            ? .traces(.with { $0.resourceSpans = [.with { $0.scopeSpans = [.with { $0.spans = [Self.span] }] }] })
            : .metrics(
                MetricDocumentTests.data([MetricDocumentTests.gauge("m", MetricDocumentTests.number(.asInt(4)))]))
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(telemetry) }
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level == .error }.count == 1)
        #expect(try await double.requests().isEmpty)
    }

    /// Names within names multiply: such a record is no document, and the others are stored.
    @Test(arguments: ["ecs", "none"])
    func recordsThatAreTooLarge(mode: String) async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs)
        let long = String(repeating: "k", count: 1 << 20)
        let inner = (0..<100).map { OTLPKeyValue("\($0)", "x") }
        let map = OTLPKeyValue(long, .with { $0.kvlistValue.values = inner })
        let telemetry = RecordDocumentTests.logs(
            mode: mode,
            [
                .with { $0.body = .string("first") }, .with { $0.attributes = [map] },
                .with { $0.body = .string("last") },
            ])
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(telemetry) }
        try await running.exporter.shutdown()
        #expect(try await double.documents("logs-generic-default").count == 2)
        #expect(running.count("otelcol_exporter_sent_log_records") == 2)
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 1)
        #expect(running.log.records.filter { $0.level == .error }.count == 1)
    }

    /// As many objects in objects as there are dots in a name would take more memory than the name's square.
    @Test func namesOfDots() {
        var document = FieldDocument()
        document.add(String(repeating: ".", count: 200_000) + "a", "1")
        document.add(String(repeating: "b.", count: 3) + "c", "2")
        for isFlat in [false, true] {
            var json = JSONWriter()
            if isFlat { document.writeFlat(to: &json) } else { document.writeNested(protected: [], to: &json) }
            #expect(json.bytes.count < 210_000)
        }
    }

    @Test func fieldsThatOccurTwice() {
        var document = FieldDocument()
        document.add("a", 1)
        document.add("a.b.c", 2)
        document.add("a-x", 3)
        document.add("a.b", 4)
        document.add("a", 5)
        document.add("d.value", 6)
        document.add("d.e", 7)
        document.add("d", 8)
        document.add("empty", OTLPAnyValue())
        document.add("p.q", 9)
        document.add("p", 10)
        func text(_ write: (FieldDocument, inout JSONWriter) -> Void) -> String {
            var json = JSONWriter()
            write(document, &json)
            return String(decoding: json.bytes, as: UTF8.self)
        }
        #expect(
            text { $0.writeNested(protected: ["p"], to: &$1) }
                == #"{"a":{"b":{"c":2,"value":4},"value":5},"a-x":3,"d":{"e":7,"value":6},"p":10}"#)
        #expect(
            text { $0.writeFlat(to: &$1) }
                == #"{"a-x":3,"a.b.c":2,"a.b.value":4,"a.value":5,"d.e":7,"d.value":6,"p.q":9,"p.value":10}"#)
    }
}
