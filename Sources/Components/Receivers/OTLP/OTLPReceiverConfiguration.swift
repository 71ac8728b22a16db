import Collector
import ServerSupport

/// What `receivers::otlp` says.
public struct OTLPReceiverConfiguration: Sendable {
    public struct GRPC: Sendable {
        public var address = ServerAddress.tcp(host: "localhost", port: 4317)
        public var tls: ServerTLSConfiguration?
        public var authenticator: ComponentID?
        /// Of one message, decompressed.
        public var maximumMessageBytes = 4 << 20
        /// Nil for no limit.
        public var maximumStreams: Int?
        public var includesMetadata = false
        public var keepalive = Keepalive()

        public init() {}
    }

    /// Nil: the server's own default.
    public struct Keepalive: Sendable, Equatable {
        public var maximumIdleTime: Duration?
        public var maximumAge: Duration?
        public var maximumAgeGrace: Duration?
        public var time = Duration.seconds(7200)
        public var timeout = Duration.seconds(20)
        /// Clients that ask for signs of life more often are sent away.
        public var minimumPingInterval = Duration.seconds(300)
        public var permitsWithoutStream = false
    }

    public struct HTTP: Sendable {
        public var server = HTTPServerConfiguration(address: .tcp(host: "localhost", port: 4318))
        /// Path of each signal, with a slash at its beginning.
        public var paths: [Signal: String] = [
            .traces: "/v1/traces", .metrics: "/v1/metrics", .logs: "/v1/logs", .profiles: "/v1development/profiles",
        ]

        public init() {}
    }

    public var grpc: GRPC?
    public var http: HTTP?

    public init(grpc: GRPC? = nil, http: HTTP? = nil) {
        self.grpc = grpc
        self.http = http
    }

    public init(_ section: ConfigurationSection) {
        let protocols = section.section("protocols")
        grpc = protocols.optionalSection("grpc", .onWhenNamed).map { GRPC($0) }
        http = protocols.optionalSection("http", .onWhenNamed).map { HTTP($0) }
        if grpc == nil, http == nil {
            section.error(nil, "must specify at least one protocol when using the OTLP receiver")
        }
    }
}

extension OTLPReceiverConfiguration.GRPC {
    init(_ section: ConfigurationSection) {
        self.init()
        address = ServerAddress(section, default: address)
        tls = section.optionalSection("tls").map { ServerTLSConfiguration($0) }
        if let auth = section.optionalSection("auth") {
            authenticator = auth.componentID("authenticator")
            if authenticator == nil { auth.error("authenticator", "requires the id of an extension") }
        }
        let mebibytes = section.integer("max_recv_msg_size_mib", default: 0, in: 0...2048)
        if mebibytes > 0 { maximumMessageBytes = mebibytes << 20 }
        let streams = section.integer("max_concurrent_streams", default: 0, in: 0...Int(UInt32.max))
        maximumStreams = streams > 0 ? streams : nil
        includesMetadata = section.boolean("include_metadata", default: false)
        if let section = section.optionalSection("keepalive") { keepalive = .init(section) }
        // Of the reference's own implementation.
        _ = section.optionalInteger("read_buffer_size")
        _ = section.optionalInteger("write_buffer_size")
        if section.isSet("middlewares") { section.error("middlewares", "is not supported") }
    }
}

extension OTLPReceiverConfiguration.Keepalive {
    init(_ section: ConfigurationSection) {
        self.init()
        let limits = Duration.zero ... .longest
        if let server = section.optionalSection("server_parameters") {
            func positive(_ key: String) -> Duration? {
                server.optionalDuration(key, in: limits).flatMap { $0 > .zero ? $0 : nil }
            }
            maximumIdleTime = positive("max_connection_idle")
            maximumAge = positive("max_connection_age")
            maximumAgeGrace = positive("max_connection_age_grace")
            time = positive("time") ?? time
            timeout = positive("timeout") ?? timeout
        }
        if let policy = section.optionalSection("enforcement_policy") {
            minimumPingInterval = policy.duration("min_time", default: minimumPingInterval, in: limits)
            permitsWithoutStream = policy.boolean("permit_without_stream", default: false)
        }
    }
}

extension OTLPReceiverConfiguration.HTTP {
    init(_ section: ConfigurationSection) {
        self.init()
        server = HTTPServerConfiguration(section, defaults: server)
        for signal in [Signal.traces, .metrics, .logs] {
            let key = "\(signal)_url_path"
            guard let path = section.optionalString(key), !path.isEmpty else { continue }
            paths[signal] = path.hasPrefix("/") ? path : "/" + path
        }
        if Set(paths.values).count < paths.count {
            section.error(nil, "two signals have the same path: \(paths.values.sorted().joined(separator: ", "))")
        }
    }
}
