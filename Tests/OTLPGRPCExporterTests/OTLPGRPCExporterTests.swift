import Collector
import ExporterSupport
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import OTLPGRPCExporter

/// Against Python's messages and gRPC's own server.
struct OTLPGRPCInteroperationTests {
    let log = LogRecorder()

    func exporter(
        _ peer: PythonPeer, _ signal: Signal, host: String = "127.0.0.1",
        _ change: (inout OTLPGRPCConfiguration) -> Void = { _ in }
    ) async throws -> any Exporter {
        var configuration = OTLPGRPCConfiguration(
            endpoint: try GRPCEndpoint(parsing: "\(host):\(peer.grpcPort)"))
        configuration.exporter.queue = nil
        configuration.exporter.retry = RetryConfiguration(initialInterval: .zero, maximumInterval: .zero)
        configuration.tls.isInsecure = true
        change(&configuration)
        let exporter = try await OTLPGRPCExporterFactory().makeExporter(
            signal: signal, configuration: configuration, context: log.context(type: "otlp_grpc"))
        try await exporter.start(host: EmptyHost())
        return exporter
    }

    /// The authenticator's field is sent, whatever the configuration has under its name.
    @Test func provesWhoIsCalling() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer()
        var configuration = OTLPGRPCConfiguration(endpoint: .ipv4("127.0.0.1", port: peer.grpcPort))
        configuration.tls.isInsecure = true
        configuration.exporter.queue = nil
        configuration.headers = [("X-Token", OpaqueString("other"))]
        configuration.authentication = ClientAuthentication(authenticator: ComponentID(type: "token"))
        let exporter = try await OTLPGRPCExporterFactory().makeExporter(
            signal: .logs, configuration: configuration, context: log.context())
        await #expect(throws: CollectorError.self) { try await exporter.start(host: EmptyHost()) }
        try await exporter.start(host: HostWithToken())
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.shutdown()
        #expect(try await peer.nextEvent().headers?["x-token"] == "proof")
    }

    @Test(arguments: OTLPGRPCConfiguration.Compression.allCases)
    func profilesArriveUnchanged(_ compression: OTLPGRPCConfiguration.Compression) async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer()
        let exporter = try await exporter(peer, .profiles, host: "localhost") {
            $0.compression = compression
            $0.headers = [("X-Token", OpaqueString("secret"))]
        }
        try await exporter.consume(.profiles(ExampleProfiles.small()))
        try await exporter.shutdown()
        let event = try await peer.nextEvent()
        #expect(event.signal == "profiles")
        #expect(event.headers?["x-token"] == "secret")
        #expect((event.remainingSeconds ?? 100) <= 5)
        #expect(try OTLPProfilesData(serializedBytes: event.message ?? Data()) == ExampleProfiles.small())
    }

    @Test func otherSignalsArrive() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer()
        let batches: [Telemetry] = [
            .traces(ExampleTelemetry.traces()), .metrics(ExampleTelemetry.metrics()), .logs(ExampleTelemetry.logs()),
        ]
        for batch in batches {
            let exporter = try await exporter(peer, batch.signal)
            try await exporter.consume(batch)
            try await exporter.shutdown()
            #expect(try await peer.nextEvent().signal == batch.signal.rawValue)
        }
    }

    @Test func retriesAndReportsPartialSuccess() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer(
            answers: #"[{"grpc": "UNAVAILABLE"}, {"grpc": "RESOURCE_EXHAUSTED", "retry_seconds": 0.01}, "partial"]"#)
        let exporter = try await exporter(peer, .profiles)
        try await exporter.consume(.profiles(ExampleProfiles.small()))
        try await exporter.shutdown()
        #expect(log.records.filter { $0.message.hasPrefix("Exporting failed. Will retry") }.count == 2)
        let partial = log.records.first { $0.message == "Partial success response" }
        #expect(partial?.metadata == ["message": "some are bad", "dropped_profiles": "2"])
    }

    @Test(arguments: [#"[{"grpc": "RESOURCE_EXHAUSTED"}]"#, #"[{"grpc": "INVALID_ARGUMENT"}]"#])
    func doesNotRetryWhatCannotPass(_ answers: String) async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer(answers: answers)
        let exporter = try await exporter(peer, .profiles)
        await #expect(throws: PermanentError.self) { try await exporter.consume(.profiles(ExampleProfiles.small())) }
        try await exporter.shutdown()
    }

    @Test func shutdownDoesNotWaitForAServerThatIsNotThere() async throws {
        var configuration = OTLPGRPCConfiguration(endpoint: .ipv4("127.0.0.1", port: 1))
        configuration.tls.isInsecure = true
        let sender = OTLPGRPCSender(configuration: configuration, context: log.context())
        try await sender.start(host: EmptyHost())
        await #expect(throws: RetryableError.self) { try await sender.send(.logs(ExampleTelemetry.logs())) }
        await sender.shutdown()
    }

    /// An authority that is exchanged while the exporter runs counts for the next connection.
    @Test func readsCertificatesAgain() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let (ours, other) = (try await TestAuthority(), try await TestAuthority())
        let peer = try await PythonPeer(certificate: ours.certificate, key: ours.key)
        let folder = try TemporaryFolder()
        let file = folder.path(of: "ca.pem")
        try FileManager.default.copyItem(atPath: other.authority, toPath: file)
        let exporter = try await exporter(peer, .logs, host: "localhost") {
            $0.tls = ClientTLSConfiguration()
            $0.tls.certificateAuthority = .file(file)
            $0.tls.reloadInterval = .milliseconds(50)
            $0.exporter.retry.isEnabled = false
        }
        await #expect(throws: (any Error).self) { try await exporter.consume(.logs(ExampleTelemetry.logs())) }
        try Data(contentsOf: URL(fileURLWithPath: ours.authority)).write(to: URL(fileURLWithPath: file))
        var isSent = false
        for _ in 0..<200 where !isSent {
            try await Task.sleep(for: .milliseconds(50))
            isSent = (try? await exporter.consume(.logs(ExampleTelemetry.logs()))) != nil
        }
        #expect(isSent)
        try await exporter.shutdown()
    }

    @Test func speaksTLS() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let ours = try await TestAuthority()
        let peer = try await PythonPeer(certificate: ours.certificate, key: ours.key)
        let trusting = try await exporter(peer, .logs, host: "localhost") {
            $0.tls = ClientTLSConfiguration()
            $0.tls.certificateAuthority = .file(ours.authority)
        }
        try await trusting.consume(.logs(ExampleTelemetry.logs()))
        // gRPC's server does not answer close_notify; waiting for it took five seconds.
        let shutdown = try await ContinuousClock().measure { try await trusting.shutdown() }
        #expect(shutdown < .seconds(3))
        #expect(try await peer.nextEvent().signal == "logs")

        // The right authority, the wrong name, until the name is given.
        let named = try await exporter(peer, .logs, host: "127.0.0.1") {
            $0.tls = ClientTLSConfiguration()
            $0.tls.certificateAuthority = .file(ours.authority)
            $0.tls.serverName = "localhost"
        }
        try await named.consume(.logs(ExampleTelemetry.logs()))
        try await named.shutdown()

        let suspicious = try await exporter(peer, .logs, host: "localhost") {
            $0.tls = ClientTLSConfiguration()
            $0.tls.certificateAuthority = .file(ours.authority)
            $0.tls.serverName = "elsewhere.example"
            $0.exporter.retry.isEnabled = false
        }
        await #expect(throws: (any Error).self) { try await suspicious.consume(.logs(ExampleTelemetry.logs())) }
        try await suspicious.shutdown()

        let careless = try await exporter(peer, .logs, host: "localhost") {
            $0.tls = ClientTLSConfiguration()
            $0.tls.skipsVerification = true
        }
        try await careless.consume(.logs(ExampleTelemetry.logs()))
        try await careless.shutdown()
    }

    @Test func refusesAServerOfAnotherAuthority() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let (ours, theirs) = (try await TestAuthority(), try await TestAuthority())
        let peer = try await PythonPeer(certificate: theirs.certificate, key: theirs.key)
        let suspicious = try await exporter(peer, .logs, host: "localhost") {
            $0.tls = ClientTLSConfiguration()
            $0.tls.certificateAuthority = .file(ours.authority)
            $0.exporter.retry.isEnabled = false
        }
        await #expect(throws: (any Error).self) { try await suspicious.consume(.logs(ExampleTelemetry.logs())) }
        try await suspicious.shutdown()
        let text = log.records.last { $0.level == .error }?.metadata["error"] ?? ""
        #expect(text.contains("CERTIFICATE_VERIFY_FAILED") && text.contains("tls::ca_file"), "\(text)")
    }
}

