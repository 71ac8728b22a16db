import Collector
import ExporterSupport

/// The keys that all components with an HTTP client have in common, but for endpoints, timeouts and compression.
public struct HTTPClientConfiguration: Sendable {
    public var tls = ClientTLSConfiguration()
    /// Empty: what the environment says.
    public var proxyURL = ""
    /// In the order written; they replace what the component itself sends.
    public var headers: [(name: String, value: OpaqueString)] = []
    /// An extension that signs requests.
    public var authentication: ClientAuthentication?
    /// Extensions that see every request before it is sent, in this order.
    public var middlewares: [ComponentID] = []
    /// Cookies that servers set go with later requests.
    public var keepsCookies = false
    public var connections = ConnectionSettings()

    public init() {}

    public init(_ section: ConfigurationSection) {
        tls = ClientTLSConfiguration(section.section("tls"))
        proxyURL = section.string("proxy_url")
        if !proxyURL.isEmpty {
            do {
                _ = try HTTPProxy(parsing: proxyURL)
            } catch {
                section.error("proxy_url", "\(error)")
            }
        }
        headers = section.headers("headers")
        for (name, value) in headers where !HTTPHeaderSyntax.isValid(name, value.value) {
            section.error("headers", "\"\(name)\" is no valid header")
        }
        authentication = ClientAuthentication(section)
        keepsCookies = section.optionalSection("cookies")?.boolean("enabled", default: false) ?? false
        middlewares = section.sections("middlewares").compactMap { entry in
            let id = entry.componentID("id")
            if id == nil, !entry.isSet("id") { entry.error("id", "requires the id of an extension") }
            return id
        }
        connections = ConnectionSettings(section)
    }
}

public struct ConnectionSettings: Sendable, Equatable {
    public var idleTimeout = Duration.seconds(90)
    /// Zero: no limit of ours.
    public var maximumPerHost = 0
    public var keepsConnections = true
    public var usesHTTP2 = true

    public init() {}

    init(_ section: ConfigurationSection) {
        idleTimeout = section.duration("idle_conn_timeout", default: .seconds(90), in: .zero ... .seconds(86_400))
        maximumPerHost = section.integer("max_conns_per_host", default: 0, in: 0...100_000)
        keepsConnections = !section.boolean("disable_keep_alives", default: false)
        usesHTTP2 = section.boolean("force_attempt_http2", default: true)
        // These tune an implementation that is not ours.
        for key in ["read_buffer_size", "write_buffer_size", "max_idle_conns", "max_idle_conns_per_host"] {
            _ = section.optionalInteger(key)
        }
        for key in ["http2_read_idle_timeout", "http2_ping_timeout"] { _ = section.optionalDuration(key) }
    }
}
