import Collector
import NIOHTTP1

/// The keys that all components with an HTTP server have in common.
public struct HTTPServerConfiguration: Sendable {
    public var address: ServerAddress
    public var tls: ServerTLSConfiguration?
    public var cors: CORSPolicy?
    public var authenticator: ComponentID?
    /// Names of query parameters that the authenticator sees among the header fields.
    public var authenticationParameters: [String] = []
    /// Of the body as it is sent, and of what comes out of it when it is decompressed.
    public var maximumBodyBytes = 20 << 20
    /// Pipelines see the header fields of requests.
    public var includesMetadata = false
    /// Sent with every answer, in the order written.
    public var responseHeaders: [(name: String, value: String)] = []
    public var contentCodings: Set<ContentCoding> = Set(ContentCoding.allCases)
    /// Zero for none, as for the others.
    public var readTimeout = Duration.zero
    public var readHeaderTimeout = Duration.zero
    public var writeTimeout = Duration.zero
    public var idleTimeout = Duration.zero
    public var keepsConnections = true

    public init(address: ServerAddress) {
        self.address = address
    }

    /// - Parameter fallback: What keys that are not written mean for the component.
    public init(_ section: ConfigurationSection, defaults fallback: HTTPServerConfiguration) {
        self = fallback
        address = ServerAddress(section, default: fallback.address)
        tls = section.optionalSection("tls").map { ServerTLSConfiguration($0) }
        cors = section.optionalSection("cors").map { CORSPolicy($0) }
        if let auth = section.optionalSection("auth") {
            authenticator = auth.componentID("authenticator")
            if authenticator == nil { auth.error("authenticator", "requires the id of an extension") }
            authenticationParameters = auth.strings("request_params")
        }
        let bytes = section.integer("max_request_body_size", default: fallback.maximumBodyBytes, in: 0...(1 << 40))
        maximumBodyBytes = bytes == 0 ? fallback.maximumBodyBytes : bytes
        includesMetadata = section.boolean("include_metadata", default: fallback.includesMetadata)
        responseHeaders = section.headers("response_headers").map { ($0.name, $0.value.value) }
        for (name, value) in responseHeaders where !HTTPHeaderSyntax.isValid(name, value) {
            section.error("response_headers", "\"\(name)\" is no valid header")
        }
        if section.isSet("compression_algorithms") {
            contentCodings = []
            for name in section.strings("compression_algorithms") where !name.isEmpty && name != "none" {
                if let coding = ContentCoding(rawValue: name) {
                    contentCodings.insert(coding)
                } else {
                    let valid = ContentCoding.allCases.map(\.rawValue).joined(separator: ", ")
                    section.error(
                        "compression_algorithms", "unsupported value \"\(name)\" (valid values: [none, \(valid)])")
                }
            }
        }
        readTimeout = Self.timeout(section, "read_timeout", fallback.readTimeout)
        readHeaderTimeout = Self.timeout(section, "read_header_timeout", fallback.readHeaderTimeout)
        writeTimeout = Self.timeout(section, "write_timeout", fallback.writeTimeout)
        idleTimeout = Self.timeout(section, "idle_timeout", fallback.idleTimeout)
        keepsConnections = section.boolean("keep_alives_enabled", default: fallback.keepsConnections)
        if section.isSet("middlewares") { section.error("middlewares", "is not supported") }
    }

    private static func timeout(_ section: ConfigurationSection, _ key: String, _ fallback: Duration) -> Duration {
        section.duration(key, default: fallback, in: .zero ... .seconds(86_400))
    }
}

/// Which pages of other origins may call the server from a browser: the section `cors`.
public struct CORSPolicy: Sendable, Equatable {
    /// With `*` for any characters.
    public var allowedOrigins: [String]
    public var allowedHeaders: [String]
    public var exposedHeaders: [String]
    /// How long a browser may remember the answer; nil to say nothing.
    public var maximumAgeSeconds: Int?

    public init(_ section: ConfigurationSection) {
        allowedOrigins = section.strings("allowed_origins")
        allowedHeaders = section.strings("allowed_headers")
        exposedHeaders = section.strings("exposed_headers")
        let age = section.integer("max_age", default: 0, in: 0...Int.max)
        maximumAgeSeconds = age > 0 ? age : nil
        if allowedOrigins.isEmpty, !allowedHeaders.isEmpty {
            section.warning("allowed_headers", "has no effect without allowed_origins")
        }
    }

    func allows(_ origin: String) -> Bool {
        allowedOrigins.contains { Self.matches(origin.lowercased(), pattern: $0.lowercased()) }
    }

    private static func matches(_ text: String, pattern: String) -> Bool {
        guard let star = pattern.firstIndex(of: "*") else { return text == pattern }
        let (prefix, suffix) = (pattern[..<star], pattern[pattern.index(after: star)...])
        return text.utf8.count >= prefix.utf8.count + suffix.utf8.count && text.hasPrefix(prefix)
            && text.hasSuffix(suffix)
    }

    /// The answer to a browser's question before it sends a request; nil if the request is none.
    func preflight(_ request: HTTPRequest) -> HTTPAnswer? {
        guard request.method == .OPTIONS, request.headers.contains(name: "Access-Control-Request-Method") else {
            return nil
        }
        var answer = HTTPAnswer(status: .noContent)
        answer.headers.add(name: "Vary", value: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        guard let origin = request.headers.first(name: "Origin"), allows(origin) else { return answer }
        answer.headers.add(name: "Access-Control-Allow-Origin", value: origin)
        answer.headers.add(name: "Access-Control-Allow-Credentials", value: "true")
        answer.headers.add(name: "Access-Control-Allow-Methods", value: "POST, GET, HEAD")
        let wanted = request.headers[canonicalForm: "Access-Control-Request-Headers"].map(String.init)
        let always = ["origin", "accept", "content-type", "x-requested-with", "content-encoding"]
        let known = Set((allowedHeaders + always).map { $0.lowercased() })
        let granted = wanted.filter { allowedHeaders.contains("*") || known.contains($0.lowercased()) }
        if !granted.isEmpty {
            answer.headers.add(name: "Access-Control-Allow-Headers", value: granted.joined(separator: ", "))
        }
        if let maximumAgeSeconds {
            answer.headers.add(name: "Access-Control-Max-Age", value: "\(maximumAgeSeconds)")
        }
        return answer
    }

    /// Adds what a browser needs to give an answer to a page.
    func decorate(_ answer: inout HTTPAnswer, for request: HTTPRequest) {
        answer.headers.add(name: "Vary", value: "Origin")
        guard let origin = request.headers.first(name: "Origin"), allows(origin) else { return }
        answer.headers.add(name: "Access-Control-Allow-Origin", value: origin)
        answer.headers.add(name: "Access-Control-Allow-Credentials", value: "true")
        if !exposedHeaders.isEmpty {
            answer.headers.add(name: "Access-Control-Expose-Headers", value: exposedHeaders.joined(separator: ", "))
        }
    }
}
