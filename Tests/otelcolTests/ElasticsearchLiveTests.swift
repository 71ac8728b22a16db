import ElasticsearchDouble
import Foundation
import LiveSupport
import OTLP
import Testing

/// This machine, profiled into a double of Elasticsearch by the program as users start it.
@Suite(.serialized, .enabled(if: try Live.has(.root, .bpf, .perfEvents) && ElasticsearchDouble.isAvailable()))
struct ElasticsearchLiveTests {
    /// Runs the program for some seconds, in which another program is busy, and ends it as a service manager does.
    func run(_ arguments: [String], seconds: Int, environment: [String: String] = [:]) async throws {
        let collector = try Self.start(arguments, environment: environment)
        let busy = try ChildProcess(["python3", "-c", "while True: sum(range(1000))"])
        try await Task.sleep(for: .seconds(seconds))
        busy.send(SIGKILL)
        collector.send(SIGTERM)
        #expect(try await onThread { collector.wait() } == .code(0))
    }

    static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ChildProcess {
        let bundle = try #require(ProcessInfo.processInfo.arguments.first { $0.hasSuffix(".xctest") })
        let otelcol = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("otelcol").path
        return try ChildProcess(
            [otelcol] + arguments + ["--feature-gates=service.profilesSupport"], environment: environment)
    }

    /// Programs and the names of their stacks from the root to the leaf, with their samples.
    typealias Paths = [[String]: Int64]

    static func paths(of data: OTLPProfilesData) -> Paths {
        let dictionary = data.dictionary
        var paths: Paths = [:]
        for resource in data.resourceProfiles {
            let attributes = resource.resource.attributes
            let program = attributes.first { $0.key == "process.executable.name" }?.value.stringValue ?? ""
            for sample in resource.scopeProfiles.flatMap(\.profiles).flatMap(\.samples) {
                let locations = dictionary.stackTable[Int(sample.stackIndex)].locationIndices
                if locations.isEmpty { continue }
                let names = locations.flatMap { location -> [String] in
                    let lines = dictionary.locationTable[Int(location)].lines
                    return lines.isEmpty ? [""] : lines.map {
                        dictionary.stringTable[Int(dictionary.functionTable[Int($0.functionIndex)].nameStrindex)]
                    }
                }
                paths[[program] + names.reversed(), default: 0] += sample.weight
            }
        }
        return paths
    }

    /// The node below the root names the program, the one below it the thread, which is left out here.
    static func paths(ofFlameGraph graph: JSON) throws -> Paths {
        let edges = try #require(graph["Edges"]?.array)
        let names = try #require(graph["FunctionName"]?.array)
        let exclusive = try #require(graph["CountExclusive"]?.array)
        var paths: Paths = [:]
        var open: [(node: Int, path: [String])] = [(0, [])]
        while let (node, path) = open.popLast() {
            if let count = exclusive[node].integer, count > 0 {
                paths[[path[0]] + path.dropFirst(2), default: 0] += count
            }
            for child in edges[node].array ?? [] {
                let child = Int(child.integer ?? 0)
                open.append((child, path + [names[child].string ?? ""]))
            }
        }
        return paths
    }

    @Test(arguments: ["9.2.0", "9.6.0"])
    func theFlameGraphReadBackIsTheOneSent(version: String) async throws {
        let double = try await ElasticsearchDouble(["--version", version])
        let folder = try TemporaryFolder()
        let configuration = """
            receivers: { profiling: { samples_per_second: 97 } }
            exporters:
              elasticsearch: { endpoint: "\(double.url)" }
              file: { path: "\(folder.path(of: "profiles.json"))" }
            service:
              telemetry: { metrics: { level: none } }
              pipelines: { profiles: { receivers: [ profiling ], exporters: [ elasticsearch, file ] } }
            """
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder.path(of: "otel.yml")))
        try await run(["--config", folder.path(of: "otel.yml")], seconds: 15)
        let sent = try Data(contentsOf: URL(fileURLWithPath: folder.path(of: "profiles.json")))
        var expected: Paths = [:]
        for line in sent.split(separator: UInt8(ascii: "\n")) {
            let message = try OTLPJSON.decode(OTLPProfilesData.self, from: Array(line))
            expected.merge(Self.paths(of: message)) { $0 + $1 }
        }
        let schema = version == "9.2.0" ? "ecs" : "otel"
        let graph = try await double.api("POST", "/_profiling/flamegraph", #"{"schema": "\#(schema)"}"#)
        let found = try Self.paths(ofFlameGraph: graph)
        let total = expected.values.reduce(0, +)
        #expect(total > 500)
        #expect(found.values.reduce(0, +) == total)
        // Kernel threads have no program, and readers call them after what they run.
        func withoutKernelThreads(_ paths: Paths) -> Paths { paths.filter { $0.key[0] != "" && $0.key[0] != "kernel" } }
        let (left, right) = (withoutKernelThreads(expected), withoutKernelThreads(found))
        var different: Int64 = 0
        for (path, count) in left { different += abs(count - right[path, default: 0]) }
        print("\(total) samples, \(expected.count) stacks sent, \(found.count) read back, \(different) samples differ")
        // A frame that is named only after its first report is read back with its name in all of them.
        #expect(different * 50 <= total)
    }

    /// The configurations of the product's documentation, as they stand.
    @Test(arguments: ["otel-9.2.yml", "otel-9.3.yml"])
    func documentedConfigurationsBringMetrics(name: String) async throws {
        let double = try await ElasticsearchDouble(["--api-key", "test"])
        let examples = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Examples/"
        try await run(
            ["--config", examples + name, "--config", examples + "exporters-elasticsearch.yml"], seconds: 12,
            environment: ["ELASTIC_ENDPOINT": double.url, "ELASTIC_API_KEY": "test"])
        let documents = try await double.documents("metrics-profilingmetricsconnector.otel-default")
        #expect(!documents.isEmpty)
        func total(_ metric: String) -> Int64 {
            documents.reduce(0) { $0 + ($1.source["metrics"]?[metric]?.integer ?? 0) }
        }
        let (user, kernel) = (total("samples.user.count"), total("samples.kernel.count"))
        print("\(name): \(documents.count) documents, \(user) user and \(kernel) kernel samples")
        #expect(user > 50)
        #expect(documents.allSatisfy { $0.types.values.allSatisfy { $0 == "gauge_long" || $0 == "gauge_double" } })
        #expect(documents.contains { $0.source["resource"]?["attributes"]?["process.executable.name"] != nil })
        #expect(try await double.requests().allSatisfy { $0.status == 200 })
        #expect(try await double.unmappedFields("metrics-profilingmetricsconnector.otel-default") == [])
    }
}
