import Collector
import ElasticsearchDouble
import Foundation
import HTTPClientSupport
import Synchronization
import Testing

@testable import ElasticsearchExporter

struct SetupTests {
    final class Lines: Sendable {
        let all = Mutex<[String]>([])
        func add(_ line: String) { all.withLock { $0.append(line) } }
        func take() -> [String] {
            all.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }
    }

    @Test func bodiesAreJSON() throws {
        for resource in ProfilingResources.all where !resource.body.isEmpty {
            #expect(!resource.body.contains("\n"))
            _ = try JSONSerialization.jsonObject(with: Data(resource.body.utf8))
        }
    }

    /// A cluster without the plugin takes profiles afterwards, and readers find them in the form that they expect.
    @Test(.enabled(if: try ElasticsearchDouble.isAvailable()))
    func preparesACluster() async throws {
        let double = try await ElasticsearchDouble(["--no-profiling", "--api-key", "k"])
        var configuration = ElasticsearchConfiguration()
        configuration.endpoints = [try HTTPEndpoint(parsing: double.url)]
        let build = BuildInformation(command: "otelcol", description: "", version: "")
        await #expect(throws: CollectorError.self) {
            try await ClusterSetup(configuration, build: build).run { _ in }
        }
        configuration.apiKey = OpaqueString("k")
        configuration.queue = nil
        let lines = Lines()
        for word in ["made", "is there"] {
            try await ClusterSetup(configuration, build: build).run { lines.add($0) }
            let printed = lines.take()
            #expect(printed.count == ProfilingResources.all.count)
            #expect(printed.allSatisfy { $0.hasPrefix(word) }, "\(printed)")
        }
        let running = try await RunningExporter(double, .profiles) { $0.apiKey = OpaqueString("k") }
        // Traces come back as objects and frames as they were written: readers rely on it.
        let open = try await ElasticsearchDouble(["--no-profiling"])
        configuration.endpoints = [try HTTPEndpoint(parsing: open.url)]
        try await ClusterSetup(configuration, build: build).run { _ in }
        let reader = try await RunningExporter(open, .profiles)
        try await reader.exporter.consume(.profiles(ProfileMessages.example()))
        try await reader.exporter.shutdown()
        let graph = try await open.api("POST", "/_profiling/flamegraph", FlameGraphTests.range + "}")
        let expected = FlameGraphTests.paths(of: ProfileMessages.example())
        #expect(try FlameGraphTests.paths(ofFlameGraph: graph) == expected)
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level >= .warning }.isEmpty, "\(running.log.records)")
        for name in ["profiling-events-all", "profiling-stacktraces", "profiling-stackframes", "profiling-executables",
            "profiling-hosts"]
        {
            #expect(try await double.unmappedFields(name) == [], "\(name)")
        }
    }
}
