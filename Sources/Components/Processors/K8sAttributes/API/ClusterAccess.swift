import Collector
import Foundation
import NIOSSL

/// How to reach the API and to prove who asks, as read at one moment: tokens and authorities rotate.
struct ClusterAccess: Sendable, Equatable {
    /// A file's content or a part of a configuration file, in PEM.
    struct ClientCertificate: Sendable, Equatable {
        var chain: [UInt8]
        var key: [UInt8]
    }

    /// Without a slash at its end.
    var server: String
    var authorization: OpaqueString?
    /// In PEM; nil: the system's.
    var authority: [UInt8]?
    var skipsVerification = false
    var serverName: String?
    var clientCertificate: ClientCertificate?

    /// What requests are addressed to: where the certificate is for another name, that name, which the client then
    /// looks up as the server's.
    var requestBase: String {
        guard let serverName, var parts = URLComponents(string: server) else { return server }
        parts.host = serverName
        return parts.string ?? server
    }

    /// Whether another client is needed to go on with other settings.
    func hasSameTransport(as other: ClusterAccess) -> Bool {
        var other = other
        other.authorization = authorization
        return self == other
    }

    func tlsConfiguration() throws -> TLSConfiguration? {
        guard server.hasPrefix("https:") else { return nil }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        do {
            if let authority { tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authority)) }
        } catch {
            throw CollectorError("cannot read the certificate authority of the Kubernetes API: \(error)")
        }
        do {
            if let clientCertificate {
                tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(clientCertificate.chain)
                    .map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: clientCertificate.key, format: .pem))
            }
        } catch {
            throw CollectorError("cannot read the client's certificate for the Kubernetes API: \(error)")
        }
        if skipsVerification { tls.certificateVerification = .none }
        return tls
    }
}

/// Where `ClusterAccess` is read from. Reading blocks.
struct ClusterAccessSource: Sendable {
    static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    var configuration: ClusterAccessConfiguration
    /// Yields the value of an environment variable.
    var environment: @Sendable (String) -> String? = { ProcessInfo.processInfo.environment[$0] }
    var serviceAccountFolder = Self.serviceAccountFolder

    /// - Throws: `CollectorError` that says what is missing.
    func read() throws -> ClusterAccess {
        switch configuration.authentication {
        case .none:
            var access = ClusterAccess(server: try inClusterServer())
            access.skipsVerification = true
            return access
        case .serviceAccount:
            var access = ClusterAccess(server: try inClusterServer())
            let token = try Self.bytes(of: "\(serviceAccountFolder)/token", "service account token")
            access.authorization = OpaqueString("Bearer \(Self.trimmed(token))")
            access.authority = try Self.bytes(of: "\(serviceAccountFolder)/ca.crt", "certificate authority")
            return access
        case .kubeConfig:
            return try KubeConfigFile.read(
                path: configuration.kubeConfigPath, context: configuration.context, environment: environment)
        }
    }

    private func inClusterServer() throws -> String {
        guard let host = environment("KUBERNETES_SERVICE_HOST"), !host.isEmpty,
            let port = environment("KUBERNETES_SERVICE_PORT"), UInt16(port) != nil
        else {
            throw CollectorError(
                "unable to load k8s config, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined; "
                    + "outside of a cluster use auth_type: kubeConfig")
        }
        return host.contains(":") ? "https://[\(host)]:\(port)" : "https://\(host):\(port)"
    }

    /// At most 1 MiB.
    static func bytes(of path: String, _ what: String) throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw CollectorError("cannot read the \(what) \(path)")
        }
        defer { try? file.close() }
        do {
            let data = try file.read(upToCount: 1 << 20) ?? Data()
            guard !data.isEmpty else { throw CollectorError("the \(what) \(path) is empty") }
            return Array(data)
        } catch let error as CollectorError {
            throw error
        } catch {
            throw CollectorError("cannot read the \(what) \(path): \(error)")
        }
    }

    /// A header's value must hold no line ends.
    static func trimmed(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
    }
}
