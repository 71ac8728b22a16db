import HTTPClientSupport
import Logging

/// Asks a cluster for its nodes, so that requests go to all that take documents.
struct Discoverer: Sendable {
    let cluster: ClusterClient
    let seeds: [HTTPEndpoint]
    let logger: Logger

    /// Nodes that only manage the cluster are left out. If the cluster names none, those known so far stay.
    func discover() async {
        do {
            let answer = try await cluster.request(.GET, "/_nodes/http", maximumAnswerBytes: 16 << 20)
            guard answer.isSuccess else {
                logger.warning("Nodes cannot be discovered", metadata: ["status": "\(answer.status)"])
                return
            }
            let addresses = try Self.addresses(parsing: answer.body)
            let endpoints = addresses.compactMap { endpoint(address: $0) }
            cluster.nodes.replace(with: endpoints)
            logger.debug("Nodes discovered", metadata: ["count": "\(endpoints.count)"])
        } catch {
            logger.warning("Nodes cannot be discovered", metadata: ["error": "\(error)"])
        }
    }

    /// Scheme, path and credentials are those of the first configured endpoint.
    private func endpoint(address: String) -> HTTPEndpoint? {
        guard let seed = seeds.first else { return nil }
        // `name/ip:port` where the node has a name.
        let parts = address.split(separator: "/", maxSplits: 1)
        var place = String(parts.last ?? "")
        if parts.count == 2, let port = place.split(separator: ":").last { place = "\(parts[0]):\(port)" }
        let scheme = seed.isEncrypted ? "https" : "http"
        let path = seed.url.dropFirst(scheme.count + 3).drop { $0 != "/" }
        guard var endpoint = try? HTTPEndpoint(parsing: "\(scheme)://\(place)\(path)") else { return nil }
        endpoint.userInformation = seed.userInformation
        endpoint.query = seed.query
        return endpoint
    }

    static func addresses(parsing body: [UInt8]) throws -> [String] {
        var reader = JSONReader(body)
        var addresses: [String] = []
        try reader.object { reader, key in
            guard key == "nodes" else { return try reader.skip() }
            try reader.objectOrSkip { reader, _ in
                var roles: [String] = []
                var address: String?
                try reader.objectOrSkip { reader, key in
                    switch key {
                    case "roles": try reader.arrayOrSkip { roles.append(try $0.optionalString() ?? "") }
                    case "http":
                        try reader.objectOrSkip { reader, key in
                            if key == "publish_address" {
                                address = try reader.optionalString()
                            } else {
                                try reader.skip()
                            }
                        }
                    default: try reader.skip()
                    }
                }
                if let address, roles != ["master"] { addresses.append(address) }
            }
        }
        return addresses.sorted()
    }
}
