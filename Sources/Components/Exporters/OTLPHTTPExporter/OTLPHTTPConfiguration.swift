import Collector
import ExporterSupport
import HTTPClientSupport

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
        case snappy
        case snappyFramed = "x-snappy-framed"
        case zstd
        case lz4
        case none
    }

    /// Without a slash at its end; empty if only single signals have one.
    public var endpoint = ""
    public var signalEndpoints: [Signal: String] = [:]
    /// The timeout is for a whole request.
    public var exporter = ExporterConfiguration(timeout: .seconds(30))
    public var client = HTTPClientConfiguration()
    public var encoding = Encoding.proto
    public var compression = Compression.gzip
    /// 1 to 9, for zstd to 22; -1 for the default.
    public var compressionLevel = -1

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
        client = HTTPClientConfiguration(section)
        encoding = section.enumeration("encoding", default: .proto)
        if section.optionalString("compression") == "" {
            compression = .none
        } else {
            compression = section.enumeration("compression", default: .gzip)
        }
        compressionLevel = section.section("compression_params").integer(
            "level", default: -1, in: -1...(compression == .zstd ? 22 : 9))
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
        do {
            _ = try HTTPEndpoint(parsing: text)
        } catch {
            section.error(key, "must be a URL that begins with http:// or https://: \(error)")
            return nil
        }
        return text
    }
}
