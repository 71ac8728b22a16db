import ClientTLS
import Collector
import ExporterSupport
import ExporterTestSupport
import Foundation
import HTTPClientSupport
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import OTLPHTTPExporter

/// Against Python's messages and HTTP server.
struct OTLPHTTPInteroperationTests {
    let log = LogRecorder()

    func exporter(
        _ peer: PythonPeer, _ signal: Signal, scheme: String = "http",
        _ change: (inout OTLPHTTPConfiguration) -> Void = { _ in }
    ) async throws -> any Exporter {
        var configuration = OTLPHTTPConfiguration()
        configuration.endpoint = "\(scheme)://localhost:\(peer.httpPort)"
        configuration.exporter.queue = nil
        configuration.exporter.retry = RetryConfiguration(initialInterval: .zero, maximumInterval: .zero)
        change(&configuration)
        let exporter = try await OTLPHTTPExporterFactory().makeExporter(
            signal: signal, configuration: configuration, context: log.context(type: "otlp_http"))
        try await exporter.start(host: EmptyHost())
        return exporter
    }

    /// The authenticator's field is sent, whatever the configuration has under its name.
    @Test func provesWhoIsCalling() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer()
        var configuration = OTLPHTTPConfiguration()
        configuration.endpoint = "http://127.0.0.1:\(peer.httpPort)"
        configuration.exporter.queue = nil
        configuration.client.headers = [("X-Token", OpaqueString("other"))]
        configuration.client.authentication = ClientAuthentication(authenticator: ComponentID(type: "token"))
        let exporter = try await OTLPHTTPExporterFactory().makeExporter(
            signal: .logs, configuration: configuration, context: log.context())
        await #expect(throws: CollectorError.self) { try await exporter.start(host: EmptyHost()) }
        try await exporter.start(host: HostWithToken())
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.shutdown()
        #expect(try await peer.nextEvent().headers?["x-token"] == "proof")
    }

    @Test(arguments: OTLPHTTPConfiguration.Encoding.allCases, OTLPHTTPConfiguration.Compression.allCases)
    func profilesArriveUnchanged(
        _ encoding: OTLPHTTPConfiguration.Encoding, _ compression: OTLPHTTPConfiguration.Compression
    ) async throws {
        guard try PythonPeer.isAvailable(), try PythonCodec.isAvailable() else { return }
        let peer = try await PythonPeer()
        let exporter = try await exporter(peer, .profiles) {
            $0.encoding = encoding
            $0.compression = compression
            $0.client.headers = [("X-Token", OpaqueString("secret"))]
        }
        try await exporter.consume(.profiles(ExampleProfiles.small()))
        try await exporter.shutdown()
        let event = try await peer.nextEvent()
        #expect(event.signal == "profiles")
        #expect(event.contentType == encoding.contentType)
        #expect(event.encoding == (compression == .none ? "" : compression.rawValue))
        #expect(event.headers?["x-token"] == "secret")
        let arrived = try OTLPProfilesData(serializedBytes: event.message ?? Data())
        #expect(arrived.resourceProfiles.count == 1)
        if encoding == .proto { #expect(arrived == ExampleProfiles.small()) }
        #expect(arrived.dictionary.stringTable == ExampleProfiles.small().dictionary.stringTable)
        #expect(arrived.dictionary.linkTable == ExampleProfiles.small().dictionary.linkTable)
        #expect(ProfilesChecker.check(arrived).isEmpty)
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
            answers: #"[{"http": 503, "message": "warming up"}, {"http": 429, "retry_after": "0"}, "partial"]"#)
        let exporter = try await exporter(peer, .profiles)
        try await exporter.consume(.profiles(ExampleProfiles.small()))
        try await exporter.shutdown()
        let retries = log.records.filter { $0.message.hasPrefix("Exporting failed. Will retry") }
        #expect(retries.count == 2)
        #expect(retries.first?.metadata["error"]?.contains("503, Message=warming up") == true)
        let partial = log.records.first { $0.message == "Partial success response" }
        #expect(partial?.metadata == ["message": "some are bad", "dropped_profiles": "2"])
    }

    @Test(arguments: [#"[{"http": 400}]"#, #"[{"http": 500}]"#, #"["garbage"]"#])
    func doesNotRetryWhatCannotPass(_ answers: String) async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer(answers: answers)
        let exporter = try await exporter(peer, .profiles)
        await #expect(throws: PermanentError.self) { try await exporter.consume(.profiles(ExampleProfiles.small())) }
        try await exporter.shutdown()
    }

    /// Were the pool to try by itself, no attempt would end before the time for retries is over.
    @Test(arguments: ["localhost", "127.0.0.1"])
    func refusedConnectionIsReportedAndRetriedSoon(host: String) async throws {
        var configuration = OTLPHTTPConfiguration()
        configuration.endpoint = "http://\(host):1"
        configuration.exporter.queue = nil
        configuration.exporter.retry = RetryConfiguration(
            initialInterval: .milliseconds(50), maximumInterval: .milliseconds(50), maximumElapsedTime: .seconds(180))
        let exporter = try await OTLPHTTPExporterFactory().makeExporter(
            signal: .logs, configuration: configuration, context: log.context(type: "otlp_http"))
        try await exporter.start(host: EmptyHost())
        let sending = Task { try await exporter.consume(.logs(ExampleTelemetry.logs())) }
        func retried() -> [LogRecorder.Record] {
            log.records.filter { $0.message.hasPrefix("Exporting failed. Will retry") }
        }
        // Far below the ten seconds that the pool's own attempts would take, also on a busy machine.
        let start = ContinuousClock.now
        while retried().count < 2, ContinuousClock.now - start < .seconds(120) {
            try await Task.sleep(for: .milliseconds(20))
        }
        try await exporter.shutdown()
        await #expect(throws: (any Error).self) { try await sending.value }
        let retries = retried()
        #expect(retries.count > 1)
        let text = retries.first?.metadata["error"] ?? ""
        #expect(text.hasPrefix("failed to make an HTTP request to http://\(host):1/v1/logs: "), "\(text)")
        #expect(text.contains("Connection refused"), "\(text)")
    }

    /// An authority that is exchanged while the exporter runs counts for the next connection; and a certificate for
    /// another name than the endpoint's is taken if that name is given.
    @Test func readsCertificatesAgainAndTakesAnotherName() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let (ours, other) = (try await TestAuthority(), try await TestAuthority())
        let peer = try await PythonPeer(certificate: ours.certificate, key: ours.key)
        let folder = try TemporaryFolder()
        let file = folder.path(of: "ca.pem")
        try FileManager.default.copyItem(atPath: other.authority, toPath: file)
        func configure(_ configuration: inout OTLPHTTPConfiguration, _ name: String?) {
            configuration.endpoint = "https://127.0.0.1:\(peer.httpPort)"
            configuration.client.tls.certificateAuthority = .file(file)
            configuration.client.tls.reloadInterval = .milliseconds(50)
            configuration.client.tls.serverName = name
            configuration.exporter.retry.isEnabled = false
        }
        let exporter = try await exporter(peer, .logs) { configure(&$0, "localhost") }
        await #expect(throws: (any Error).self) { try await exporter.consume(.logs(ExampleTelemetry.logs())) }
        try Data(contentsOf: URL(fileURLWithPath: ours.authority)).write(to: URL(fileURLWithPath: file))
        var isSent = false
        for _ in 0..<200 where !isSent {
            try await Task.sleep(for: .milliseconds(50))
            isSent = (try? await exporter.consume(.logs(ExampleTelemetry.logs()))) != nil
        }
        #expect(isSent)
        #expect(try await peer.nextEvent().headers?["host"] == "127.0.0.1:\(peer.httpPort)")
        try await exporter.shutdown()
        let misled = try await self.exporter(peer, .logs) { configure(&$0, "elsewhere.example") }
        await #expect(throws: (any Error).self) { try await misled.consume(.logs(ExampleTelemetry.logs())) }
        try await misled.shutdown()
    }

    // MARK: - What stands between

    /// To a server whose name only the proxy knows.
    @Test func plainRequestsThroughAProxy() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let (peer, proxy) = (try await PythonPeer(), try await ForwardProxy())
        let exporter = try await exporter(peer, .logs) {
            $0.endpoint = "http://collector.test:\(peer.httpPort)"
            $0.client.proxyURL = "http://127.0.0.1:\(proxy.port)"
        }
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.shutdown()
        let event = try await peer.nextEvent()
        #expect(event.signal == "logs" && event.headers?["host"] == "collector.test:\(peer.httpPort)")
        let request = try await proxy.nextRequest()
        #expect(request.method == "CONNECT" && request.target == "collector.test:\(peer.httpPort)")
        #expect(request.authorization == nil)
    }

    /// TLS goes through the proxy from end to end, also to a server with a certificate for another name.
    @Test(arguments: [("localhost", nil), ("collector.test", "localhost")] as [(String, String?)])
    func tunnelsThroughAProxy(host: String, name: String?) async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let authority = try await TestAuthority()
        let peer = try await PythonPeer(certificate: authority.certificate, key: authority.key)
        let proxy = try await ForwardProxy()
        let exporter = try await exporter(peer, .logs) {
            $0.endpoint = "https://\(host):\(peer.httpPort)"
            $0.client.proxyURL = "http://u:p@127.0.0.1:\(proxy.port)"
            $0.client.tls.certificateAuthority = .file(authority.authority)
            $0.client.tls.serverName = name
        }
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.shutdown()
        #expect(try await peer.nextEvent().headers?["host"] == "\(host):\(peer.httpPort)")
        let request = try await proxy.nextRequest()
        #expect(request.method == "CONNECT" && request.target == "\(host):\(peer.httpPort)")
        #expect(request.authorization == "Basic dTpw")
    }

    @Test func aProxyThatIsAwayIsNamed() async throws {
        var configuration = OTLPHTTPConfiguration()
        configuration.client.proxyURL = "http://127.0.0.1:1"
        let sender = try OTLPHTTPSender(
            configuration: configuration, url: "http://collector.test/v1/logs", context: log.context())
        try await sender.start(host: EmptyHost())
        let error = await #expect(throws: RetryableError.self) { try await sender.send(.logs(ExampleTelemetry.logs())) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("127.0.0.1"))
        await sender.shutdown()
    }

    @Test(arguments: [true, false])
    func cookiesComeBack(keeps: Bool) async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer(
            answers: #"[{"set_cookie": ["node=a; Path=/v1", "other=1; Path=/elsewhere"]}]"#)
        let exporter = try await exporter(peer, .logs) { $0.client.keepsCookies = keeps }
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.shutdown()
        #expect(try await peer.nextEvent().headers?["cookie"] == nil)
        #expect(try await peer.nextEvent().headers?["cookie"] == (keeps ? "node=a" : nil))
    }

    private struct HostWithMiddleware: Collector.Host {
        struct Marker: HTTPClientMiddleware {
            func prepare(
                method: String, url: String, headers: inout [(name: String, value: String)]
            ) async throws {
                headers.removeAll { $0.name.lowercased() == "x-team" }
                headers.append(("X-Mark", "\(method) \(url)"))
            }
        }
        func report(_ status: ComponentStatus) {}
        func runningExtension(_ id: ComponentID) -> (any Extension)? { extensions[id] }
        var extensions: [ComponentID: any Extension] { [ComponentID(type: "marker"): Marker()] }
    }

    @Test func middlewaresTakePart() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let peer = try await PythonPeer()
        var configuration = OTLPHTTPConfiguration()
        configuration.endpoint = "http://me:secret@localhost:\(peer.httpPort)"
        configuration.exporter.queue = nil
        configuration.client.headers = [("X-Team", OpaqueString("profiling"))]
        configuration.client.middlewares = [ComponentID(type: "marker")]
        let exporter = try await OTLPHTTPExporterFactory().makeExporter(
            signal: .logs, configuration: configuration, context: log.context())
        await #expect(throws: CollectorError.self) { try await exporter.start(host: EmptyHost()) }
        try await exporter.start(host: HostWithMiddleware())
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.shutdown()
        let headers = try await peer.nextEvent().headers
        #expect(headers?["x-mark"] == "POST http://localhost:\(peer.httpPort)/v1/logs")
        #expect(headers?["x-team"] == nil)
        // The URL's own user, as Go's client sends it.
        #expect(headers?["authorization"] == "Basic bWU6c2VjcmV0")
    }

    @Test(
        arguments: [
            ("https://10.0.0.1:4318/v1/logs", "10.0.0.1", "https://n.example:4318/v1/logs", "10.0.0.1:4318"),
            ("https://[::1]:1/", "::1", "https://n.example:1/", "[::1]:1"),
            ("https://[::1]", "::1", "https://n.example", "[::1]"), ("HTTPS://a?q", "a", "HTTPS://n.example?q", "a"),
        ])
    func renamesTheHost(url: String, host: String, renamed: String, authority: String) {
        let override = ServerNameOverride(url, name: "n.example")
        #expect(override?.host == host && override?.url == renamed && override?.authority == authority)
        #expect(ServerNameOverride(url, name: nil) == nil)
        #expect(ServerNameOverride("http://a", name: "n") == nil)
    }

    @Test(
        arguments: [
            ([("cipher_suites", .list([.init(.string("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"))]))], [], [0xc02f]),
            ([("cipher_suites", .list([.init(.string("TLS_AES_128_GCM_SHA256"))]))], [], []),
            ([("cipher_suites", .list([.init(.string("TLS_RSA_WITH_AES_128_CBC_SHA"))]))], ["needs include"], []),
            (
                [
                    ("cipher_suites", .list([.init(.string("TLS_RSA_WITH_AES_128_CBC_SHA"))])),
                    ("include_insecure_cipher_suites", .boolean(true)),
                ], [], [0x2f]
            ),
            ([("cipher_suites", .list([.init(.string("NO_SUCH"))]))], ["unknown value"], []),
            ([("curve_preferences", .list([.init(.string("P1"))]))], ["unknown value"], []),
            ([("tpm", .tree([("enabled", .boolean(true)), ("path", .string("/dev/tpm0"))]))], ["is not supported"], []),
            ([("tpm", .tree([("enabled", .boolean(false))]))], [], []),
            ([("reload_interval", .string("10s")), ("server_name_override", .string("n"))], [], []),
        ] as [([(String, ConfigurationNode.Value)], [String], [UInt16])])
    func readsTLSKeys(keys: [(String, ConfigurationNode.Value)], messages: [String], suites: [UInt16]) {
        let (tls, errors, warnings) = decode(keys, with: { ClientTLSConfiguration($0) })
        #expect(errors.count == messages.count && warnings.isEmpty, "\(errors)")
        for (error, message) in zip(errors, messages) { #expect(error.contains(message)) }
        #expect(tls.cipherSuites == suites)
    }

    @Test func speaksTLS() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let ours = try await TestAuthority()
        let peer = try await PythonPeer(certificate: ours.certificate, key: ours.key)
        let trusting = try await exporter(peer, .logs, scheme: "https") {
            $0.client.tls.certificateAuthority = .file(ours.authority)
        }
        try await trusting.consume(.logs(ExampleTelemetry.logs()))
        try await trusting.shutdown()
        #expect(try await peer.nextEvent().signal == "logs")

        let careless = try await exporter(peer, .logs, scheme: "https") { $0.client.tls.skipsVerification = true }
        try await careless.consume(.logs(ExampleTelemetry.logs()))
        try await careless.shutdown()
        #expect(try await peer.nextEvent().signal == "logs")
    }

    @Test func refusesAServerOfAnotherAuthority() async throws {
        guard try PythonPeer.isAvailable(), try TestAuthority.isAvailable() else { return }
        let (ours, theirs) = (try await TestAuthority(), try await TestAuthority())
        let peer = try await PythonPeer(certificate: theirs.certificate, key: theirs.key)
        let suspicious = try await exporter(peer, .logs, scheme: "https") {
            $0.client.tls.certificateAuthority = .file(ours.authority)
            $0.exporter.retry.isEnabled = false
        }
        await #expect(throws: (any Error).self) { try await suspicious.consume(.logs(ExampleTelemetry.logs())) }
        try await suspicious.shutdown()
        let text = log.records.last { $0.level == .error }?.metadata["error"] ?? ""
        #expect(text.contains("CERTIFICATE_VERIFY_FAILED") && text.contains("tls::ca_file"), "\(text)")
    }

    @Test func nobodyThereIsRetryable() async throws {
        var configuration = OTLPHTTPConfiguration()
        configuration.endpoint = "http://127.0.0.1:1"
        let sender = try OTLPHTTPSender(
            configuration: configuration, url: "http://127.0.0.1:1/v1/logs", context: log.context())
        try await sender.start(host: EmptyHost())
        await #expect(throws: RetryableError.self) { try await sender.send(.logs(ExampleTelemetry.logs())) }
        await sender.shutdown()
    }
}

