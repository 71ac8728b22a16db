import Collector
import ElasticsearchDouble
import ExporterSupport
import ExporterTestSupport
import HTTPClientSupport
import Testing

@testable import ElasticsearchExporter

/// What takes part in requests besides the exporter: extensions, cookies, TLS under another name.
@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct ConnectionTests {
    /// Signs with a key, and marks requests.
    struct HostWithExtensions: Collector.Host {
        struct Signer: ClientAuthenticator {
            func requestHeaders() async throws -> [(name: String, value: String)] {
                [("Authorization", "ApiKey from extension")]
            }
        }
        struct Marker: HTTPClientMiddleware {
            var mark: String
            func prepare(
                method: String, url: String, headers: inout [(name: String, value: String)]
            ) async throws {
                headers.append(("X-Mark", "\(mark) \(method) \(url.hasSuffix("reason"))"))
                headers.removeAll { $0.name == "X-Elastic-Event-Count" }
            }
        }

        func report(_ status: ComponentStatus) {}
        func runningExtension(_ id: ComponentID) -> (any Extension)? { extensions[id] }
        var extensions: [ComponentID: any Extension] {
            [ComponentID(type: "signer"): Signer(), ComponentID(type: "marker"): Marker(mark: "seen")]
        }
    }

    @Test func extensionsTakePart() async throws {
        let double = try await ElasticsearchDouble(["--api-key", "from extension"])
        let running = try await RunningExporter(double, .logs, host: HostWithExtensions()) {
            $0.apiKey = OpaqueString("of the configuration")
            $0.client.authentication = ClientAuthentication(authenticator: ComponentID(type: "signer"))
            $0.client.middlewares = [ComponentID(type: "marker")]
        }
        try await running.exporter.consume(logs(0..<2))
        try await running.exporter.shutdown()
        let request = try #require(try await double.requests().first)
        #expect(request.headers["x-mark"] == "seen POST true")
        #expect(request.headers["x-elastic-event-count"] == nil)
        #expect(try await double.logBodies() == [0, 1])
    }

    @Test func extensionsThatAreMissing() async throws {
        let double = try await ElasticsearchDouble()
        await expect("authenticator \"gone\"") {
            _ = try await RunningExporter(double, .logs, host: HostWithExtensions()) {
                $0.client.authentication = ClientAuthentication(authenticator: ComponentID(type: "gone"))
            }
        }
        await expect("middleware \"gone\"") {
            _ = try await RunningExporter(double, .logs, host: HostWithExtensions()) {
                $0.client.middlewares = [ComponentID(type: "gone")]
            }
        }
        await expect("\"signer\" is not an HTTP client middleware") {
            _ = try await RunningExporter(double, .logs, host: HostWithExtensions()) {
                $0.client.middlewares = [ComponentID(type: "signer")]
            }
        }
    }

    private func expect(_ text: String, _ start: () async throws -> Void) async {
        do {
            try await start()
            Issue.record("started although \(text) is wrong")
        } catch {
            #expect("\(error)".contains(text), "\(error)")
        }
    }

    @Test(arguments: [true, false])
    func cookiesComeBack(keeps: Bool) async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(
            """
            [{"set_cookie": ["node=a; Path=/; HttpOnly", "other=1; Path=/elsewhere", "x=y; Domain=example.org"]}, {},
             {"set_cookie": ["node=; Max-Age=0"]}]
            """)
        let running = try await RunningExporter(double, .logs) { $0.client.keepsCookies = keeps }
        for number in 0..<4 { try await running.exporter.consume(logs(number..<number + 1)) }
        try await running.exporter.shutdown()
        let cookies = try await double.requests().map { $0.headers["cookie"] }
        #expect(cookies == (keeps ? [nil, "node=a", "node=a", nil] : [nil, nil, nil, nil]))
    }

    /// The certificate is for `localhost`, and the endpoint is an address.
    @Test(.enabled(if: try TestAuthority.isAvailable()))
    func tlsUnderAnotherName() async throws {
        let authority = try await TestAuthority()
        let double = try await ElasticsearchDouble(["--certificate", authority.certificate, "--key", authority.key])
        for name in [nil, "localhost"] {
            let running = try await RunningExporter(double, .logs) {
                $0.endpoints = [try HTTPEndpoint(parsing: "https://127.0.0.1:\(double.port)")]
                $0.client.tls.certificateAuthority = .file(authority.authority)
                $0.client.tls.serverName = name
                $0.retry.isEnabled = false
            }
            if name == nil {
                await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<1)) }
            } else {
                try await running.exporter.consume(logs(1..<2))
            }
            try await running.exporter.shutdown()
            #expect(running.count("otelcol_exporter_sent_log_records") == (name == nil ? 0 : 1))
        }
    }
}
