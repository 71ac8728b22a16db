import Collector
import ElasticsearchDouble
import ExporterTestSupport
import Foundation
import OTLP
import Testing

@testable import ElasticsearchExporter

@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct RecordDocumentTests {
    static let time: UInt64 = 1_710_273_641_123_000_001

    static func logs(mode: String? = nil, _ records: [LogDocuments.Record]) -> Telemetry {
        .logs(
            .with {
                $0.resourceLogs = [
                    .with {
                        $0.resource.attributes = [OTLPKeyValue("service.name", "s")]
                        $0.scopeLogs = [
                            .with {
                                $0.scope.name = "scope"
                                if let mode { $0.scope.attributes = [OTLPKeyValue("elastic.mapping.mode", mode)] }
                                $0.logRecords = records
                            }
                        ]
                    }
                ]
            })
    }

    @Test func logRecords() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs)
        try await running.exporter.consume(
            Self.logs([
                .with {
                    $0.timeUnixNano = Self.time
                    $0.observedTimeUnixNano = Self.time + 5_000_000
                    $0.severityText = "ERROR"
                    $0.severityNumber = .error
                    $0.body = .string("broken")
                    $0.traceID = Data(1...16)
                    $0.spanID = Data(1...8)
                    $0.eventName = "crash"
                    $0.attributes = [OTLPKeyValue("code", 7)]
                    $0.droppedAttributesCount = 2
                },
                .with {
                    $0.observedTimeUnixNano = Self.time
                    $0.body = .with { $0.kvlistValue.values = [OTLPKeyValue("a", "b")] }
                },
            ]))
        try await running.exporter.shutdown()
        let found = try await double.documents("logs-generic.otel-default").map(\.source)
        let stream: JSON = ["type": "logs", "dataset": "generic.otel", "namespace": "default"]
        #expect(
            found.first { $0["event_name"] == "crash" } == [
                "@timestamp": "1710273641123.000001", "observed_timestamp": "1710273641128.000001",
                "data_stream": stream, "severity_text": "ERROR", "severity_number": 17,
                "trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708", "event_name": "crash",
                "attributes": ["event.name": "crash", "code": 7], "dropped_attributes_count": 2,
                "resource": ["attributes": ["service.name": "s"]], "scope": ["name": "scope"],
                "body": ["text": "broken"],
            ])
        let structured = try #require(found.first { $0["event_name"] == nil })
        #expect(structured["@timestamp"] == "1710273641123.000001")
        #expect(structured["body"] == ["structured": ["a": "b"]])
        #expect(try await double.unmappedFields("logs-generic.otel-default") == [])
    }

    @Test func bodiesAsDocuments() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) { $0.indices[.logs] = "bodies" }
        await #expect(throws: PermanentError.self) {
            try await running.exporter.consume(
                Self.logs(
                    mode: "bodymap",
                    [
                        .with {
                            $0.body = .with {
                                $0.kvlistValue.values = [OTLPKeyValue("a", .double(1.5)), OTLPKeyValue("b", 2)]
                            }
                        },
                        .with { $0.body = .string("no map") },
                    ]))
        }
        try await running.exporter.shutdown()
        #expect(try await double.documents("bodies").map(\.source) == [["a": 1.5, "b": 2]])
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 1)
    }

    @Test(arguments: ["nonsense", "otel"])
    func modesThatCannotBeHad(mode: String) async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) { $0.allowedModes = [.ecs, .raw] }
        let records: [LogDocuments.Record] = [.with { $0.body = .string("x") }]
        for _ in 0..<2 {
            await #expect(throws: PermanentError.self) {
                try await running.exporter.consume(Self.logs(mode: mode, records))
            }
        }
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level == .error }.count == 1)
        #expect(try await double.requests().isEmpty)
    }

    /// Events of one span repeat what is said of its resource: they leave in requests of their own.
    @Test func manyEventsOfOneSpan() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .traces) { $0.maximumRequestBytes = 10_000 }
        try await running.exporter.consume(
            .traces(
                .with {
                    $0.resourceSpans = [
                        .with {
                            $0.resource.attributes = [OTLPKeyValue("big", String(repeating: "x", count: 3000))]
                            $0.scopeSpans = [
                                .with {
                                    $0.spans = [
                                        .with {
                                            $0.name = "s"
                                            $0.events = (0..<20).map { number in .with { $0.name = "\(number)" } }
                                        }
                                    ]
                                }
                            ]
                        }
                    ]
                }))
        try await running.exporter.shutdown()
        let requests = try await double.requests()
        #expect(requests.count >= 5 && requests.allSatisfy { $0.bytes < 14_000 })
        #expect(try await double.documents("logs-generic.otel-default").count == 20)
        #expect(running.count("otelcol_exporter_sent_spans") == 1)
    }

    @Test func spans() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .traces)
        let span = SpanDocuments.Span.with {
            $0.traceID = Data(1...16)
            $0.spanID = Data(1...8)
            $0.parentSpanID = Data(2...9)
            $0.traceState = "a=b"
            $0.name = "GET /"
            $0.kind = .server
            $0.startTimeUnixNano = Self.time
            $0.endTimeUnixNano = Self.time + 1_500
            $0.attributes = [OTLPKeyValue("x", .double(2.5))]
            $0.status.code = .error
            $0.status.message = "bad"
            $0.droppedLinksCount = 4
            $0.links = [.with { $0.traceID = Data(3...18); $0.spanID = Data(3...10) }]
            $0.events = [.with { $0.name = "retry"; $0.timeUnixNano = Self.time + 7 }]
        }
        try await running.exporter.consume(
            .traces(.with { $0.resourceSpans = [.with { $0.scopeSpans = [.with { $0.spans = [span] }] }] }))
        try await running.exporter.shutdown()
        #expect(
            try await double.documents("traces-generic.otel-default").map(\.source) == [
                [
                    "@timestamp": "1710273641123.000001",
                    "data_stream": ["type": "traces", "dataset": "generic.otel", "namespace": "default"],
                    "trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708",
                    "trace_state": "a=b", "parent_span_id": "0203040506070809", "name": "GET /", "kind": "Server",
                    "duration": 1500, "attributes": ["x": 2.5],
                    "links": [["trace_id": "030405060708090a0b0c0d0e0f101112", "span_id": "030405060708090a"]],
                    "dropped_links_count": 4, "status": ["message": "bad", "code": "Error"], "resource": [:],
                    "scope": [:],
                ]
            ])
        let event = try #require(try await double.documents("logs-generic.otel-default").first?.source)
        #expect(event["event_name"] == "retry" && event["span_id"] == "0102030405060708")
        #expect(event["@timestamp"] == "1710273641123.000008")
        #expect(running.count("otelcol_exporter_sent_spans") == 1)
    }
}