struct OTLPHTTPConfigurationTests {
    let read = OTLPHTTPExporterFactory().decode

    @Test func makesURLs() {
        let (configuration, errors, _) = decode(
            [("endpoint", .string("https://host:4318/base/")), ("logs_endpoint", .string("http://other/logs/"))],
            with: read)
        #expect(errors.isEmpty)
        #expect(configuration.url(for: .profiles) == "https://host:4318/base/v1development/profiles")
        #expect(configuration.url(for: .traces) == "https://host:4318/base/v1/traces")
        #expect(configuration.url(for: .logs) == "http://other/logs/")
        let only = decode([("logs_endpoint", .string("http://other/"))], with: read)
        #expect(only.errors.isEmpty)
        #expect(only.configuration.url(for: .profiles) == nil)
        #expect(only.configuration.exporter.timeout == .seconds(30))
    }

    @Test func reportsMistakes() {
        #expect(decode([], with: read).errors.count == 1)
        #expect(decode([("endpoint", .string("host:4318"))], with: read).errors.count == 1)
        #expect(
            decode(
                [("endpoint", .string("http://x")), ("headers", .tree([("a b", .string("x"))]))], with: read
            ).errors.count == 1)
        #expect(
            decode(
                [("endpoint", .string("http://x")), ("headers", .tree([("a", .string("x\r\nb: c"))]))], with: read
            ).errors.count == 1)
    }

    @Test func readsRetryAfter() {
        // Computed with `date -ud`.
        #expect(RetryAfter.delay("Sun, 06 Nov 1994 08:49:37 GMT", now: 784_111_770) == .seconds(7))
        #expect(RetryAfter.delay("Thu, 29 Feb 2024 00:00:00 GMT", now: 1_709_164_700) == .seconds(100))
        #expect(RetryAfter.delay("Thu, 01 Jan 1970 00:00:00 GMT", now: 5) == .zero)
        #expect(RetryAfter.delay("12", now: 0) == .seconds(12))
        #expect(RetryAfter.delay("99999999999", now: 0) == .seconds(86_400))
        for text in ["", "-", "soon", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 99999999999999 08:49:37 GMT"] {
            #expect(RetryAfter.delay(text, now: 0) == nil)
        }
    }
}
