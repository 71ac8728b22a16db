import Collector
import FoundationEssentials

/// One place where a cluster answers.
public struct ElasticsearchEndpoint: Sendable, Hashable {
    /// Scheme, host, port and path prefix, without a slash at the end; for example `https://es.example:9200/prefix`.
    public var url: String
    public var isEncrypted: Bool
    /// Without port; an IPv6 address without its brackets.
    public var host: String
    /// What follows the question mark; often empty.
    public var query: String
    /// `user:password` of the URL; replaces what is configured apart.
    public var userInformation: OpaqueString?

    /// Host and port as the URL has them.
    var authority: String { String(url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }) }
    /// The prefix; empty, or beginning with a slash.
    var path: String { String(url.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" }) }

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

    /// The URL that an Elastic Cloud id stands for: text after the first colon, in base64, is `domain$cluster$…`.
    public init(cloudID: String) throws(CollectorError) {
        guard let colon = cloudID.firstIndex(of: ":") else {
            throw CollectorError("has no colon; copy the whole cloud id, with its name")
        }
        guard let data = Data(base64Encoded: String(cloudID[cloudID.index(after: colon)...])) else {
            throw CollectorError("is not valid base64 after the colon")
        }
        let parts = String(decoding: data, as: UTF8.self).split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count >= 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw CollectorError("names no cluster; copy the whole cloud id")
        }
        try self.init(parsing: "https://\(parts[1]).\(parts[0])")
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
            guard let high = rest.popFirst().flatMap(Hexadecimal.value),
                let low = rest.popFirst().flatMap(Hexadecimal.value)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Escapes what a query's value must not hold literally; `*`, `,` and `.` stay readable.
    static func percentEncoded(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"), UInt8(ascii: "*"), UInt8(ascii: ","):
                result.append(byte)
            default:
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: Hexadecimal.text([byte]).uppercased().utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
