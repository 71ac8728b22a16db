import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import ServerSupport
import Testing

@testable import OTLPReceiver

/// Against Python's clients, with certificates made by openssl.
struct OTLPReceiverTLSTests {
    func configuration(_ tls: ServerTLSConfiguration) -> OTLPReceiverConfiguration {
        var configuration = ReceiverUnderTest.everything
        configuration.grpc?.tls = tls
        configuration.http?.server.tls = tls
        return configuration
    }

    func code(_ way: [String], _ options: [String]) async throws -> String {
        try await PythonPeer.send(ExampleTelemetry.logs(), signal: "logs", way + options).code
    }

    @Test func speaksTLS() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let ours = try await TestAuthority()
        let receiver = try await ReceiverUnderTest(
            configuration(ServerTLSConfiguration(certificate: .file(ours.certificate), key: .file(ours.key))))
        #expect(try await code(receiver.grpc, ["--authority", ours.authority]) == "OK")
        #expect(try await code(receiver.http, ["--authority", ours.authority]) == "200")
        try await receiver.shutdown()
        #expect(receiver.sink.deliveries.count == 2)
    }

    @Test func asksClientsForACertificate() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let (ours, theirs) = (try await TestAuthority(), try await TestAuthority())
        var tls = ServerTLSConfiguration(certificate: .file(ours.certificate), key: .file(ours.key))
        tls.clientAuthority = .file(ours.authority)
        let receiver = try await ReceiverUnderTest(configuration(tls))
        func shown(_ authority: TestAuthority) -> [String] {
            ["--authority", ours.authority, "--certificate", authority.clientCertificate, "--key", authority.clientKey]
        }
        #expect(try await code(receiver.grpc, shown(ours)) == "OK")
        #expect(try await code(receiver.http, shown(ours)) == "200")
        #expect(try await code(receiver.grpc, ["--authority", ours.authority]) == "UNAVAILABLE")
        #expect(try await code(receiver.grpc, shown(theirs)) == "UNAVAILABLE")
        for options in [["--authority", ours.authority], shown(theirs)] {
            await #expect(throws: Command.Failed.self) { try await code(receiver.http, options) }
        }
        try await receiver.shutdown()
        #expect(receiver.sink.deliveries.count == 2)
    }

    /// A certificate that is replaced on disk is used for the connections that follow.
    @Test func readsCertificatesAgain() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let (first, second) = (try await TestAuthority(), try await TestAuthority())
        let folder = try TemporaryFolder()
        let (certificate, key) = (folder.path(of: "server.pem"), folder.path(of: "server.key"))
        func install(_ authority: TestAuthority) throws {
            for (from, to) in [(authority.certificate, certificate), (authority.key, key)] {
                try Data(contentsOf: URL(fileURLWithPath: from)).write(to: URL(fileURLWithPath: to), options: .atomic)
            }
        }
        try install(first)
        var tls = ServerTLSConfiguration(certificate: .file(certificate), key: .file(key))
        tls.reloadInterval = .milliseconds(50)
        let receiver = try await ReceiverUnderTest(configuration(tls))
        #expect(try await code(receiver.grpc, ["--authority", first.authority]) == "OK")
        try install(second)
        var answer = ""
        for _ in 0..<100 where answer != "OK" {
            answer = try await code(receiver.grpc, ["--authority", second.authority])
        }
        #expect(answer == "OK")
        #expect(try await code(receiver.http, ["--authority", second.authority]) == "200")
        // Damaged files leave the last good ones in use.
        try Data("damaged".utf8).write(to: URL(fileURLWithPath: certificate))
        while !log(receiver, contains: "Cannot read the TLS certificates again") {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await code(receiver.grpc, ["--authority", second.authority]) == "OK")
        try await receiver.shutdown()
    }

    func log(_ receiver: ReceiverUnderTest, contains text: String) -> Bool {
        receiver.log.messages.contains { $0.contains(text) }
    }

    /// HTTP/2 is negotiated.
    @Test(.enabled(if: try Live.has(.tool("curl"), .tool("openssl"))), arguments: ["--http1.1", "--http2"])
    func negotiatesTheVersionOfHTTP(version: String) async throws {
        let ours = try await TestAuthority()
        let receiver = try await ReceiverUnderTest(
            configuration(ServerTLSConfiguration(certificate: .file(ours.certificate), key: .file(ours.key))))
        let output = try await Command.run(
            [
                "curl", "-s", version, "--cacert", ours.authority, "-w", "%{http_version} %{http_code}", "-H",
                "Content-Type: application/json", "--data", #"{"resourceLogs":[]}"#,
                "https://localhost:\(receiver.servers.ports.http ?? 0)/v1/logs",
            ], includingStandardError: false)
        #expect(output == (version == "--http2" ? "{}2 200" : "{}1.1 200"))
        try await receiver.shutdown()
    }

    @Test func namesAFileThatIsMissing() async throws {
        let tls = ServerTLSConfiguration(certificate: .file("/nowhere/server.pem"), key: .file("/nowhere/server.key"))
        let error = await #expect(throws: CollectorError.self) { _ = try await ReceiverUnderTest(configuration(tls)) }
        #expect(error?.message.contains("/nowhere/server.pem") == true)
    }
}
