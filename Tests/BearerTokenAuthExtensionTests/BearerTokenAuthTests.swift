import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import Testing

@testable import BearerTokenAuthExtension

struct BearerTokenAuthTests {
    let log = LogRecorder()

    func made(_ change: (inout BearerTokenAuthFactory.Configuration) -> Void) -> BearerTokenAuth {
        var configuration = BearerTokenAuthFactory.Configuration()
        change(&configuration)
        return BearerTokenAuth(configuration, logger: log.logger, pollInterval: .milliseconds(10))
    }

    func accepts(_ auth: BearerTokenAuth, _ value: String?, field: String = "authorization") async -> Bool {
        do {
            _ = try await auth.authenticate(headers: value.map { [field: [$0]] } ?? [:])
            return true
        } catch {
            #expect(error is AuthenticationFailure)
            #expect(!"\(error)".contains("s3cret"))
            return false
        }
    }

    @Test(
        arguments: [
            ("Bearer s3cret", true), ("bearer s3cret", false), ("Bearer s3cre", false), ("Bearer s3crets", false),
            ("s3cret", false), ("", false), (nil, false), ("Bearer other", true),
        ] as [(String?, Bool)])
    func knowsItsTokens(value: String?, expected: Bool) async {
        let auth = made { $0.tokens = [OpaqueString("s3cret"), OpaqueString("other")] }
        #expect(await accepts(auth, value) == expected)
    }

    @Test func usesSchemeAndHeader() async throws {
        let auth = made {
            $0.tokens = [OpaqueString("abc")]
            $0.scheme = "ApiKey"
            $0.header = "X-Token"
        }
        let headers = try await auth.requestHeaders()
        #expect(headers.map(\.name) == ["X-Token"] && headers.map(\.value) == ["ApiKey abc"])
        #expect(await accepts(auth, "ApiKey abc", field: "x-token"))
        #expect(auth.challenge == "ApiKey")
        let bare = made {
            $0.tokens = [OpaqueString("abc")]
            $0.scheme = ""
        }
        #expect(try await bare.requestHeaders().map(\.value) == ["abc"])
    }

    /// Files change while the Collector runs; one that cannot be read leaves the old token in use.
    @Test func followsItsFile() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "token")
        func write(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        }
        try write("first\n")
        let auth = made {
            $0.tokens = [OpaqueString("ignored")]
            $0.file = path
        }
        try await auth.start(host: EmptyHost())
        #expect(try await auth.requestHeaders().map(\.value) == ["Bearer first"])
        try write("second\r\nthird\n\n")
        while try await auth.requestHeaders().map(\.value) != ["Bearer second"] {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(await accepts(auth, "Bearer third"))
        #expect(await !accepts(auth, "Bearer first"))
        try write("\n")
        while log.messages.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try await auth.requestHeaders().map(\.value) == ["Bearer second"])
        try await auth.shutdown()
    }

    @Test func doesNotStartWithoutItsFile() async {
        let auth = made { $0.file = "/nowhere/token" }
        let error = await #expect(throws: CollectorError.self) { try await auth.start(host: EmptyHost()) }
        #expect(error?.message.contains("/nowhere/token") == true)
    }

    @Test(
        arguments: [
            ([("token", .string("a"))], []), ([("filename", .string("/f")), ("token", .string("a"))], []),
            ([("tokens", .list([.init(.string("a"))])), ("header", .string("X"))], []),
            ([], ["no bearer token provided"]), ([("token", .string(""))], ["no bearer token provided"]),
            ([("token", .string("a")), ("tokens", .list([.init(.string("b"))]))], ["not both"]),
        ] as [([(String, ConfigurationNode.Value)], [String])])
    func readsItsKeys(keys: [(String, ConfigurationNode.Value)], messages: [String]) {
        let (configuration, errors, _) = decode(keys, with: BearerTokenAuthFactory().decode)
        #expect(errors.count == messages.count)
        for (error, message) in zip(errors, messages) { #expect(error.contains(message)) }
        #expect(!"\(configuration)".contains("\"a\""))
    }
}
