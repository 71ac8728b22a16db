import ElasticsearchDouble
import OTLP
import SyntheticProfiles
import Testing

@testable import ElasticsearchExporter

/// What readers of Universal Profiling make of our documents, against the message itself.
@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct FlameGraphTests {
    /// Names from the program over the thread and the stack's root to its leaf, with the samples that end there.
    typealias Paths = [[String]: Int64]

    static func paths(ofFlameGraph graph: JSON) throws -> Paths {
        let edges = try #require(graph["Edges"]?.array)
        let names = try #require(graph["FunctionName"]?.array)
        let exclusive = try #require(graph["CountExclusive"]?.array)
        var paths: Paths = [:]
        var open: [(node: Int, path: [String])] = [(0, [])]
        while let (node, path) = open.popLast() {
            if let count = exclusive[node].integer, count > 0 { paths[path, default: 0] += count }
            for child in edges[node].array ?? [] {
                let child = Int(child.integer ?? 0)
                open.append((child, path + [names[child].string ?? ""]))
            }
        }
        return paths
    }

    /// Straight from the message. A location without lines has one frame without a name.
    static func paths(of data: OTLPProfilesData) -> Paths {
        let dictionary = data.dictionary
        var paths: Paths = [:]
        for resource in data.resourceProfiles {
            let path = resource.resource.attributes.first { $0.key == "process.executable.path" }?.value.stringValue
            let name = resource.resource.attributes.first { $0.key == "process.executable.name" }?.value.stringValue
            let program = name ?? path?.split(separator: "/").last.map(String.init) ?? ""
            for sample in resource.scopeProfiles.flatMap(\.profiles).flatMap(\.samples) {
                var names: [String] = []
                for location in dictionary.stackTable[Int(sample.stackIndex)].locationIndices {
                    let lines = dictionary.locationTable[Int(location)].lines
                    names += lines.isEmpty ? [""] : lines.map {
                        let function = dictionary.functionTable[Int($0.functionIndex)]
                        return dictionary.stringTable[Int(function.nameStrindex)]
                    }
                }
                let thread = sample.attributeIndices.lazy.map { dictionary.attributeTable[Int($0)] }
                    .first { dictionary.stringTable[Int($0.keyStrindex)] == "thread.name" }?.value.stringValue ?? ""
                paths[[program, thread] + names.reversed(), default: 0] += sample.weight
            }
        }
        return paths
    }

    /// The beginning of a request for the minutes in question.
    static let range = """
        {"query": {"bool": {"filter": [{"range": {"@timestamp":
        {"gte": "2023-11-14T22:13:00Z", "lt": "2023-11-14T22:20:00Z"}}}]}}
        """

    @Test(arguments: [("9.2.0", "ecs", 2_000_000), ("9.6.0", "otel", 2_000_000), ("9.2.0", "ecs", 50_000)])
    func readBackEqualsWhatWasSent(version: String, schema: String, requestBytes: Int) async throws {
        let double = try await ElasticsearchDouble(["--version", version])
        let running = try await RunningExporter(double, .profiles) {
            $0.profiles.schema = .auto
            $0.maximumRequestBytes = requestBytes
        }
        var host = SyntheticHost(seed: 7)
        var expected: Paths = [:]
        // Three messages over the same programs: traces and frames occur again.
        for minute in 0..<3 as Range<UInt64> {
            let start = 1_700_000_000 + minute * 60
            let message = host.message(distinctStacks: 300, window: start..<start + 60)
            expected.merge(Self.paths(of: message)) { $0 + $1 }
            try await running.exporter.consume(.profiles(message))
        }
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        expected.merge(Self.paths(of: ProfileMessages.example())) { $0 + $1 }
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level >= .warning }.isEmpty)
        let graph = try await double.api("POST", "/_profiling/flamegraph", Self.range + #", "schema": "\#(schema)"}"#)
        let found = try Self.paths(ofFlameGraph: graph)
        #expect(expected.count > 500)
        #expect(found == expected)
        let total = expected.values.reduce(0, +)
        #expect(graph["TotalSamples"]?.integer == total)
    }

    @Test func executablesAndPlacesAreReadBack() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles)
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        try await running.exporter.shutdown()
        let answer = try await double.api("POST", "/_profiling/stacktraces", Self.range + "}")
        #expect(
            answer["executables"] == ["ABEiM0RVZneImaq7zN3u_w": "vmlinux", "YA3K_koRAADyvzjEk_X7kg": "demo"])
        let trace = try #require(answer["stack_traces"]?["fIT6zuZVTqWnEfA35IvWMA"])
        #expect(trace["address_or_lines"] == [42, 0x9abc, 0x5678, 0x1234])
        #expect(trace["type_ids"] == [1, 3, 3, 4])
        #expect(trace["count"] == 3)
        #expect(answer["stack_trace_events"]?["fIT6zuZVTqWnEfA35IvWMA"] == 3)
    }
}
