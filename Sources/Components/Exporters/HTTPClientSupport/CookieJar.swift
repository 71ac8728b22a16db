import Collector
import ExporterSupport
import Synchronization

/// The cookies that servers set, and that go with later requests to them (RFC 6265): load balancers keep a client at one
/// server with them.
final class CookieJar: Sendable {
    private struct Cookie {
        var name: String
        var value: String
        var host: String
        /// Whether hosts below `host` get it too.
        var includesSubdomains: Bool
        var path: String
        var isForTLSOnly: Bool
        /// Nil: until the end of the program.
        var expires: ContinuousClock.Instant?
    }

    private let cookies = Mutex<[Cookie]>([])
    /// As browsers limit them, so that a server cannot fill the memory.
    private static let (maximumCount, maximumBytes) = (300, 4096)

    /// - Parameters:
    ///   - headers: Values of `Set-Cookie`.
    ///   - unixTime: Seconds since 1970, for dates of expiry.
    func store(
        _ headers: [String], from endpoint: HTTPEndpoint, now: ContinuousClock.Instant, unixTime: Int
    ) {
        for header in headers where header.utf8.count <= Self.maximumBytes {
            guard let cookie = Self.cookie(header, endpoint, now, unixTime) else { continue }
            cookies.withLock { cookies in
                cookies.removeAll { $0.name == cookie.name && $0.host == cookie.host && $0.path == cookie.path }
                // One whose time is over takes an older one away.
                if let expires = cookie.expires, expires <= now { return }
                if cookies.count >= Self.maximumCount { cookies.removeFirst() }
                cookies.append(cookie)
            }
        }
    }

    /// The value of `Cookie` for a request; nil if there is none.
    /// - Parameter path: Of the URL, with the endpoint's prefix.
    func header(for endpoint: HTTPEndpoint, path: String, now: ContinuousClock.Instant) -> String? {
        let host = endpoint.host.lowercased()
        let path = path.isEmpty ? "/" : path
        return cookies.withLock { cookies in
            cookies.removeAll { $0.expires.map { $0 <= now } ?? false }
            let matching = cookies.filter { cookie in
                let isHost = host == cookie.host || (cookie.includesSubdomains && host.hasSuffix(".\(cookie.host)"))
                return isHost && (!cookie.isForTLSOnly || endpoint.isEncrypted) && Self.matches(path, cookie.path)
            }
            // Longer paths first (section 5.4).
            let ordered = matching.sorted { $0.path.utf8.count > $1.path.utf8.count }
            return ordered.isEmpty ? nil : ordered.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
        }
    }

    private static func matches(_ path: String, _ prefix: String) -> Bool {
        path == prefix || (path.hasPrefix(prefix) && (prefix.hasSuffix("/") || path.dropFirst(prefix.count).first == "/"))
    }

    private static func cookie(
        _ header: String, _ endpoint: HTTPEndpoint, _ now: ContinuousClock.Instant, _ unixTime: Int
    ) -> Cookie? {
        var parts = header.split(separator: ";", omittingEmptySubsequences: false)[...]
        guard let pair = parts.popFirst(), let equals = pair.firstIndex(of: "=") else { return nil }
        let name = pair[..<equals].trimmed()
        let value = pair[pair.index(after: equals)...].trimmed()
        guard !name.isEmpty, HTTPHeaderValue.isValid(name), HTTPHeaderValue.isValid(value) else { return nil }
        let host = endpoint.host.lowercased()
        var cookie = Cookie(
            name: name, value: value, host: host, includesSubdomains: false, path: "/", isForTLSOnly: false)
        var hasMaximumAge = false
        for part in parts {
            let equals = part.firstIndex(of: "=") ?? part.endIndex
            let value = part[equals...].dropFirst().trimmed()
            switch part[..<equals].trimmed().lowercased() {
            case "domain":
                var domain = value.lowercased()
                if domain.hasPrefix(".") { domain.removeFirst() }
                if domain.isEmpty { continue }
                // A server may speak for itself and for its parents, but not for all of a top-level domain.
                guard host == domain || (host.hasSuffix(".\(domain)") && domain.contains(".")) else { return nil }
                cookie.host = domain
                cookie.includesSubdomains = true
            case "path": if value.hasPrefix("/") { cookie.path = value }
            case "secure": cookie.isForTLSOnly = true
            case "max-age":
                guard let seconds = Int(value) else { continue }
                hasMaximumAge = true
                cookie.expires = now + .seconds(min(max(seconds, 0), 400 * 86_400))
            case "expires":
                guard !hasMaximumAge, let date = HTTPDate.seconds(value) else { continue }
                cookie.expires = now + .seconds(min(max(date - unixTime, 0), 400 * 86_400))
            default: break
            }
        }
        return cookie
    }
}

private enum HTTPHeaderValue {
    /// Nothing that could end a header line or a cookie.
    static func isValid(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
    }
}
