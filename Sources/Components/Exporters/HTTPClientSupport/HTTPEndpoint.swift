import Collector

/// Where a server answers: an `http` or `https` URL, in its parts.
public struct HTTPEndpoint: Sendable, Hashable {
    /// Scheme, host, port and path, without a slash at the end; for example `https://es.example:9200/prefix`.
    public var url: String
    public var isEncrypted: Bool
    /// Without port; an IPv6 address without its brackets.
    public var host: String
    /// What follows the question mark; often empty.
    public var query: String
    /// Path and query as they were written; begins with a slash.
    public var target: String
    /// `user:password` of the URL, decoded; replaces what is configured apart.
    public var userInformation: OpaqueString?

    /// Host and port as the URL has them.
    public var authority: String { String(url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }) }
    /// The prefix; empty, or beginning with a slash.
    public var path: String { String(url.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" }) }
    /// As it is written, else the scheme's.
    public var port: Int {
        let authority = authority
        guard let colon = authority.lastIndex(of: ":"), let port = UInt16(authority[colon...].dropFirst()) else {
            return isEncrypted ? 443 : 80
        }
        return Int(port)
    }

    /// - Throws: `CollectorError` that says what is wrong; it never repeats the URL's password.
    public init(parsing text: String) throws(CollectorError) {
        let (scheme, rest) = try Self.splitScheme(text)
        isEncrypted = scheme == "https"
        guard !text.contains(where: { $0.isWhitespace || $0.isNewline }) else {
            throw CollectorError("the URL holds white space")
        }
        let beforeFragment = rest.prefix { $0 != "#" }
        let beforeQuery = beforeFragment.prefix { $0 != "?" }
        query = String(beforeFragment.dropFirst(beforeQuery.count + 1))
        var authority = beforeQuery.prefix { $0 != "/" }
        var path = beforeQuery.dropFirst(authority.count)
        target = (path.isEmpty ? "/" : String(path)) + (query.isEmpty ? "" : "?\(query)")
        while path.hasSuffix("/") { path.removeLast() }
        if let at = authority.lastIndex(of: "@") {
            guard let decoded = Self.percentDecoded(authority[..<at]) else {
                throw CollectorError("user or password of the URL is not percent-encoded correctly")
            }
            userInformation = OpaqueString(decoded)
            authority = authority[authority.index(after: at)...]
        }
        host = try Self.host(authority)
        url = "\(scheme)://\(authority)\(path)"
    }

    private static func splitScheme(_ text: String) throws(CollectorError) -> (String, Substring) {
        guard !text.isEmpty else { throw CollectorError("endpoint must not be empty") }
        let lowercase = text.lowercased()
        for scheme in ["http", "https"] where lowercase.hasPrefix("\(scheme)://") {
            return (scheme, text.dropFirst(scheme.count + 3))
        }
        throw CollectorError("invalid scheme, expected \"http\" or \"https\"")
    }

    private static func host(_ authority: Substring) throws(CollectorError) -> String {
        let host: Substring
        let port: Substring
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else {
                throw CollectorError("the bracket of the IPv6 address is not closed")
            }
            host = authority[authority.index(after: authority.startIndex)..<end]
            port = authority[authority.index(after: end)...]
        } else {
            host = authority.prefix { $0 != ":" }
            port = authority.dropFirst(host.count)
        }
        guard !host.isEmpty else { throw CollectorError("the URL has no host") }
        guard port.isEmpty || port == ":" || (port.first == ":" && UInt16(port.dropFirst()) != nil) else {
            throw CollectorError("invalid port \"\(port.dropFirst())\"")
        }
        return String(host)
    }

    static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimalDigit),
                let low = rest.popFirst().flatMap(hexadecimalDigit)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8(truncatingIfNeeded: $0) }
    }
}
