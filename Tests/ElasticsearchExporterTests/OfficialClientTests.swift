import ElasticsearchDouble
import Foundation
import LiveSupport
import OTLPTestSupport
import SyntheticProfiles
import Testing

@testable import ElasticsearchExporter

/// Elastic's own client reads our bulk bodies, and sends them to another double, where they mean the same.
struct OfficialClientTests {
    @Test(.enabled(if: try ElasticsearchDouble.isAvailable() && Live.has(.pythonPackage("elasticsearch"))))
    func bodiesAreUnderstood() async throws {
        let (double, other) = (try await ElasticsearchDouble(), try await ElasticsearchDouble())
        let profiles = try await RunningExporter(double, .profiles)
        var host = SyntheticHost(seed: 3)
        try await profiles.exporter.consume(
            .profiles(host.message(distinctStacks: 50, window: 1_700_000_000..<1_700_000_060)))
        try await profiles.exporter.consume(.profiles(ProfileMessages.example()))
        try await profiles.exporter.shutdown()
        let metrics = try await RunningExporter(double, .metrics)
        try? await metrics.exporter.consume(.metrics(ExampleTelemetry.metrics()))
        try await metrics.exporter.shutdown()
        let records = try await RunningExporter(double, .logs)
        try await records.exporter.consume(.logs(ExampleTelemetry.logs()))
        try await records.exporter.shutdown()
        let traces = try await RunningExporter(double, .traces)
        try await traces.exporter.consume(.traces(ExampleTelemetry.traces()))
        try await traces.exporter.shutdown()

        for mode in [MappingMode.ecs, .none, .raw] {
            let records = try await RunningExporter(double, .logs) { $0.allowedModes = [mode] }
            try await records.exporter.consume(.logs(ExampleTelemetry.logs()))
            try await records.exporter.shutdown()
        }
        let points = try await RunningExporter(double, .metrics) { $0.allowedModes = [.ecs] }
        try? await points.exporter.consume(.metrics(ExampleTelemetry.metrics()))
        try await points.exporter.shutdown()

        let folder = try TemporaryFolder()
        let body = try await double.bodies()
        try body.write(to: URL(fileURLWithPath: folder.path(of: "bodies")))
        let output = try await Command.run([
            PythonEnvironment.interpreter, PythonEnvironment.script("elasticsearch_client.py"), other.url,
            folder.path(of: "bodies"),
        ])
        struct Result: Decodable { var created: Int, conflicts: Int, errors: [JSON] }
        let result = try JSONDecoder().decode(Result.self, from: Data(output.utf8))
        let documents = body.split(separator: UInt8(ascii: "\n")).count / 2
        #expect(documents > 500)
        #expect(result.created == documents && result.errors.isEmpty && result.conflicts == 0, "\(output)")
        for name in ["profiling-*", "metrics-*", "logs-*", "traces-*"] {
            let (sent, received) = (try await double.documents(name), try await other.documents(name))
            #expect(Set(sent.map(\.source)) == Set(received.map(\.source)))
            #expect(sent.count == received.count && !sent.isEmpty, "\(name)")
        }
    }
}
