import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import Testing

@testable import BasicAuthExtension

struct BasicAuthTests {
    let log = LogRecorder()

    func server(_ users: BasicAuthConfiguration.Users) async throws -> BasicAuthServer {
        let server = BasicAuthServer(users, logger: log.logger, pollInterval: .milliseconds(10))
        try await server.start(host: EmptyHost())
        return server
    }

    func accepts(_ server: BasicAuthServer, _ value: String?) async -> Bool {
        do {
            let known = try await server.authenticate(headers: value.map { ["authorization": [$0]] } ?? [:])
            #expect(known["username"] != nil)
            return true
        } catch {
            #expect(error is AuthenticationFailure)
            #expect(!"\(error)".contains("s3cret"))
            return false
        }
    }

    static func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }

    /// Published vectors: crypt_blowfish's and RFC-like examples of Apache's manual, and openssl's.
    @Test(
        arguments: [
            // crypt_blowfish 1.3, wrapper.c.
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true),
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*V", false),
            ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*", true),
            // Apache's manual, "Password Formats": htpasswd of "myPassword".
            ("$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", "myPassword", true),
            ("$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "myPassword", true),
            ("{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "myPassword", true),
            ("$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "mypassword", false),
            ("{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "", false),
            ("s3cret", "s3cret", true), ("s3cret", "s3cre", false), ("$9$what", "$9$what", false),
            ("{SSHA}short", "", false),
        ])
    func knowsTheHashesOfHtpasswd(hash: String, password: String, expected: Bool) {
        #expect(PasswordFile("user:\(hash)").accepts(user: "user", password: password) == expected)
    }

    /// Hashes that openssl makes, of passwords of all lengths around its blocks.
    @Test(.enabled(if: try Live.has(.tool("openssl"))), arguments: ["-apr1", "-1", "-5", "-6"])
    func agreesWithOpenSSL(kind: String) async throws {
        for password in ["a", "0123456789abcde", "0123456789abcdef", "päss wörd", String(repeating: "x", count: 77)] {
            let hash = try await Command.run(["openssl", "passwd", kind, "-salt", "saltsalt", password])
            let file = PasswordFile("u:\(hash)")
            #expect(file.accepts(user: "u", password: password), "\(hash)")
            #expect(!file.accepts(user: "u", password: password + "x"))
        }
    }

    @Test(
        arguments: [
            (basic("user:s3cret"), true), (basic("user:wrong"), false), (basic("nobody:s3cret"), false),
            (basic("user"), false), ("Basic !!!", false), ("Bearer s3cret", false), ("", false), (nil, false),
            ("basic " + Data("user:s3cret".utf8).base64EncodedString(), true), (basic("two:a:b"), true),
        ] as [(String?, Bool)])
    func letsItsUsersIn(value: String?, expected: Bool) async throws {
        let server = try await server(.init(file: nil, inline: OpaqueString("user:s3cret\n# a comment\ntwo:a:b\n")))
        #expect(await accepts(server, value) == expected)
        // Once more: the answer is remembered.
        #expect(await accepts(server, value) == expected)
        #expect(server.challenge.hasPrefix("Basic realm="))
        try await server.shutdown()
    }

    /// Inline lines win; a file that changes counts, one that is spoiled does not.
    @Test func followsItsFile() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "htpasswd")
        func write(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        }
        try write("first:1\nboth:file\n")
        let server = try await server(.init(file: path, inline: OpaqueString("both:inline")))
        #expect(await accepts(server, Self.basic("first:1")))
        #expect(await accepts(server, Self.basic("both:inline")))
        #expect(await !accepts(server, Self.basic("both:file")))
        try write("second:2\n")
        while await accepts(server, Self.basic("first:1")) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(await accepts(server, Self.basic("second:2")))
        try FileManager.default.removeItem(atPath: path)
        while !log.messages.contains(where: { $0.hasPrefix("Cannot read the credentials") }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(await accepts(server, Self.basic("second:2")))
        try await server.shutdown()
        let missing = BasicAuthServer(.init(file: "/nowhere/users"), logger: log.logger)
        let error = await #expect(throws: CollectorError.self) { try await missing.start(host: EmptyHost()) }
        #expect(error?.message.contains("/nowhere/users") == true)
    }

    @Test func clientsShowThemselves() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "password")
        try Data("from file\n".utf8).write(to: URL(fileURLWithPath: path))
        // RFC 7617, section 2.
        let plain = BasicAuthClient(
            .init(username: "Aladdin", password: OpaqueString("open sesame")), logger: log.logger)
        try await plain.start(host: EmptyHost())
        #expect(try await plain.requestHeaders().map(\.value) == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])
        let watched = BasicAuthClient(
            .init(username: "u", password: OpaqueString("unused"), passwordFile: path), logger: log.logger,
            pollInterval: .milliseconds(10))
        try await watched.start(host: EmptyHost())
        #expect(try await watched.requestHeaders().map(\.value) == [Self.basic("u:from file")])
        try Data("changed".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        while try await watched.requestHeaders().map(\.value) != [Self.basic("u:changed")] {
            try await Task.sleep(for: .milliseconds(5))
        }
        try await watched.shutdown()
    }

    @Test(
        arguments: [
            ([("htpasswd", .tree([("inline", .string("a:b"))]))], []),
            ([("htpasswd", .tree([("file", .string("/f"))]))], []),
            ([("htpasswd", .tree([("inline", .string("a:b\nnonsense"))]))], ["line 2 is not user:hash"]),
            ([("htpasswd", .tree([]))], ["no credential source"]), ([], ["must be specified"]),
            ([("client_auth", .tree([("username", .string("u")), ("password", .string("p"))]))], []),
            ([("client_auth", .tree([("username_file", .string("u")), ("password_file", .string("p"))]))], []),
            ([("client_auth", .tree([("username", .string("u"))]))], ["no password provided"]),
            ([("client_auth", .tree([("username", .string("u:v")), ("password", .string("p"))]))], ["colon"]),
            (
                [
                    ("htpasswd", .tree([("inline", .string("a:b"))])),
                    ("client_auth", .tree([("username", .string("u")), ("password", .string("p"))])),
                ], ["only one of"]
            ),
        ] as [([(String, ConfigurationNode.Value)], [String])])
    func readsItsKeys(keys: [(String, ConfigurationNode.Value)], messages: [String]) {
        let (_, errors, _) = decode(keys, with: BasicAuthFactory().decode)
        #expect(errors.count == messages.count, "\(errors)")
        for (error, message) in zip(errors, messages) { #expect(error.contains(message)) }
    }
}
