import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

/// What the program says about itself, as Python's OTLP packages receive it.
struct OwnTelemetryTests {
    /// Keys below `service::telemetry`, and what is wrong with them; empty for nothing.
    @Test(
        arguments: [
            ("metrics: {readers: [{periodic: {exporter: {otlp: {endpoint: 'http://h:1'}}}}]}", ""),
            ("metrics: {readers: [{periodic: {exporter: {otlp: {protocol: grpc, endpoint: 'h:1', insecure: true}}}}]}", ""),
            ("metrics: {readers: [{periodic: {interval: 500, timeout: 100, exporter: {console: {}}}}]}", ""),
            ("metrics: {readers: [{periodic: {exporter: {otlp_http: {endpoint: 'http://h:1', encoding: json}}}}]}", ""),
            ("metrics: {readers: [{periodic: {exporter: {otlp: {}}}}]}", "endpoint"),
            ("metrics: {readers: [{periodic: {exporter: {}}}]}", "must have one of the keys"),
            ("metrics: {readers: [{periodic: {exporter: {otlp: {endpoint: h, protocol: smoke}}}}]}", "protocol"),
            ("metrics: {readers: [{periodic: {exporter: {otlp: {endpoint: h, compression: lz}}}}]}", "compression"),
            (
                "metrics: {readers: [{periodic: {exporter: {otlp: {endpoint: h, temporality_preference: delta}}}}]}",
                "only cumulative"
            ),
            ("metrics: {readers: [{}]}", "must have the key \"pull\" or \"periodic\""),
            ("metrics: {readers: []}", "reader should exist"), ("metrics: {level: none, readers: []}", ""),
            ("metrics: {level: Detailed}", ""), ("metrics: {level: much}", "unknown metrics level \"much\""),
            ("metrics: {readers: [{pull: {exporter: {prometheus: {host: h, port: 1, without_units: false}}}}]}", ""),
            ("logs: {processors: [{batch: {schedule_delay: 10, exporter: {otlp: {endpoint: 'http://h:1'}}}}]}", ""),
            ("logs: {processors: [{simple: {exporter: {otlp: {endpoint: h, headers: {a: b}}}}}]}", ""),
            ("logs: {processors: [{batch: {exporter: {console: {}}}}]}", "console already"),
            ("logs: {processors: [{odd: {}}]}", "must have the key \"batch\" or \"simple\""),
            ("logs: {level: DEBUG, encoding: json, sampling: null, initial_fields: {a: 1}}", ""),
            ("logs: {level: loud}", "level"), ("logs: {encoding: xml}", "encoding"),
            ("logs: {sampling: {enabled: false}}", ""), ("logs: {sampling: {initial: -1}}", "initial"),
            ("resource: {attributes: [{name: a, value: b}]}", ""), ("resource: {service.name: mine}", ""),
        ])
    func readsItsKeys(keys: String, expected: String) async throws {
        let problems = try await CommandLineTests().problems([
            "--config", CommandLineTests.logs(to: "nop", ""), "--config", "yaml:service: {telemetry: {\(keys)}}",
        ])
        #expect(expected.isEmpty ? problems.isEmpty : problems.contains(expected), "\(problems)")
    }

    /// The program runs until it has said what is asked for.
    @Test(arguments: ["grpc", "http/protobuf", "http/json"])
    func metricsAndLogArrive(transport: String) async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer()
        let port = transport == "grpc" ? peer.grpcPort : peer.httpPort
        let otlp = """
            {otlp: {protocol: \(transport), endpoint: 'http://localhost:\(port)', insecure: true, \
            headers: [{name: x-own, value: '1'}]}}
            """
        let program = try ChildProcess([
            PersistentQueueLiveTests.program, "--config", CommandLineTests.logs(to: "nop", ""), "--config",
            """
            yaml:service: {telemetry: {resource: {attributes: [{name: host.name, value: here}]}, \
            metrics: {level: detailed, readers: [{periodic: {interval: 300, exporter: \(otlp)}}]}, \
            logs: {processors: [{batch: {schedule_delay: 100, exporter: \(otlp)}}]}}}
            """,
        ])
        var names: Set<String> = []
        var messages: Set<String> = []
        while !names.contains("otelcol_process_uptime") || !messages.contains("Everything is ready. Begin running and processing data.") {
            let event = try await peer.nextEvent()
            let bytes = try #require(event.message)
            switch event.signal {
            case "metrics":
                let data = try OTLPMetricsData(serializedBytes: bytes)
                let resource = try #require(data.resourceMetrics.first).resource.attributes
                #expect(resource.contains { $0.key == "host.name" && $0.value.stringValue == "here" })
                #expect(resource.contains { $0.key == "service.name" && $0.value.stringValue == "otelcol" })
                for metric in data.resourceMetrics.flatMap(\.scopeMetrics).flatMap(\.metrics) {
                    names.insert(metric.name)
                    if metric.name == "otelcol_process_uptime" {
                        #expect(metric.sum.isMonotonic && metric.sum.aggregationTemporality == .cumulative)
                        #expect(metric.sum.dataPoints.first?.startTimeUnixNano ?? 0 > 1_700_000_000_000_000_000)
                    }
                }
            default:
                #expect(event.signal == "logs")
                let data = try OTLPLogsData(serializedBytes: bytes)
                for record in data.resourceLogs.flatMap(\.scopeLogs).flatMap(\.logRecords) {
                    messages.insert(record.body.stringValue)
                }
            }
        }
        program.send(SIGTERM)
        let exit = try await onThread { program.wait() }
        #expect(exit == .code(0))
        #expect(names.contains("otelcol_process_memory_rss"))
    }
}
