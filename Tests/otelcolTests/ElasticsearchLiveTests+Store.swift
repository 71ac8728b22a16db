import ElasticsearchDouble
import Foundation
import LiveSupport
import Logging
import OTLP
import ProfileStore
import Testing

/// The same minute in Elasticsearch and in the embedded store, through the configurations of the product's
/// documentation with two exporters added to their pipeline of profiles, and through one without a connector.
extension ElasticsearchLiveTests {
    /// Frames as the store names them, also those without a function: by file and address.
    private static func namedPaths(ofFlameGraph graph: JSON) throws -> Paths {
        func column(_ name: String) throws -> [JSON] { try #require(graph[name]?.array) }
        let (edges, names) = (try column("Edges"), try column("FunctionName"))
        let (files, addresses) = (try column("ExeFilename"), try column("AddressOrLine"))
        let exclusive = try column("CountExclusive")
        func name(_ node: Int) -> String {
            if let name = names[node].string, !name.isEmpty { return name }
            let module = files[node].string?.split(separator: "/").last.map(String.init) ?? ""
            let address = String(UInt32(truncatingIfNeeded: addresses[node].integer ?? 0), radix: 16)
            if module.isEmpty { return address == "0" ? "[unknown]" : "0x\(address)" }
            return "\(module)+0x\(address)"
        }
        var paths: Paths = [:]
        var open: [(node: Int, path: [String])] = [(0, [])]
        while let (node, path) = open.popLast() {
            // Below the program stands the thread, which is left out.
            if let count = exclusive[node].integer, count > 0 {
                paths[[path[0]] + path.dropFirst(2), default: 0] += count
            }
            for child in edges[node].array ?? [] {
                let child = Int(child.integer ?? 0)
                open.append((child, path + [name(child)]))
            }
        }
        return paths
    }

    private static func paths(ofStore directory: String) async throws -> Paths {
        let store = try await onThread {
            try ProfileStore(StoreConfiguration(directory: directory), logger: Logger(label: "test"))
        }
        let graph = try await store.flameGraph(
            SampleFilter(fromSeconds: 0, toSeconds: 4_000_000_000), grouping: .process)
        await store.close()
        var paths: [[String]] = []
        var result: Paths = [:]
        for node in graph.parents.indices {
            let parent = Int(graph.parents[node])
            guard parent >= 0 else {
                paths.append([])
                continue
            }
            paths.append(paths[parent] + [graph.functions[Int(graph.nodeFunctions[node])].name])
            if graph.selfValues[node] > 0 { result[paths[node], default: 0] += graph.selfValues[node] }
        }
        return result
    }

    static let plain = """
        receivers: { profiling: { samples_per_second: 19 } }
        exporters: { elasticsearch: { endpoint: "${env:ELASTIC_ENDPOINT}", api_key: "${env:ELASTIC_API_KEY}" } }
        service: { pipelines: { profiles: { receivers: [ profiling ] } } }
        """

    /// Set `OTELCOL_LONG` for a minute each.
    @Test(arguments: ["otel-9.2.yml", "otel-9.3.yml", ""])
    func theStoreHasTheSamePicture(example: String) async throws {
        let isLong = ProcessInfo.processInfo.environment["OTELCOL_LONG"] != nil
        let double = try await ElasticsearchDouble()
        let folder = try TemporaryFolder()
        let examples = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Examples/"
        var exporters = "[ elasticsearch, profilestore ]"
        var configurations = [folder.path(of: "plain.yml")]
        if example.isEmpty {
            try Data(Self.plain.utf8).write(to: URL(fileURLWithPath: configurations[0]))
        } else {
            configurations = [examples + example, examples + "exporters-elasticsearch.yml"]
            exporters = "[ profilingmetrics, elasticsearch, profilestore ]"
        }
        let addition = """
            exporters: { profilestore: { directory: "\(folder.path(of: "store"))" } }
            service:
              telemetry: { metrics: { level: none } }
              pipelines: { profiles: { exporters: \(exporters) } }
            """
        configurations.append(folder.path(of: "addition.yml"))
        try Data(addition.utf8).write(to: URL(fileURLWithPath: folder.path(of: "addition.yml")))
        try await run(
            configurations.flatMap { ["--config", $0] }, seconds: isLong ? 60 : 8,
            environment: ["ELASTIC_ENDPOINT": double.url, "ELASTIC_API_KEY": "test"])
        let stored = try await Self.paths(ofStore: folder.path(of: "store"))
        let graph = try await double.api("POST", "/_profiling/flamegraph", "{}")
        let found = try Self.namedPaths(ofFlameGraph: graph)
        let total = stored.values.reduce(0, +)
        #expect(total > 100)
        #expect(found.values.reduce(0, +) == total)
        // Kernel threads have no program, and each side groups them in its own way.
        func withPrograms(_ paths: Paths) -> Paths {
            paths.filter { !["", "kernel", "unknown"].contains($0.key.first ?? "") }
        }
        let (left, right) = (withPrograms(stored), withPrograms(found))
        var different: Int64 = 0
        for path in Set(left.keys).union(right.keys) {
            different += abs(left[path, default: 0] - right[path, default: 0])
        }
        print("\(example): \(total) samples, \(left.count) stacks, \(right.count) read back, \(different) differ")
        for (path, count) in left where right[path] != count {
            print("stored \(count), read back \(right[path, default: 0]): \(path.joined(separator: ";"))")
        }
        // A frame that is named only after its first report is read back with its name in all of them.
        #expect(different * 50 <= total)
        guard !example.isEmpty else { return }
        let metrics = try await double.documents("metrics-profilingmetricsconnector.otel-default")
        let counted = metrics.reduce(Int64(0)) { sum, document in
            ["samples.user.count", "samples.kernel.count"].reduce(sum) {
                $0 + (document.source["metrics"]?[$1]?.integer ?? 0)
            }
        }
        print("\(example): \(counted) samples in metrics")
        #expect(counted > 0 && counted <= total)
        #expect(try await double.requests().allSatisfy { $0.status == 200 })
    }
}
