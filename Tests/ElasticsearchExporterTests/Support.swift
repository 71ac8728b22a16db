import Collector
import ElasticsearchDouble
import ExporterSupport
import ExporterTestSupport
import Foundation
import HTTPClientSupport
import OTLP

@testable import ElasticsearchExporter

/// A running exporter and what it logs and counts.
struct RunningExporter {
    let exporter: any Exporter
    let log: LogRecorder
    let metrics: MetricsRegistry

    /// Without a queue, so that the caller gets the outcome, and with pauses that tests need not wait for.
    init(
        _ double: ElasticsearchDouble, _ signal: Signal, log: LogRecorder = LogRecorder(), host: any Collector.Host = EmptyHost(),
        _ change: (inout ElasticsearchConfiguration) throws -> Void = { _ in }
    ) async throws {
        var configuration = ElasticsearchConfiguration()
        configuration.endpoints = [try HTTPEndpoint(parsing: double.url)]
        configuration.queue = nil
        configuration.retry.initialInterval = .milliseconds(1)
        configuration.profiles.schema = .classic
        try change(&configuration)
        self.log = log
        metrics = MetricsRegistry()
        exporter = try await ElasticsearchExporterFactory().makeExporter(
            signal: signal, configuration: configuration,
            context: log.context(type: "elasticsearch", metrics: metrics))
        try await exporter.start(host: host)
    }

    func count(_ name: String, _ labels: [String: String] = [:]) -> Double {
        metrics.samples().filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels.contains(.init($0.key, $0.value)) }
        }.reduce(0) { $0 + $1.value }
    }
}

/// Log records whose bodies are numbers, so that it can be seen which arrived.
func logs(_ bodies: Range<Int>, padding: Int = 0) -> Telemetry {
    .logs(
        .with {
            $0.resourceLogs = [
                .with {
                    $0.scopeLogs = [
                        .with {
                            $0.logRecords = bodies.map { number in
                                .with {
                                    $0.timeUnixNano = 1_700_000_000_000_000_000 + UInt64(number)
                                    $0.body = .string("\(number)" + String(repeating: ".", count: padding))
                                }
                            }
                        }
                    ]
                }
            ]
        })
}

extension ElasticsearchDouble {
    /// The numbers of the log records that arrived, as often as they did.
    func logBodies() async throws -> [Int] {
        try await documents("logs-generic.otel-default").compactMap { document in
            document.source["body"]?["text"]?.string.flatMap { Int($0.prefix { $0 != "." }) }
        }.sorted()
    }
}
