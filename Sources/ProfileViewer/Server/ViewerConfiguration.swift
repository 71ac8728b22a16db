/// Where the viewer listens.
public struct ViewerConfiguration: Sendable, Equatable {
    /// Host name or address to bind; `localhost` means the IPv4 loopback address.
    public var host: String
    /// 0 lets the system choose.
    public var port: Int
    /// Further names under which browsers may reach the viewer, for example behind a proxy.
    ///
    /// Addresses, `localhost` and `host` itself are always allowed. Other names are refused, because a foreign page
    /// could make its own name resolve to this machine and read the profiles.
    public var allowedHosts: [String]

    public static let defaultPort = 7373

    public init(host: String = "localhost", port: Int = ViewerConfiguration.defaultPort, allowedHosts: [String] = []) {
        self.host = host
        self.port = port
        self.allowedHosts = allowedHosts
    }

    /// Parses `host:port`, `[address]:port`, or `:port`, which means all addresses.
    /// - Returns: nil for anything else.
    public init?(endpoint: String, allowedHosts: [String] = []) {
        guard let colon = endpoint.lastIndex(of: ":"), let port = UInt16(endpoint[endpoint.index(after: colon)...])
        else { return nil }
        var host = String(endpoint[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(where: { ":[]/ ".contains($0) }) {
            return nil
        }
        self.init(host: host.isEmpty ? "0.0.0.0" : host, port: Int(port), allowedHosts: allowedHosts)
    }

    /// For messages and links.
    public var endpoint: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Which `Host` headers are answered.
struct HostPolicy: Sendable {
    private let names: Set<String>

    init(_ configuration: ViewerConfiguration) {
        names = Set((configuration.allowedHosts + [configuration.host, "localhost"]).map { $0.lowercased() })
    }

    /// - Parameter authority: a `Host` header: name or address, and mostly a port.
    func allows(_ authority: String?) -> Bool {
        guard let authority, !authority.isEmpty else { return false }
        if authority.hasPrefix("[") {
            // An address in brackets cannot be made to mean another machine.
            guard let end = authority.firstIndex(of: "]") else { return false }
            let rest = authority[authority.index(after: end)...]
            return authority[authority.index(after: authority.startIndex)..<end]
                .allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." } && Self.isPort(rest)
        }
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 1 || Self.isPort(":" + parts[1]) else { return false }
        let name = parts[0].lowercased()
        return names.contains(name) || name.hasSuffix(".localhost") || Self.isIPv4Address(name)
    }

    private static func isPort(_ text: some StringProtocol) -> Bool {
        text.isEmpty || (text.first == ":" && UInt16(text.dropFirst()) != nil)
    }

    private static func isIPv4Address(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
