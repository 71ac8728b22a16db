import Collector
import ExporterSupport
import Glibc
import NIOCore

/// Where a server listens.
public enum ServerAddress: Sendable, Equatable, CustomStringConvertible {
    public enum Family: String, Sendable {
        /// Whatever the host's name leads to, IPv4 first: `localhost` is 127.0.0.1 for everybody.
        case any = "tcp"
        case ipv4 = "tcp4"
        case ipv6 = "tcp6"
    }

    /// An empty host means all addresses.
    case tcp(host: String, port: Int, family: Family = .any)
    case unixSocket(path: String)

    /// Reads `endpoint` and `transport`.
    /// - Parameter fallback: Of the component.
    public init(_ section: ConfigurationSection, default fallback: ServerAddress) {
        let text = section.optionalString("endpoint")
        let transport = section.string("transport", default: "tcp")
        if let family = Family(rawValue: transport) {
            guard let text, !text.isEmpty else {
                self = fallback
                return
            }
            guard let address = Self.parse(text, family) else {
                section.error("endpoint", "\"\(text)\" must have the form host:port, for example localhost:4317")
                self = fallback
                return
            }
            self = address
        } else if transport == "unix" {
            let path = text.map { $0.hasPrefix("unix://") ? String($0.dropFirst("unix://".count)) : $0 } ?? ""
            if path.isEmpty { section.error("endpoint", "requires the path of a socket, as transport is unix") }
            self = .unixSocket(path: path)
        } else {
            section.error(
                "transport", "unknown value \"\(transport)\" (valid values: [tcp, tcp4, tcp6, unix])")
            self = fallback
        }
    }

    /// `host:port`, `[IPv6]:port`, `:port`.
    static func parse(_ text: String, _ family: Family = .any) -> ServerAddress? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        return .tcp(host: host, port: Int(port), family: family)
    }

    /// The address to bind.
    /// - Throws: `CollectorError` if the host has no address of the family that is asked for.
    public func resolved() async throws -> SocketAddress {
        switch self {
        case .unixSocket(let path): return try SocketAddress(unixDomainSocketPath: path)
        case .tcp("", let port, let family):
            // One socket of IPv6 takes IPv4 too, unless the machine has no IPv6.
            let isIPv4 = family == .ipv4 || (family == .any && access("/proc/net/if_inet6", F_OK) != 0)
            return try SocketAddress(ipAddress: isIPv4 ? "0.0.0.0" : "::", port: port)
        case .tcp(let host, let port, let family):
            let addresses = try await BlockingWork(label: "otelcol-names").run { try Self.addresses(of: host) }
            let chosen =
                switch family {
                case .any: addresses.first { !$0.contains(":") } ?? addresses.first
                case .ipv4: addresses.first { !$0.contains(":") }
                case .ipv6: addresses.first { $0.contains(":") }
                }
            guard let chosen else { throw CollectorError("\(host) has no address for \(family.rawValue)") }
            return try SocketAddress(ipAddress: chosen, port: port)
        }
    }

    /// All addresses of a host in their text form. Blocks.
    private static func addresses(of host: String) throws -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(host, nil, &hints, &list)
        guard error == 0 else {
            throw CollectorError("\(host) has no address: \(String(cString: gai_strerror(error)))")
        }
        defer { freeaddrinfo(list) }
        var result: [String] = []
        var entry = list
        while let current = entry {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            if getnameinfo(current.pointee.ai_addr, current.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST)
                == 0
            {
                result.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            entry = current.pointee.ai_next
        }
        return result
    }

    public var isUnspecified: Bool {
        switch self {
        case .tcp(let host, _, _): host.isEmpty || host == "0.0.0.0" || host == "::"
        case .unixSocket: false
        }
    }

    public var description: String {
        switch self {
        case .tcp(let host, let port, _): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixSocket(let path): path
        }
    }
}
