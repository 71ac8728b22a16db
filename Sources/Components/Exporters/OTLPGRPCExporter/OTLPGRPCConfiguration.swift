import Collector
import ExporterSupport

/// The configuration of `otlp_grpc`.
public struct OTLPGRPCConfiguration: Sendable {
    public enum Compression: String, Sendable, CaseIterable {
        case gzip
        case none
    }

    public struct Keepalive: Sendable, Equatable {
        public var time: Duration
        public var timeout: Duration
        public var permitsWithoutStream: Bool
    }

    var endpoint: GRPCEndpoint
    public var exporter: ExporterConfiguration
    public var tls: ClientTLSConfiguration
    public var authentication: ClientAuthentication?
    public var compression: Compression
    /// In the order written. Names are compared without regard to case.
    public var headers: [(name: String, value: OpaqueString)]
    public var keepalive: Keepalive?
    public var waitsForReady: Bool
    /// Overrides the `:authority` of requests; nil: the endpoint's.
    public var authority: String?

    /// The name that the server's certificate must be for; nil: the address that the connection leads to.
    var certificateName: String? {
        let name = tls.serverName ?? authority.map(Self.withoutPort) ?? endpoint.host
        return GRPCEndpoint.isAddress(name) ? nil : name
    }

    private static func withoutPort(_ authority: String) -> String {
        guard let colon = authority.lastIndex(of: ":"), UInt16(authority[colon...].dropFirst()) != nil else {
            return authority
        }
        return String(authority[..<colon])
    }

    init(endpoint: GRPCEndpoint) {
        self.endpoint = endpoint
        exporter = ExporterConfiguration()
        tls = ClientTLSConfiguration()
        compression = .gzip
        headers = []
        keepalive = nil
        waitsForReady = false
        authority = nil
    }

    public init(_ section: ConfigurationSection) {
        do {
            endpoint = try GRPCEndpoint(parsing: section.string("endpoint"))
        } catch {
            section.error("endpoint", "\(error)")
            endpoint = .name(host: "localhost", port: 4317)
        }
        exporter = ExporterConfiguration(section)
        tls = ClientTLSConfiguration(section.section("tls"))
        authentication = ClientAuthentication(section)
        if authentication != nil, !tls.usesTLS {
            section.error("auth", "needs TLS: credentials are not sent over connections that anybody can read")
        }
        compression = Self.compression(section)
        headers = section.headers("headers")
        for (name, _) in headers where !Self.isHeaderName(name) {
            section.error("headers", "\"\(name)\" is no name of a gRPC header")
        }
        keepalive = section.optionalSection("keepalive").map {
            Keepalive(
                time: $0.duration("time", default: .seconds(10), in: .seconds(1) ... .longest),
                timeout: $0.duration("timeout", default: .seconds(10), in: .milliseconds(1) ... .longest),
                permitsWithoutStream: $0.boolean("permit_without_stream", default: false))
        }
        waitsForReady = section.boolean("wait_for_ready", default: false)
        authority = section.optionalString("authority").flatMap { $0.isEmpty ? nil : $0 }
        Self.readUnused(section)
    }

    /// Empty means none.
    private static func compression(_ section: ConfigurationSection) -> Compression {
        let text = section.optionalString("compression")
        if text == "" { return .none }
        if let text, ["snappy", "zstd"].contains(text) {
            section.error("compression", "\"\(text)\" is not supported over gRPC (supported values: [gzip, none])")
            return .none
        }
        return section.enumeration("compression", default: .gzip)
    }

    /// Keys of the OpenTelemetry Collector that tune its own implementation.
    private static func readUnused(_ section: ConfigurationSection) {
        _ = section.optionalInteger("read_buffer_size")
        _ = section.optionalInteger("write_buffer_size")
        if let balancer = section.optionalString("balancer_name"),
            !["", "round_robin", "pick_first"].contains(balancer)
        {
            section.error("balancer_name", "unknown value \"\(balancer)\" (valid values: [round_robin, pick_first])")
        }
        if section.isSet("middlewares") { section.error("middlewares", "is not supported") }
    }

    /// Names as HTTP/2 and gRPC allow them; those that begin with `grpc-` are gRPC's own.
    static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty && !name.lowercased().hasPrefix("grpc-")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
