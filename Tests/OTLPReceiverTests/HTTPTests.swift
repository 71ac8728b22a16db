import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import OTLPReceiver

/// What the server answers to requests that are not as they should be, asked by curl.
struct OTLPReceiverHTTPTests {
    struct Answer {
        var code: String
        var type: String
        var body: String
    }

    func curl(_ receiver: ReceiverUnderTest, _ path: String, _ options: [String]) async throws -> Answer {
        let output = try await Command.run(
            ["curl", "-s", "-w", "\n%{http_code} %{content_type}"] + options
                + ["http://localhost:\(receiver.servers.ports.http ?? 0)\(path)"], includingStandardError: false)
        let split = output.lastIndex(of: "\n") ?? output.startIndex
        let line = output[split...].dropFirst().split(separator: " ", maxSplits: 1)
        return Answer(
            code: line.first.map(String.init) ?? "", type: line.count > 1 ? String(line[1]) : "",
            body: String(output[..<split]))
    }

    static let json = ["-H", "Content-Type: application/json"]

    @Test(
        .enabled(if: try Live.has(.tool("curl"))),
        arguments: [
            ("/v1/logs", ["-X", "GET"], "405", "text/plain; charset=utf-8"),
            ("/v1/nothing", ["--data", "{}"] + json, "404", "text/plain; charset=utf-8"),
            ("/v1development/profiles", ["--data", "{}"] + json, "200", "application/json"),
            ("/v1/logs", ["--data", "x"], "415", "text/plain; charset=utf-8"),
            (
                "/v1/logs", ["--data", "{}", "-H", "Content-Type: application/json; charset=utf-8"], "200",
                "application/json"
            ),
            ("/v1/logs", ["--data", "{broken"] + json, "400", "application/json"),
            (
                "/v1/logs", ["--data", "\u{1}\u{2}", "-H", "Content-Type: application/x-protobuf"], "400",
                "application/x-protobuf"
            ),
            ("/v1/logs", ["--data", "{}", "-H", "Content-Encoding: br"] + json, "400", "application/json"),
            ("/v1/logs", ["--data", "{}", "-H", "Content-Encoding: gzip"] + json, "400", "application/json"),
            ("/v1/logs", ["--data", "{}", "-H", "Content-Encoding: zstd"] + json, "400", "application/json"),
            ("/v1/logs", ["--data", "{}", "-H", "Content-Encoding: snappy"] + json, "400", "application/json"),
            ("/v1/logs", ["--data", "{}", "-H", "Content-Encoding: x-snappy-framed"] + json, "400", "application/json"),
            ("/v1/logs", ["--data", "{}", "-H", "Content-Encoding: lz4"] + json, "400", "application/json"),
        ])
    func answers(path: String, options: [String], code: String, type: String) async throws {
        let receiver = try await ReceiverUnderTest()
        let answer = try await curl(receiver, path, options)
        #expect(answer.code == code, "\(answer.body)")
        #expect(answer.type == type)
        if code == "400", type == "application/json" {
            let status = try OTLPJSON.decodePlain(OTLPStatus.self, from: Array(answer.body.utf8))
            #expect(status.code == 3 && !status.message.isEmpty)
        }
        try await receiver.shutdown()
    }

    @Test(.enabled(if: try Live.has(.tool("curl"))))
    func refusesBodiesThatAreTooLarge() async throws {
        var configuration = ReceiverUnderTest.everything
        configuration.http?.server.maximumBodyBytes = 1000
        let receiver = try await ReceiverUnderTest(configuration)
        let folder = try TemporaryFolder()
        let path = folder.path(of: "body")
        try Data(count: 1_000_000).write(to: URL(fileURLWithPath: path))
        for options in [[], ["-H", "Transfer-Encoding: chunked"]] {
            let answer = try await curl(receiver, "/v1/logs", ["--data-binary", "@\(path)"] + Self.json + options)
            #expect(answer.code == "413")
        }
        #expect(try await curl(receiver, "/v1/logs", ["--data", "{}"] + Self.json).code == "200")
        try await receiver.shutdown()
    }

    @Test(.enabled(if: try Live.has(.tool("curl"))))
    func answersBrowsersOfAllowedOrigins() async throws {
        var configuration = ReceiverUnderTest.everything
        let (read, errors, _) = decode(
            [
                (
                    "protocols",
                    .tree([
                        (
                            "http",
                            .tree([
                                (
                                    "cors",
                                    .tree([
                                        ("allowed_origins", .list([.init(.string("https://*.example.org"))])),
                                        ("allowed_headers", .list([.init(.string("X-Own"))])),
                                        ("max_age", .integer(60)),
                                    ])
                                )
                            ])
                        )
                    ])
                )
            ], with: OTLPReceiverFactory().decode)
        #expect(errors.isEmpty)
        configuration.http?.server.cors = read.http?.server.cors
        let receiver = try await ReceiverUnderTest(configuration)
        func headers(_ origin: String) async throws -> [String] {
            try await curl(
                receiver, "/v1/logs",
                [
                    "-i", "-X", "OPTIONS", "-H", "Origin: \(origin)", "-H", "Access-Control-Request-Method: POST", "-H",
                    "Access-Control-Request-Headers: x-own, x-other",
                ]
            ).body.lowercased().split(whereSeparator: \.isNewline).map(String.init)
        }
        let allowed = try await headers("https://shop.example.org")
        #expect(allowed.first?.contains("204") == true)
        #expect(allowed.contains("access-control-allow-origin: https://shop.example.org"))
        #expect(allowed.contains("access-control-allow-headers: x-own"))
        #expect(allowed.contains("access-control-max-age: 60"))
        #expect(try await !headers("https://elsewhere.org").contains { $0.hasPrefix("access-control-allow") })
        try await receiver.shutdown()
    }

    @Test func shutsDownWithOpenConnections() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let receiver = try await ReceiverUnderTest()
        let script = """
            import http.client, sys, time
            connection = http.client.HTTPConnection("localhost", int(sys.argv[1]))
            connection.request("POST", "/v1/logs", "{}", {"Content-Type": "application/json"})
            print(connection.getresponse().status, flush=True)
            time.sleep(60)
            """
        let child = try ChildProcess(["python3", "-c", script, "\(receiver.servers.ports.http ?? 0)"])
        #expect(try await onThread { try child.readLine() } == "200")
        try await receiver.shutdown()
        // The port is free again.
        let again = try await ReceiverUnderTest()
        try await again.shutdown()
    }

    @Test func namesAnAddressThatIsTaken() async throws {
        let first = try await ReceiverUnderTest()
        var configuration = ReceiverUnderTest.everything
        let ports = first.servers.ports
        configuration.grpc?.address = .tcp(host: "127.0.0.1", port: ports.grpc ?? 0)
        let grpc = await #expect(throws: CollectorError.self) { _ = try await ReceiverUnderTest(configuration) }
        #expect(grpc?.message.hasPrefix("cannot listen on 127.0.0.1:\(ports.grpc ?? 0)") == true)
        configuration = ReceiverUnderTest.everything
        configuration.http?.server.address = .tcp(host: "127.0.0.1", port: ports.http ?? 0)
        let http = await #expect(throws: CollectorError.self) { _ = try await ReceiverUnderTest(configuration) }
        #expect(http?.message.hasPrefix("cannot listen on 127.0.0.1:\(ports.http ?? 0)") == true)
        try await first.shutdown()
    }
}
