import Collector
import Glibc

/// What `NO_PROXY` says, as Go's package `httpproxy` reads it: names (which stand for what is below them too), addresses
/// and networks, the first two also with a port; `*` for everything.
struct ProxyExceptions: Sendable {
    private enum Entry {
        /// Begins with a dot.
        case domain(String, includesItself: Bool, port: Int?)
        case address([UInt8], port: Int?)
        case network([UInt8], bits: Int)
    }

    private var entries: [Entry] = []
    private var isEverything = false

    init(_ text: String) {
        for part in text.lowercased().split(separator: ",") {
            let entry = part.trimmed()
            if entry == "*" { isEverything = true }
            if let parsed = Self.entry(entry) { entries.append(parsed) }
        }
    }

    /// Nil for an entry that names nothing.
    private static func entry(_ text: String) -> Entry? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2, let address = IPAddressBytes.parse(String(parts[0])), let bits = Int(parts[1]),
            (0...address.count * 8).contains(bits)
        {
            return .network(address, bits: bits)
        }
        var host = text[...]
        var port: Int?
        // An IPv6 address has colons of its own.
        if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon || text.hasPrefix("["),
            let number = UInt16(text[colon...].dropFirst())
        {
            port = Int(number)
            host = text[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if let address = IPAddressBytes.parse(String(host)) { return .address(address, port: port) }
        if host.hasPrefix("*") { host.removeFirst() }
        guard !host.isEmpty else { return nil }
        return host.hasPrefix(".")
            ? .domain(String(host), includesItself: false, port: port)
            : .domain(".\(host)", includesItself: true, port: port)
    }

    /// Whether a server is reached directly. This machine's own names and addresses always are.
    func contains(host: String, port: Int) -> Bool {
        let host = host.lowercased()
        let address = IPAddressBytes.parse(host)
        if isEverything || host == "localhost" || address.map(IPAddressBytes.isLoopback) == true { return true }
        return entries.contains { entry in
            switch (entry, address) {
            case (.network(let network, let bits), let address?):
                return network.count == address.count && IPAddressBytes.haveEqualPrefix(network, address, bits: bits)
            case (.address(let own, let ownPort), let address?): return own == address && ownPort ?? port == port
            case (.domain(let domain, let includesItself, let ownPort), nil):
                return (host.hasSuffix(domain) || (includesItself && host == domain.dropFirst()))
                    && ownPort ?? port == port
            default: return false
            }
        }
    }
}

private enum IPAddressBytes {
    /// 4 or 16 bytes; nil if the text is no address.
    static func parse(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        return withUnsafeBytes(of: &six) { Array($0) }
    }

    static func isLoopback(_ bytes: [UInt8]) -> Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }

    static func haveEqualPrefix(_ one: [UInt8], _ other: [UInt8], bits: Int) -> Bool {
        zip(one, other).enumerated().allSatisfy { index, pair in
            let wanted = min(max(bits - index * 8, 0), 8)
            let mask = UInt8(truncatingIfNeeded: 0xff00 >> wanted)
            return pair.0 & mask == pair.1 & mask
        }
    }
}
