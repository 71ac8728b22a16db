import Collector
import ExporterTestSupport
import NIOCore
import OTLPTestSupport
import Testing

@testable import HTTPClientSupport

struct HTTPProxyTests {
    func proxy(_ url: String, configured: String = "", _ variables: [String: String] = [:]) throws -> String? {
        let endpoint = try HTTPEndpoint(parsing: url)
        return try HTTPProxy.proxy(for: endpoint, configured: configured) { variables[$0] }
            .map { "\($0.kind) \($0.host):\($0.port) \($0.basicCredentials ?? "")" }
    }

    @Test func whichProxy() throws {
        #expect(try proxy("http://es") == nil)
        #expect(try proxy("http://es", configured: "http://u:p@proxy:3128") == "http proxy:3128 dTpw")
        #expect(try proxy("http://es", configured: "http://[::1]:3128/") == "http ::1:3128 ")
        #expect(try proxy("http://es", configured: "socks5://proxy") == "socks proxy:1080 ")
        #expect(try proxy("http://es", configured: "socks5h://proxy:80") == "socks proxy:80 ")
        // What is configured counts for this machine's own names too.
        #expect(try proxy("http://localhost", configured: "p", ["NO_PROXY": "*"]) == "http p:80 ")
        let variables = ["HTTPS_PROXY": "proxy:8080", "http_proxy": "http://plain", "HTTP_PROXY": ""]
        #expect(try proxy("https://es", variables) == "http proxy:8080 ")
        #expect(try proxy("http://es", variables) == "http plain:80 ")
    }

    @Test(
        arguments: [
            "http://localhost:9200", "http://127.0.0.1", "http://127.9.9.9", "http://[::1]:1", "http://a.local",
            "http://x.org", "http://a.x.org", "http://A.X.ORG", "http://a.y.org", "http://p.org:8080", "http://10.1.2.3",
            "http://[2001:db8:1::5]", "http://192.168.0.9:99", "http://[2001:db8::9]", "http://[fe80::1]:81",
        ])
    func direct(url: String) throws { #expect(try proxy(url, exceptions) == nil) }

    @Test(
        arguments: [
            "http://y.org", "http://ax.org", "http://local", "http://127.example.org", "http://p.org", "http://p.org:80",
            "http://11.1.2.3", "http://[2001:db8:2::5]", "http://192.168.0.9", "http://[2001:db8::8]", "http://[fe80::1]",
        ])
    func throughTheProxy(url: String) throws { #expect(try proxy(url, exceptions) == "http p:80 ") }

    var exceptions: [String: String] {
        [
            "HTTP_PROXY": "p",
            "no_proxy":
                "*.local,x.org, .y.org,p.org:8080,10.0.0.0/8,2001:db8:1::/48,192.168.0.9:99,2001:db8::9,,[fe80::1]:81,:5",
        ]
    }

    @Test func everythingDirect() throws {
        #expect(try proxy("http://y.org", ["HTTP_PROXY": "p", "NO_PROXY": " * "]) == nil)
    }

    @Test(
        arguments: [
            ("https://p", "must be a URL"), ("http://", "names a host"), ("http://p:99999", "invalid port"),
            ("socks5://u:p@p", "http:// proxies only"), ("ftp://p", "must be a URL"),
        ])
    func mistakes(text: String, message: String) throws {
        for (configured, variables, name) in [
            (text, [:], "proxy_url: "), ("", ["HTTP_PROXY": text], "environment variable HTTP_PROXY: "),
        ] {
            let error = try #require(throws: CollectorError.self) {
                _ = try proxy("http://es", configured: configured, variables)
            }
            #expect(error.message.hasPrefix(name) && error.message.contains(message), "\(error.message)")
            #expect(!error.message.contains("u:p"))
        }
    }

    /// The way that a request takes when the environment names a proxy: a name that only the proxy knows.
    @Test func theEnvironmentCounts() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let (peer, proxy) = (try await PythonPeer(), try await ForwardProxy())
        let log = LogRecorder()
        let address = "http://me:secret@127.0.0.1:\(proxy.port)"
        let clients = HTTPClients(
            HTTPClientConfiguration(), build: log.context().build, logger: log.logger,
            environment: { $0 == "HTTP_PROXY" ? address : nil })
        let endpoint = try HTTPEndpoint(parsing: "http://collector.test:\(peer.httpPort)/somewhere")
        try clients.start(host: EmptyHost(), endpoints: [endpoint])
        let response = try await clients.execute(
            .POST, endpoint, target: "/somewhere?a=b", headers: [], body: ByteBuffer(string: "x"), timeout: .seconds(60))
        #expect(response.status.code == 404)
        _ = try await response.body.collect(upTo: 1 << 20)
        let request = try await proxy.nextRequest()
        #expect(request.method == "CONNECT" && request.target == "collector.test:\(peer.httpPort)")
        #expect(request.authorization == "Basic bWU6c2VjcmV0")
        #expect(try await peer.nextEvent().path == "/somewhere?a=b")
        await clients.shutdown()
    }
}
