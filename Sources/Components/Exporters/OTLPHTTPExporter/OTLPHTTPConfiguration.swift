import Collector
import ExporterSupport

/// The configuration of `otlp_http`.
public struct OTLPHTTPConfiguration: Sendable {
    public enum Encoding: String, Sendable, CaseIterable {
        case proto
        case json

        var contentType: String {
            switch self {
            case .proto: "application/x-protobuf"
            case .json: "application/json"
            }
        }
    }

    public enum Compression: String, Sendable, CaseIterable {
        case gzip
        case zlib
        case deflate
        case zstd
        case none
    }

    /// Without a slash at its end; empty if only single signals have one.
    public var endpoint = ""
    public var signalEndpoints: [Signal: String] = [:]
    /// The timeout is for a whole request.
    public var exporter = ExporterConfiguration(timeout: .seconds(30))
    public var tls = ClientTLSConfiguration()
    public var authentication: ClientAuthentication?
    public var encoding = Encoding.proto
    public var compression = Compression.gzip
    /// 1 to 9, for zstd to 22; -1 for the default.
    public var compressionLevel = -1
    /// In the order written; they replace what the exporter itself sends.
    public var headers: [(name: String, value: OpaqueString)] = []
    public var idleConnectionTimeout = Duration.seconds(90)
    public var maximumIdleConnections = 100
    public var keepsConnections = true

    public init() {}

    public init(_ section: ConfigurationSection) {
        endpoint = Self.url(section, "endpoint") ?? ""
        if endpoint.hasSuffix("/") { endpoint.removeLast() }
        for signal in Signal.allCases {
            if let url = Self.url(section, "\(signal.rawValue)_endpoint") { signalEndpoints[signal] = url }
        }
        if endpoint.isEmpty, signalEndpoints.isEmpty, !section.isSet("endpoint") {
            section.error(nil, "at least one endpoint must be specified")
        }
        exporter = ExporterConfiguration(section, defaultTimeout: .seconds(30))
        tls = ClientTLSConfiguration(section.section("tls"))
        authentication = ClientAuthentication(section)
        encoding = section.enumeration("encoding", default: .proto)
        if section.optionalString("compression") == "" {
            compression = .none
        } else {
            compression = section.enumeration("compression", default: .gzip)
        }
        compressionLevel = section.section("compression_params").integer(
            "level", default: -1, in: -1...(compression == .zstd ? 22 : 9))
        headers = section.headers("headers")
        for (name, value) in headers where !HTTPHeaderSyntax.isValid(name, value.value) {
            section.error("headers", "\"\(name)\" is no valid header")
        }
        idleConnectionTimeout = section.duration(
            "idle_conn_timeout", default: .seconds(90), in: .zero ... .seconds(86_400))
        maximumIdleConnections = section.integer("max_idle_conns", default: 100, in: 0...100_000)
        keepsConnections = !section.boolean("disable_keep_alives", default: false)
        Self.readUnused(section)
    }

    /// Where a signal is sent to; nil if nothing is configured for it.
    func url(for signal: Signal) -> String? {
        if let url = signalEndpoints[signal] { return url }
        guard !endpoint.isEmpty else { return nil }
        return endpoint + (signal == .profiles ? "/v1development/profiles" : "/v1/\(signal.rawValue)")
    }

    /// Nil if the key is missing, empty, or wrong.
    private static func url(_ section: ConfigurationSection, _ key: String) -> String? {
        guard let text = section.optionalString(key), !text.isEmpty else { return nil }
        let lowercase = text.lowercased()
        let rest = ["http://", "https://"].first { lowercase.hasPrefix($0) }.map { text.dropFirst($0.count) }
        guard let rest, let first = rest.first, first != "/", first != ":", !text.contains(where: \.isWhitespace) else {
            section.error(key, "\"\(text)\" must be a URL that begins with http:// or https://")
            return nil
        }
        return text
    }

    /// Keys of the OpenTelemetry Collector that tune its own implementation, and keys that are refused.
    private static func readUnused(_ section: ConfigurationSection) {
        for key in ["read_buffer_size", "write_buffer_size", "max_idle_conns_per_host", "max_conns_per_host"] {
            _ = section.optionalInteger(key)
        }
        for key in ["http2_read_idle_timeout", "http2_ping_timeout"] { _ = section.optionalDuration(key) }
        _ = section.optionalBoolean("force_attempt_http2")
        for key in ["middlewares", "cookies"] where section.isSet(key) {
            _ = section.node(key)
            section.error(key, "is not supported")
        }
        if let proxy = section.optionalString("proxy_url"), !proxy.isEmpty {
            section.error("proxy_url", "is not supported")
        }
    }
}
