import Collector
import Foundation
import Yams

/// A file as `kubectl` uses it (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
/// Programs that fetch credentials (`exec`, `auth-provider`) are not run.
struct KubeConfigFile: Decodable {
    struct NamedCluster: Decodable {
        struct Cluster: Decodable {
            var server: String?
            var authorityFile: String?
            var authorityData: String?
            var skipsVerification: Bool?
            var serverName: String?

            enum CodingKeys: String, CodingKey {
                case server
                case authorityFile = "certificate-authority"
                case authorityData = "certificate-authority-data"
                case skipsVerification = "insecure-skip-tls-verify"
                case serverName = "tls-server-name"
            }
        }

        var name: String
        var cluster: Cluster
    }

    struct NamedUser: Decodable {
        struct Anything: Decodable {
            init(from decoder: any Decoder) {}
        }

        struct User: Decodable {
            var token: String?
            var tokenFile: String?
            var username: String?
            var password: String?
            var certificateFile: String?
            var certificateData: String?
            var keyFile: String?
            var keyData: String?
            var exec: Anything?
            var provider: Anything?

            enum CodingKeys: String, CodingKey {
                case token, tokenFile, username, password, exec
                case certificateFile = "client-certificate"
                case certificateData = "client-certificate-data"
                case keyFile = "client-key"
                case keyData = "client-key-data"
                case provider = "auth-provider"
            }
        }

        var name: String
        var user: User?
    }

    struct NamedContext: Decodable {
        struct Context: Decodable {
            var cluster: String
            var user: String?
        }

        var name: String
        var context: Context
    }

    var clusters: [NamedCluster]?
    var users: [NamedUser]?
    var contexts: [NamedContext]?
    var currentContext: String?

    enum CodingKeys: String, CodingKey {
        case clusters, users, contexts
        case currentContext = "current-context"
    }

    /// - Parameters:
    ///   - path: Nil: the first file that `KUBECONFIG` names, else `~/.kube/config`.
    ///   - context: Nil: the file's current one.
    static func read(
        path: String?, context: String?, environment: (String) -> String?
    ) throws -> ClusterAccess {
        let path = path.map { expanded($0, environment) } ?? defaultPath(environment)
        let text = String(decoding: try ClusterAccessSource.bytes(of: path, "kubeconfig"), as: UTF8.self)
        let file: KubeConfigFile
        do {
            file = try YAMLDecoder().decode(KubeConfigFile.self, from: text)
        } catch {
            throw CollectorError("the kubeconfig \(path) cannot be read: it is not of the expected form")
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        do {
            return try file.access(context: context, folder: folder)
        } catch {
            throw CollectorError("error connecting to k8s with auth_type=kubeConfig: \(path): \(error)")
        }
    }

    private static func defaultPath(_ environment: (String) -> String?) -> String {
        let listed = (environment("KUBECONFIG") ?? "").split(separator: ":").map(String.init)
        if let first = listed.first(where: { FileManager.default.fileExists(atPath: $0) }) ?? listed.first {
            return first
        }
        return expanded("~/.kube/config", environment)
    }

    private static func expanded(_ path: String, _ environment: (String) -> String?) -> String {
        path.hasPrefix("~/") ? (environment("HOME") ?? "/root") + path.dropFirst() : path
    }

    private func access(context wanted: String?, folder: String) throws -> ClusterAccess {
        guard let name = wanted ?? currentContext, !name.isEmpty else {
            throw CollectorError("no context is given, and there is no current-context")
        }
        guard let context = contexts?.first(where: { $0.name == name })?.context else {
            throw CollectorError("context \"\(name)\" does not exist")
        }
        guard let cluster = clusters?.first(where: { $0.name == context.cluster })?.cluster else {
            throw CollectorError("cluster \"\(context.cluster)\" does not exist")
        }
        var server = cluster.server ?? ""
        while server.hasSuffix("/") { server.removeLast() }
        guard server.hasPrefix("https://") || server.hasPrefix("http://") else {
            throw CollectorError("cluster \"\(context.cluster)\" has no server that begins with https:// or http://")
        }
        var access = ClusterAccess(server: server)
        access.skipsVerification = cluster.skipsVerification ?? false
        access.serverName = cluster.serverName
        access.authority = try Self.content(
            cluster.authorityFile, cluster.authorityData, folder, "certificate authority")
        guard let userName = context.user, !userName.isEmpty else { return access }
        guard let named = users?.first(where: { $0.name == userName }) else {
            throw CollectorError("user \"\(userName)\" does not exist")
        }
        guard let user = named.user else { return access }
        try Self.add(user, named: userName, folder: folder, to: &access)
        return access
    }

    private static func add(
        _ user: NamedUser.User, named name: String, folder: String, to access: inout ClusterAccess
    ) throws {
        let chain = try content(user.certificateFile, user.certificateData, folder, "client certificate")
        let key = try content(user.keyFile, user.keyData, folder, "client key")
        if let chain, let key {
            access.clientCertificate = ClusterAccess.ClientCertificate(chain: chain, key: key)
        } else if chain != nil || key != nil {
            throw CollectorError("user \"\(name)\" has a client certificate or key without the other")
        }
        if let file = user.tokenFile, !file.isEmpty {
            let bytes = try ClusterAccessSource.bytes(of: absolute(file, folder), "token")
            access.authorization = OpaqueString("Bearer \(ClusterAccessSource.trimmed(bytes))")
        } else if let token = user.token, !token.isEmpty {
            access.authorization = OpaqueString("Bearer \(ClusterAccessSource.trimmed(Array(token.utf8)))")
        } else if let username = user.username, !username.isEmpty {
            let pair = Data("\(username):\(user.password ?? "")".utf8).base64EncodedString()
            access.authorization = OpaqueString("Basic \(pair)")
        } else if access.clientCertificate == nil, user.exec != nil || user.provider != nil {
            throw CollectorError(
                "user \"\(name)\" gets its credentials from a program (exec, auth-provider), which is not supported; "
                    + "use a token, a client certificate or a service account")
        }
    }

    /// Data in base64 goes before a file.
    private static func content(
        _ file: String?, _ data: String?, _ folder: String, _ what: String
    ) throws -> [UInt8]? {
        if let data, !data.isEmpty {
            guard let bytes = Data(base64Encoded: data, options: .ignoreUnknownCharacters) else {
                throw CollectorError("the \(what)'s data is not base64")
            }
            return Array(bytes)
        }
        guard let file, !file.isEmpty else { return nil }
        return try ClusterAccessSource.bytes(of: absolute(file, folder), what)
    }

    /// Paths are relative to the file's own folder.
    private static func absolute(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
}
