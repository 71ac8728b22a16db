import FoundationEssentials

/// A proxy between the exporter and a cluster.
struct HTTPProxy: Sendable, Hashable {
    enum Kind: Sendable { case http, socks }

    var kind: Kind
    var host: String
    var port: Int
    /// Base64 of `user:password`.
    var basicCredentials: String?

    /// `http://host:3128`, `socks5://host`, or just `host:port`; nil for anything else.
    init?(parsing text: String) {
        let lowercase = text.lowercased()
        let address: String
        if lowercase.hasPrefix("socks5://") || lowercase.hasPrefix("socks5h://") {
            kind = .socks
            address = "http://" + text.drop { $0 != "/" }.dropFirst(2)
        } else {
            kind = .http
            // The way to the proxy itself is not encrypted, so `https://` would promise too much.
            guard !lowercase.hasPrefix("https://") else { return nil }
            address = lowercase.hasPrefix("http://") ? text : "http://\(text)"
        }
        guard let endpoint = try? ElasticsearchEndpoint(parsing: address) else { return nil }
        host = endpoint.host
        let authority = endpoint.url.dropFirst("http://".count).prefix { $0 != "/" }
        let digits = authority.reversed().prefix { $0.isNumber }
        let hasPort = authority.dropLast(digits.count).last == ":"
        port = (hasPort ? Int(String(digits.reversed())) : nil) ?? (kind == .socks ? 1080 : 80)
        basicCredentials = endpoint.userInformation.map { Data($0.value.utf8).base64EncodedString() }
    }

    /// The proxy for an endpoint: the configured one, else what the environment says as other programs read it
    /// (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, also in lower case); nil for a direct way.
    static func proxy(
        for endpoint: ElasticsearchEndpoint, configured: String, environment: (String) -> String?
    ) -> HTTPProxy? {
        if !configured.isEmpty { return HTTPProxy(parsing: configured) }
        func variable(_ name: String) -> String? {
            [name, name.lowercased()].compactMap { environment($0) }.first { !$0.isEmpty }
        }
        guard let text = variable(endpoint.isEncrypted ? "HTTPS_PROXY" : "HTTP_PROXY") else { return nil }
        let host = endpoint.host.lowercased()
        if host == "localhost" || host.hasPrefix("127.") || host == "::1" { return nil }
        for entry in (variable("NO_PROXY") ?? "").lowercased().split(separator: ",") {
            var name = entry.trimmingSpaces
            if name == "*" { return nil }
            if name.hasPrefix("*") { name.removeFirst() }
            if host == name || (name.hasPrefix(".") ? host.hasSuffix(name) : host.hasSuffix(".\(name)")) { return nil }
        }
        return HTTPProxy(parsing: text)
    }
}
