import Collector

/// Where a gRPC client connects to.
enum GRPCEndpoint: Sendable, Equatable {
    case name(host: String, port: Int)
    case ipv4(String, port: Int)
    case ipv6(String, port: Int)
    case unixSocket(path: String)

    struct InvalidEndpoint: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// Reads `host:port`, `[IPv6]:port`, `dns:///host:port` or `unix:///path`. The schemes `http://` and `https://` are
    /// dropped and mean nothing: whether TLS is used is decided by `tls` alone.
    init(parsing text: String) throws(InvalidEndpoint) {
        guard !text.isEmpty else { throw InvalidEndpoint(description: "requires a non-empty \"endpoint\"") }
        for prefix in ["unix://", "unix:"] where text.hasPrefix(prefix) {
            let path = String(text.dropFirst(prefix.count))
            guard !path.isEmpty else { throw InvalidEndpoint(description: "\"\(text)\" has no path of a socket") }
            self = .unixSocket(path: path)
            return
        }
        var rest = Substring(text)
        for scheme in ["http://", "https://", "dns:///", "dns:"] where rest.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            break
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = Int(rest[rest.index(after: colon)...]),
            (1...65_535).contains(port)
        else {
            throw InvalidEndpoint(
                description: "\"\(text)\" must end in a port number between 1 and 65535, for example \(rest):4317")
        }
        var host = String(rest[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            self = .ipv6(host, port: port)
            return
        }
        guard !host.isEmpty, !host.contains("/"), !host.contains(":") else {
            throw InvalidEndpoint(description: "\"\(text)\" must have the form host:port")
        }
        self = Self.isAddress(host) ? .ipv4(host, port: port) : .name(host: host, port: port)
    }

    /// The host by name or address; the host of a socket in the file system is this one.
    var host: String {
        switch self {
        case .name(let host, _), .ipv4(let host, _), .ipv6(let host, _): host
        case .unixSocket: "localhost"
        }
    }

    /// Whether a host is an address of IPv4 or IPv6 and no name.
    static func isAddress(_ host: String) -> Bool {
        if host.contains(":") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
