import ElasticsearchDouble
import Foundation
import LiveSupport
import OTLP
import Testing

/// This machine, profiled through a queue on disk while the server, and then the program too, are away.
extension ElasticsearchLiveTests {
    /// Samples of a file that the `file` exporter wrote.
    private static func paths(ofFile path: String) throws -> Paths {
        var result: Paths = [:]
        for line in try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: UInt8(ascii: "\n")) {
            let message = try OTLPJSON.decode(OTLPProfilesData.self, from: Array(line))
            result.merge(paths(of: message)) { $0 + $1 }
        }
        return result
    }

    @Test func nothingIsLostWhileTheServerIsAway() async throws {
        let folder = try TemporaryFolder()
        let data = folder.path(of: "data")
        func configuration(_ number: Int, _ url: String) throws -> [String] {
            let text = """
                receivers: { profiling: { samples_per_second: 47, reporter_interval: 1s } }
                extensions: { file_storage: { directory: "\(folder.path(of: "queue"))", create_directory: true } }
                exporters:
                  elasticsearch:
                    endpoint: "\(url)"
                    profiles: { schema: classic }
                    retry: { max_interval: 500ms }
                    sending_queue: { storage: file_storage, queue_size: 1000, batch: { flush_timeout: 1s } }
                  file: { path: "\(folder.path(of: "sent\(number).json"))" }
                service:
                  extensions: [ file_storage ]
                  telemetry: { metrics: { level: none } }
                  pipelines: { profiles: { receivers: [ profiling ], exporters: [ elasticsearch, file ] } }
                """
            let path = folder.path(of: "otel\(number).yml")
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            return ["--config", path]
        }
        func end(_ collector: ChildProcess) async throws {
            collector.send(SIGTERM)
            #expect(try await onThread { collector.wait() } == .code(0))
        }
        let busy = try ChildProcess(["python3", "-c", "while True: sum(range(1000))"])
        defer { busy.send(SIGKILL) }

        var double = try await ElasticsearchDouble(["--data", data])
        let (port, url) = (double.port, double.url)
        var collector = try Self.start(try configuration(1, url))
        try await Task.sleep(for: .seconds(6))
        // The server dies, and comes back with what it acknowledged.
        let before = try await double.documents("profiling-events-all").count
        try await double.kill()
        try await Task.sleep(for: .seconds(4))
        double = try await ElasticsearchDouble(["--data", data, "--port", "\(port)"])
        #expect(try await double.documents("profiling-events-all").count >= before)
        try await Task.sleep(for: .seconds(4))
        // It dies again, and the program ends before it is back.
        try await double.kill()
        try await Task.sleep(for: .seconds(3))
        try await end(collector)
        collector = try Self.start(try configuration(2, url))
        try await Task.sleep(for: .seconds(3))
        double = try await ElasticsearchDouble(["--data", data, "--port", "\(port)"])
        try await Task.sleep(for: .seconds(5))
        try await end(collector)

        let (first, second) = (
            try Self.paths(ofFile: folder.path(of: "sent1.json")), try Self.paths(ofFile: folder.path(of: "sent2.json"))
        )
        let expected = first.merging(second) { $0 + $1 }
        let graph = try await double.api("POST", "/_profiling/flamegraph", "{}")
        let total = expected.values.reduce(0, +)
        let found = try Self.paths(ofFlameGraph: graph).values.reduce(0, +)
        let largest = try await double.requests().map { Int64($0.actions.count) }.max() ?? 0
        print("\(total) samples sent, \(found) read back, \(before) before the server died")
        #expect(first.values.reduce(0, +) > 200 && second.values.reduce(0, +) > 50 && before > 20)
        // An answer that the server did not live to give leaves documents twice, never none.
        #expect(found >= total)
        #expect(found <= total + 2 * max(largest, total / 10))
        // What is left on disk was all dealt with: a further run has nothing to send.
        let lost = try await double.requests().filter { $0.status != 200 }
        #expect(lost.isEmpty)
    }
}
