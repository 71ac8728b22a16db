/// Where the Collector sends what it says about itself: `service::telemetry::metrics::readers` with `periodic`, and
/// `service::telemetry::logs::processors`. Keys are those of OpenTelemetry's declarative configuration.
public struct TelemetryDestination: Sendable, Equatable {
    public enum Transport: String, Sendable, CaseIterable {
        case grpc
        case protobuf = "http/protobuf"
        case json = "http/json"
    }

    public var transport = Transport.protobuf
    /// With a scheme. Without one in the configuration it is `https`, or `http` if `insecure` says so.
    public var endpoint = ""
    public var isInsecure = false
    public var headers: [OpaqueHeader] = []
    public var compression = "none"
    public var timeout = Duration.seconds(10)
    /// Paths of PEM files; empty for none.
    public var authorityFile = ""
    public var certificateFile = ""
    public var keyFile = ""

    public struct OpaqueHeader: Sendable, Equatable {
        public var name: String
        public var value: OpaqueString
    }

    /// Reads the section of an exporter that sends: `console`, `otlp`, `otlp_http` or `otlp_grpc`.
    /// - Returns: Nil for the console, and for what is wrong.
    static func read(_ exporter: ConfigurationSection) -> (isConsole: Bool, destination: TelemetryDestination?) {
        if exporter.contains("console") {
            _ = exporter.section("console")
            return (true, nil)
        }
        let forms: [(key: String, transport: Transport?)] = [
            ("otlp", nil), ("otlp_http", .protobuf), ("otlp_grpc", .grpc),
        ]
        for (key, transport) in forms where exporter.isSet(key) {
            return (false, TelemetryDestination(exporter.section(key), transport))
        }
        exporter.error(nil, "must have one of the keys \"otlp\", \"otlp_http\", \"otlp_grpc\" and \"console\"")
        return (false, nil)
    }

    private init(_ section: ConfigurationSection, _ fixed: Transport?) {
        if let fixed {
            transport = fixed
            if fixed == .protobuf, section.optionalString("encoding") == "json" { transport = .json }
        } else {
            transport = section.enumeration("protocol", default: .protobuf)
        }
        isInsecure = section.boolean("insecure", default: false)
        endpoint = section.requiredString("endpoint")
        if !endpoint.contains("://") { endpoint = (isInsecure ? "http://" : "https://") + endpoint }
        headers = section.headers("headers").map { OpaqueHeader(name: $0.name, value: $0.value) }
        // `a=b,c=d`, as the environment variable has it.
        for pair in section.string("headers_list").split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map { $0.trimmed() }
            if parts.count == 2 {
                headers.append(OpaqueHeader(name: parts[0], value: OpaqueString(parts[1])))
            } else {
                section.error("headers_list", "must have the form name=value,name=value")
            }
        }
        compression = section.string("compression", default: "none")
        if !["none", "gzip", ""].contains(compression) {
            section.error("compression", "unknown value \"\(compression)\" (valid values: [none, gzip])")
        }
        timeout = .milliseconds(section.integer("timeout", default: 10_000, in: 0...3_600_000))
        authorityFile = section.string("certificate")
        certificateFile = section.string("client_certificate")
        keyFile = section.string("client_key")
        if section.isSet("tls") {
            let tls = section.section("tls")
            authorityFile = tls.string("ca_file", default: authorityFile)
            certificateFile = tls.string("cert_file", default: certificateFile)
            keyFile = tls.string("key_file", default: keyFile)
            isInsecure = tls.boolean("insecure", default: isInsecure)
        }
        if let temporality = section.optionalString("temporality_preference"), temporality != "cumulative" {
            section.error("temporality_preference", "only cumulative is supported")
        }
        _ = section.optionalString("default_histogram_aggregation")
    }
}

/// Makes an exporter for the Collector's own telemetry. It has neither a queue nor retries.
public typealias TelemetryExporterMaker =
    @Sendable (_ destination: TelemetryDestination, _ signal: Signal, _ context: ComponentContext) async throws
    -> any Exporter
