import Collector
import FoundationEssentials

/// A proxy between a client and its servers.
public struct HTTPProxy: Sendable, Hashable {
    public enum Kind: Sendable { case http, socks }

    public var kind: Kind
    public var host: String
    public var port: Int
    /// Base64 of `user:password`.
    var basicCredentials: String?

    /// `http://host:3128`, `socks5://host`, or just `host:port`.
    /// - Throws: `CollectorError` for anything else; it never repeats the URL's password.
    public init(parsing text: String) throws(CollectorError) {
        let lowercase = text.lowercased()
        let address: String
        if lowercase.hasPrefix("socks5://") || lowercase.hasPrefix("socks5h://") {
            kind = .socks
            address = "http://" + text.drop { $0 != "/" }.dropFirst(2)
        } else {
            kind = .http
            // The way to the proxy itself is not encrypted, so `https://` would promise too much.
            let hasScheme = lowercase.hasPrefix("http://")
            guard hasScheme || !text.contains("://") else { throw CollectorError(Self.form) }
            address = hasScheme ? text : "http://\(text)"
        }
        let endpoint: HTTPEndpoint
        do {
            endpoint = try HTTPEndpoint(parsing: address)
        } catch {
            throw CollectorError("\(Self.form): \(error)")
        }
        host = endpoint.host
        let hasPort = endpoint.authority.hasSuffix(":\(endpoint.port)")
        port = hasPort ? endpoint.port : kind == .socks ? 1080 : 80
        guard kind == .http || endpoint.userInformation == nil else {
            throw CollectorError("user and password are supported for http:// proxies only")
        }
        basicCredentials = endpoint.userInformation.map { Data($0.value.utf8).base64EncodedString() }
    }

    private static let form = "must be a URL that begins with http:// or socks5:// and names a host"

    /// The proxy for an endpoint: the configured one, else what the environment says as other programs read it
    /// (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, also in lower case); nil for a direct way.
    /// - Throws: `CollectorError` that names the setting or the variable that is no proxy.
    public static func proxy(
        for endpoint: HTTPEndpoint, configured: String, environment: (String) -> String?
    ) throws(CollectorError) -> HTTPProxy? {
        if !configured.isEmpty { return try named("proxy_url", configured) }
        let name = endpoint.isEncrypted ? "HTTPS_PROXY" : "HTTP_PROXY"
        guard let text = variable(name, environment) else { return nil }
        let exceptions = ProxyExceptions(variable("NO_PROXY", environment) ?? "")
        return exceptions.contains(host: endpoint.host, port: endpoint.port)
            ? nil : try named("environment variable \(name)", text)
    }

    private static func named(_ name: String, _ text: String) throws(CollectorError) -> HTTPProxy {
        do {
            return try HTTPProxy(parsing: text)
        } catch {
            throw CollectorError("\(name): \(error)")
        }
    }

    private static func variable(_ name: String, _ environment: (String) -> String?) -> String? {
        for spelling in [name, name.lowercased()] {
            if let value = environment(spelling), !value.isEmpty { return value }
        }
        return nil
    }
}
