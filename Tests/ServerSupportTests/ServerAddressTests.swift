import Collector
import ExporterTestSupport
import Testing

@testable import ServerSupport

struct ServerAddressTests {
    @Test(
        arguments: [
            ("localhost:4317", .tcp(host: "localhost", port: 4317)), (":1", .tcp(host: "", port: 1)),
            ("[::1]:2", .tcp(host: "::1", port: 2)), ("0.0.0.0:0", .tcp(host: "0.0.0.0", port: 0)),
            ("host", nil), ("host:", nil), ("host:x", nil), ("::1:2", nil), ("host:65536", nil), ("", nil),
        ] as [(String, ServerAddress?)])
    func readsAddresses(text: String, expected: ServerAddress?) {
        #expect(ServerAddress.parse(text) == expected)
    }

    /// Whoever connects to 127.0.0.1 finds what listens on localhost.
    @Test func localhostIsIPv4() async throws {
        let address = try await ServerAddress.tcp(host: "localhost", port: 80).resolved()
        #expect(address.ipAddress == "127.0.0.1")
        #expect(address.port == 80)
    }

    @Test func namesAHostWithoutAddress() async {
        let error = await #expect(throws: CollectorError.self) {
            try await ServerAddress.tcp(host: "nowhere.invalid", port: 1).resolved()
        }
        #expect(error?.message.hasPrefix("nowhere.invalid has no address") == true)
        await #expect(throws: CollectorError.self) {
            try await ServerAddress.tcp(host: "127.0.0.1", port: 1, family: .ipv6).resolved()
        }
    }

    @Test(arguments: [
        ("localhost:1", false), ("0.0.0.0:1", true), (":1", true), ("[::]:1", true), ("10.0.0.1:1", false),
    ])
    func knowsAllAddresses(text: String, isUnspecified: Bool) {
        #expect(ServerAddress.parse(text)?.isUnspecified == isUnspecified)
    }

    @Test func readsSocketPaths() {
        let (address, errors, _) = decode(
            [("endpoint", .string("unix:///run/x.sock")), ("transport", .string("unix"))]
        ) { ServerAddress($0, default: .tcp(host: "localhost", port: 1)) }
        #expect(errors.isEmpty)
        #expect(address == .unixSocket(path: "/run/x.sock"))
    }
}

struct HTTPRequestTests {
    @Test(
        arguments: [
            ("a=1&b=two%20words&a=3", "a", "1"), ("a=1&b=two%20words", "b", "two words"), ("a=x+y", "a", "x y"),
            ("a", "a", ""), ("", "a", nil), ("ab=1", "a", nil), ("a=%zz", "a", "%zz"), ("a=%", "a", "%"),
        ] as [(String, String, String?)])
    func findsQueryValues(query: String, name: String, expected: String?) {
        let request = HTTPRequest(
            method: .GET, path: "/", query: query, headers: [:], body: [], context: RequestContext())
        #expect(request.queryValue(name) == expected)
    }

    @Test(arguments: [
        ("application/json", "application/json"), ("Application/JSON; charset=utf-8", "application/json"),
        (" application/json ;x", "application/json"), ("", ""), (";", ""),
    ])
    func readsMediaTypes(header: String, expected: String) {
        let request = HTTPRequest(
            method: .GET, path: "/", query: "", headers: ["Content-Type": header], body: [], context: RequestContext())
        #expect(request.mediaType == expected)
    }
}
