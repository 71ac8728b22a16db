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

    /// Self and total of every function, from the message's own paths.
    @Test(arguments: [("9.2.0", "ecs"), ("9.6.0", "otel")])
    func topFunctionsReadBack(version: String, schema: String) async throws {
        let double = try await ElasticsearchDouble(["--version", version])
        let running = try await RunningExporter(double, .profiles) { $0.profiles.schema = .auto }
        var host = SyntheticHost(seed: 11)
        let message = host.message(distinctStacks: 200, window: 1_700_000_000..<1_700_000_060)
        try await running.exporter.consume(.profiles(message))
        try await running.exporter.shutdown()
        var expected: [String: [Int64]] = [:]
        for (path, count) in Self.paths(of: message) {
            for name in Set(path.dropFirst(2)) where !name.isEmpty { expected[name, default: [0, 0]][1] += count }
            if let leaf = path.last, !leaf.isEmpty { expected[leaf, default: [0, 0]][0] += count }
        }
        let answer = try await double.api(
            "POST", "/_profiling/topn/functions", Self.range + #", "schema": "\#(schema)"}"#)
        var found: [String: [Int64]] = [:]
        let entries = try #require(answer["topn"]?.array)
        for entry in entries {
            let name = entry["frame"]?["function_name"]?.string ?? ""
            if name.isEmpty { continue }
            // A function may be in several files.
            let known = found[name, default: [0, 0]]
            found[name] = [
                known[0] + (entry["self_count"]?.integer ?? 0), known[1] + (entry["total_count"]?.integer ?? 0),
            ]
        }
        #expect(expected.count > 50)
        #expect(found.mapValues { $0[0] } == expected.mapValues { $0[0] })
        #expect(found.keys.allSatisfy { (found[$0]?[1] ?? 0) >= (expected[$0]?[1] ?? 0) })
        #expect(entries.map { $0["rank"]?.integer } == (1...Int64(entries.count)).map { $0 })
        let selfCounts = entries.compactMap { $0["self_count"]?.integer }
        #expect(selfCounts == selfCounts.sorted(by: >))
        #expect(selfCounts.reduce(0, +) == answer["self_count"]?.integer)
        #expect((answer["self_annual_cost_usd"]?.double ?? 0) > 0)
        let limited = try await double.api(
            "POST", "/_profiling/topn/functions", Self.range + #", "schema": "\#(schema)", "limit": 3}"#)
        #expect(limited["topn"]?.array?.count == 3)
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
