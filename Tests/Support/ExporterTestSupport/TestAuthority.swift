import Foundation
import LiveSupport

/// A certificate authority and a server's certificate signed by it for the name `localhost`, made by openssl.
public struct TestAuthority: Sendable {
    private let folder: TemporaryFolder
    /// Paths of PEM files.
    public var authority: String { folder.path(of: "authority.pem") }
    public var certificate: String { folder.path(of: "server.pem") }
    public var key: String { folder.path(of: "server.key") }
    /// Of a client, signed by the same authority.
    public var clientCertificate: String { folder.path(of: "client.pem") }
    public var clientKey: String { folder.path(of: "client.key") }

    /// False, with a printed reason, if openssl is not there.
    public static func isAvailable() throws -> Bool { try Live.has(.tool("openssl")) }

    public init() async throws {
        folder = try TemporaryFolder()
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"]
        let (authorityKey, request) = (folder.path(of: "authority.key"), folder.path(of: "server.csr"))
        let names = folder.path(of: "names.cnf")
        try Data("subjectAltName=DNS:localhost\n".utf8).write(to: URL(fileURLWithPath: names))
        try await Command.run(
            ["openssl", "req", "-x509"] + newKey
                + [authorityKey, "-out", authority, "-days", "2", "-subj", "/CN=Test authority"])
        try await Command.run(
            ["openssl", "req", "-new"] + newKey + [key, "-out", request, "-subj", "/CN=localhost"])
        try await Command.run([
            "openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authorityKey, "-set_serial", "2",
            "-days", "2", "-extfile", names, "-out", certificate,
        ])
        let clientRequest = folder.path(of: "client.csr")
        try await Command.run(
            ["openssl", "req", "-new"] + newKey + [clientKey, "-out", clientRequest, "-subj", "/CN=A client"])
        try await Command.run([
            "openssl", "x509", "-req", "-in", clientRequest, "-CA", authority, "-CAkey", authorityKey, "-set_serial",
            "3",
            "-days", "2", "-out", clientCertificate,
        ])
    }
}