struct GRPCEndpointTests {
    @Test func readsAllForms() throws {
        #expect(try GRPCEndpoint(parsing: "host:4317") == .name(host: "host", port: 4317))
        #expect(try GRPCEndpoint(parsing: "https://host:4317") == .name(host: "host", port: 4317))
        #expect(try GRPCEndpoint(parsing: "http://10.0.0.1:4317/") == .ipv4("10.0.0.1", port: 4317))
        #expect(try GRPCEndpoint(parsing: "[::1]:4317") == .ipv6("::1", port: 4317))
        #expect(try GRPCEndpoint(parsing: "dns:///host:1") == .name(host: "host", port: 1))
        #expect(try GRPCEndpoint(parsing: "unix:///run/x.sock") == .unixSocket(path: "/run/x.sock"))
    }

    @Test(arguments: ["", "host", "host:", "host:abc", "host:0", "host:65536", ":4317", "a/b:1", "::1:4317", "unix://"])
    func refuses(_ text: String) {
        #expect(throws: GRPCEndpoint.InvalidEndpoint.self) { try GRPCEndpoint(parsing: text) }
    }
}

struct OTLPGRPCConfigurationTests {
    let read = OTLPGRPCExporterFactory().decode

    @Test func defaults() {
        let (configuration, errors, _) = decode([("endpoint", .string("http://host:4317"))], with: read)
        #expect(errors.isEmpty)
        #expect(configuration.compression == .gzip)
        #expect(configuration.tls.usesTLS, "http:// does not switch TLS off")
        #expect(configuration.keepalive == nil)
        #expect(configuration.exporter == ExporterConfiguration())
    }

    @Test(arguments: [
        (nil, nil, "host:1", "host"), (nil, nil, "10.0.0.1:1", nil), (nil, nil, "[::1]:1", nil),
        (nil, nil, "unix:///run/x", "localhost"), (nil, "other:443", "host:1", "other"),
        (nil, "[::1]:443", "host:1", nil), ("name", "other", "host:1", "name"), ("10.0.0.1", nil, "host:1", nil),
    ] as [(String?, String?, String, String?)])
    func certificatesAreForTheNameInUse(
        _ serverName: String?, _ authority: String?, _ endpoint: String, _ expected: String?
    ) throws {
        var configuration = OTLPGRPCConfiguration(endpoint: try GRPCEndpoint(parsing: endpoint))
        configuration.tls.serverName = serverName
        configuration.authority = authority
        #expect(configuration.certificateName == expected)
    }

    @Test func reportsMistakes() {
        #expect(decode([], with: read).errors.count == 1)
        let (_, errors, _) = decode(
            [("endpoint", .string("h:1")), ("compression", .string("lz4")),
             ("headers", .tree([("grpc-timeout", .string("1S"))])), ("tls", .tree([("min_version", .string("3"))]))],
            with: read)
        #expect(errors.count == 3)
    }
}
