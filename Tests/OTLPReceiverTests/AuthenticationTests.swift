import Collector
import ExporterTestSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import OTLPReceiver

/// Knows one token; for both sides.
struct TokenAuthenticator: ClientAuthenticator, ServerAuthenticator {
    var token = "right"
    let challenge = "Test"

    func requestHeaders() async throws -> [(name: String, value: String)] { [("X-Token", token)] }

    func authenticate(headers: [String: [String]]) async throws -> [String: String] {
        guard headers["x-token"] == [token] else { throw AuthenticationFailure("wrong or no token") }
        return ["subject": "somebody"]
    }
}

struct HostWithAuthenticator: Collector.Host {
    let id = ComponentID(type: "token")
    func report(_ status: ComponentStatus) {}
    func runningExtension(_ id: ComponentID) -> (any Extension)? { extensions[id] }
    var extensions: [ComponentID: any Extension] { [id: TokenAuthenticator()] }
}

struct OTLPReceiverAuthenticationTests {
    func configuration(_ type: String) -> OTLPReceiverConfiguration {
        var configuration = ReceiverUnderTest.everything
        configuration.grpc?.authenticator = ComponentID(type: type)
        configuration.http?.server.authenticator = ComponentID(type: type)
        return configuration
    }

    @Test func takesOnlyWhatItKnows() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let receiver = try await ReceiverUnderTest(configuration("token"), host: HostWithAuthenticator())
        func code(_ way: [String], _ header: String?) async throws -> String {
            try await PythonPeer.send(
                ExampleTelemetry.logs(), signal: "logs", way + (header.map { ["--header", $0] } ?? [])).code
        }
        #expect(try await code(receiver.grpc, "X-Token=right") == "OK")
        #expect(try await code(receiver.http, "X-Token=right") == "200")
        for header in ["X-Token=wrong", nil] {
            #expect(try await code(receiver.grpc, header) == "UNAUTHENTICATED")
            #expect(try await code(receiver.http, header) == "401")
        }
        try await receiver.shutdown()
        #expect(receiver.sink.deliveries.map { $0.context?.authentication["subject"] } == ["somebody", "somebody"])
    }

    @Test func namesAnAuthenticatorThatDoesNotRun() async {
        let error = await #expect(throws: CollectorError.self) {
            _ = try await ReceiverUnderTest(configuration("other"), host: HostWithAuthenticator())
        }
        #expect(error?.message.hasPrefix("failed to resolve authenticator \"other\": authenticator not found") == true)
    }
}
