import Collector
import ExporterSupport

/// What `extensions::apikeyauth` says: which cluster is asked about API keys, and which privileges they must have.
public struct APIKeyAuthConfiguration: Sendable {
    /// Privileges of an application that a key must have.
    public struct Privileges: Sendable {
        public var application: String
        public var privileges: [String]
        public var resources: [String]
        /// Resources made of what the request brings.
        public var dynamicResources: [DynamicResource]
    }

    public struct DynamicResource: Sendable {
        /// Name of a header field, in lowercase; each of its values makes a resource.
        public var field: String
        /// What stands around the value.
        public var prefix: String
        public var suffix: String
    }

    public struct Cache: Sendable {
        public var capacity = 1000
        public var lifetime = Duration.seconds(30)
        public var iterations = 1000
        /// Names of header fields in lowercase; answers are remembered for each of their values apart.
        public var fields: [String] = []

        public init() {}
    }

    /// When the cluster is asked again within one request.
    public struct Retry: Sendable {
        public var maximumRetries = 3
        public var initialInterval = Duration.milliseconds(100)
        public var maximumInterval = Duration.seconds(5)

        public init() {}
    }

    /// Without a slash at its end.
    public var endpoint = ""
    public var timeout = Duration.seconds(10)
    public var tls = ClientTLSConfiguration()
    public var headers: [(name: String, value: OpaqueString)] = []
    public var privileges: [Privileges] = []
    public var cache = Cache()
    /// Nil: the cluster is asked once.
    public var retry: Retry? = Retry()
    /// What callers are told to wait when the cluster cannot be asked; nil: nothing.
    public var callerDelay: Duration? = .seconds(1)

    public init() {}

    public init(_ section: ConfigurationSection) {
        readClient(section)
        privileges = section.sections("application_privileges").map { Self.privileges($0) }
        readCache(section.section("cache"))
        // The older name of the section.
        section.legacyKey("retry", for: "elasticsearch_retry")
        retry = section.optionalSection("elasticsearch_retry", .onByDefault).map { Self.retry($0) }
        callerDelay = section.optionalSection("client_retry", .onByDefault).map {
            $0.duration("retry_delay", default: .seconds(1), in: .nanoseconds(1) ... .longest)
        }
        for (index, application) in privileges.enumerated() {
            for resource in application.dynamicResources where !cache.fields.contains(resource.field) {
                section.error(
                    "application_privileges",
                    "[\(index)]: dynamic resource metadata \"\(resource.field)\" must be included in cache.key_metadata")
            }
        }
    }

    private mutating func readClient(_ section: ConfigurationSection) {
        endpoint = section.requiredString("endpoint")
        if endpoint.hasSuffix("/") { endpoint.removeLast() }
        let lowercase = endpoint.lowercased()
        if !endpoint.isEmpty, !lowercase.hasPrefix("http://"), !lowercase.hasPrefix("https://") {
            section.error("endpoint", "\"\(endpoint)\" must be a URL that begins with http:// or https://")
        }
        timeout = section.duration("timeout", default: timeout, in: .zero ... .longest)
        tls = ClientTLSConfiguration(section.section("tls"))
        headers = section.headers("headers")
        for (name, value) in headers where !HTTPHeaderSyntax.isValid(name, value.value) {
            section.error("headers", "\"\(name)\" is no valid header")
        }
        // Of all HTTP clients; they tune another implementation.
        for key in [
            "read_buffer_size", "write_buffer_size", "max_idle_conns", "max_idle_conns_per_host", "max_conns_per_host",
        ] { _ = section.optionalInteger(key) }
        for key in ["idle_conn_timeout", "http2_read_idle_timeout", "http2_ping_timeout"] {
            _ = section.optionalDuration(key)
        }
        for key in ["disable_keep_alives", "force_attempt_http2"] { _ = section.optionalBoolean(key) }
        _ = section.optionalString("compression")
        for key in ["auth", "cookies", "middlewares", "compression_params", "proxy_url"] where section.isSet(key) {
            _ = section.node(key)
            section.error(key, "is not supported")
        }
    }

    private static func privileges(_ section: ConfigurationSection) -> Privileges {
        let application = section.requiredString("application")
        let (names, resources) = (section.strings("privileges"), section.strings("resources"))
        if names.isEmpty { section.error("privileges", "must name at least one privilege") }
        let dynamic = section.sections("dynamic_resources").map { resource -> DynamicResource in
            let field = resource.requiredString("metadata").lowercased()
            let format = resource.string("format", default: "%s")
            let parts = split(format)
            if parts == nil {
                resource.error("format", "must contain exactly one %s placeholder, and %% for a percent sign")
            }
            return DynamicResource(field: field, prefix: parts?.prefix ?? "", suffix: parts?.suffix ?? "")
        }
        return Privileges(application: application, privileges: names, resources: resources, dynamicResources: dynamic)
    }

    /// What stands before and behind the only `%s`; nil for another number of them, and for other placeholders.
    static func split(_ format: String) -> (prefix: String, suffix: String)? {
        var parts = [""]
        var rest = format[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                parts[parts.count - 1].append(character)
                continue
            }
            switch rest.popFirst() {
            case "%": parts[parts.count - 1].append("%")
            case "s": parts.append("")
            default: return nil
            }
        }
        return parts.count == 2 ? (parts[0], parts[1]) : nil
    }

    private mutating func readCache(_ section: ConfigurationSection) {
        cache.capacity = section.integer("capacity", default: cache.capacity, in: 1...10_000_000)
        cache.lifetime = section.duration("ttl", default: cache.lifetime, in: .nanoseconds(1) ... .longest)
        cache.iterations = section.integer("pbkdf2_iterations", default: cache.iterations, in: 1...10_000_000)
        cache.fields = (section.strings("key_headers") + section.strings("key_metadata")).map { $0.lowercased() }
    }

    private static func retry(_ section: ConfigurationSection) -> Retry {
        var retry = Retry()
        retry.maximumRetries = section.integer("max_retries", default: retry.maximumRetries, in: 0...1000)
        retry.initialInterval = section.duration(
            "initial_interval", default: retry.initialInterval, in: .nanoseconds(1) ... .longest)
        retry.maximumInterval = section.duration(
            "max_interval", default: retry.maximumInterval, in: .nanoseconds(1) ... .longest)
        if retry.maximumInterval < retry.initialInterval {
            section.error("max_interval", "must be greater than or equal to initial_interval")
        }
        return retry
    }
}
