import Collector
import ExporterTestSupport
import ServerSupport
import Testing

@testable import OTLPReceiver

struct OTLPReceiverConfigurationTests {
    let read = OTLPReceiverFactory().decode

    func protocols(_ entries: [(String, ConfigurationNode.Value)]) -> [(String, ConfigurationNode.Value)] {
        [("protocols", .tree(entries))]
    }

    @Test func needsAProtocol() {
        for entries in [[], protocols([]), protocols([("grpc", .tree([("enabled", .boolean(false))]))])] {
            #expect(
                decode(entries, with: read).errors == [
                    "x: must specify at least one protocol when using the OTLP receiver"
                ])
        }
    }

    /// Null and an empty map turn a protocol on with its defaults.
    @Test(arguments: [false, true])
    func defaults(isNull: Bool) throws {
        let empty: ConfigurationNode.Value = isNull ? .null : .tree([])
        let (configuration, errors, _) = decode(protocols([("grpc", empty), ("http", empty)]), with: read)
        #expect(errors.isEmpty)
        let grpc = try #require(configuration.grpc)
        #expect(grpc.address == .tcp(host: "localhost", port: 4317))
        #expect(grpc.maximumMessageBytes == 4 << 20)
        #expect(grpc.tls == nil)
        let http = try #require(configuration.http)
        #expect(http.server.address == .tcp(host: "localhost", port: 4318))
        #expect(http.server.maximumBodyBytes == 20 << 20)
        #expect(http.server.contentCodings.count == ContentCoding.allCases.count)
        #expect(http.paths[.profiles] == "/v1development/profiles")
        #expect(decode(protocols([("http", empty)]), with: read).configuration.grpc == nil)
    }

    @Test func readsEveryKey() throws {
        let tls: ConfigurationNode.Value = .tree([
            ("cert_file", .string("c")), ("key_file", .string("k")), ("client_ca_file", .string("a")),
            ("client_ca_file_reload", .boolean(true)), ("reload_interval", .string("1h")),
            ("min_version", .string("1.3")),
            ("max_version", .string("1.3")), ("cipher_suites", .list([])),
            ("include_system_ca_certs_pool", .boolean(true)),
            ("include_insecure_cipher_suites", .boolean(false)),
            ("curve_preferences", .list([.init(.string("X25519"))])), ("ca_file", .string("x")),
        ])
        let (configuration, errors, warnings) = decode(
            protocols([
                (
                    "grpc",
                    .tree([
                        ("endpoint", .string("0.0.0.0:1")), ("transport", .string("tcp4")), ("tls", tls),
                        ("max_recv_msg_size_mib", .integer(16)), ("max_concurrent_streams", .integer(7)),
                        ("read_buffer_size", .integer(1)), ("write_buffer_size", .integer(1)),
                        ("include_metadata", .boolean(true)),
                        ("auth", .tree([("authenticator", .string("bearertokenauth/x"))])),
                        (
                            "keepalive",
                            .tree([
                                (
                                    "server_parameters",
                                    .tree([
                                        ("max_connection_idle", .string("1s")), ("max_connection_age", .string("2s")),
                                        ("max_connection_age_grace", .string("3s")), ("time", .string("4s")),
                                        ("timeout", .string("5s")),
                                    ])
                                ),
                                (
                                    "enforcement_policy",
                                    .tree([
                                        ("min_time", .string("6s")), ("permit_without_stream", .boolean(true)),
                                    ])
                                ),
                            ])
                        ),
                    ])
                ),
                (
                    "http",
                    .tree([
                        ("endpoint", .string("[::1]:2")), ("tls", tls), ("max_request_body_size", .integer(5)),
                        ("include_metadata", .boolean(true)), ("response_headers", .tree([("X-A", .string("b"))])),
                        ("compression_algorithms", .list([.init(.string("")), .init(.string("zstd"))])),
                        ("read_timeout", .string("1s")), ("read_header_timeout", .string("2s")),
                        ("write_timeout", .string("3s")), ("idle_timeout", .string("4s")),
                        ("keep_alives_enabled", .boolean(false)), ("traces_url_path", .string("t")),
                        ("metrics_url_path", .string("/m")), ("logs_url_path", .string("/l")),
                        (
                            "auth",
                            .tree([
                                ("authenticator", .string("basicauth")),
                                ("request_params", .list([.init(.string("token"))])),
                            ])
                        ),
                    ])
                ),
            ]), with: read)
        #expect(errors.isEmpty && warnings.isEmpty, "\(errors) \(warnings)")
        let grpc = try #require(configuration.grpc)
        #expect(grpc.address == .tcp(host: "0.0.0.0", port: 1, family: .ipv4))
        #expect(grpc.maximumMessageBytes == 16 << 20 && grpc.maximumStreams == 7 && grpc.includesMetadata)
        #expect(grpc.authenticator == ComponentID(type: "bearertokenauth", name: "x"))
        #expect(
            grpc.keepalive
                == .init(
                    maximumIdleTime: .seconds(1), maximumAge: .seconds(2), maximumAgeGrace: .seconds(3),
                    time: .seconds(4),
                    timeout: .seconds(5), minimumPingInterval: .seconds(6), permitsWithoutStream: true))
        let http = try #require(configuration.http?.server)
        #expect(http.address == .tcp(host: "::1", port: 2))
        #expect(http.tls == grpc.tls && http.tls?.reloadsClientAuthority == true && http.tls?.curves == [29])
        #expect(http.contentCodings == [.zstd] && !http.keepsConnections && http.maximumBodyBytes == 5)
        #expect(http.authenticationParameters == ["token"])
        #expect(configuration.http?.paths[.traces] == "/t")
    }

    @Test(arguments: [
        ([("endpoint", "host")], "must have the form host:port"), ([("transport", "udp")], "unknown value \"udp\""),
        ([("transport", "unix")], "requires the path of a socket"), ([("endpoint", "::1:4317")], "host:port"),
        ([("keepalive", "x")], "expected a map"), ([("max_recv_msg_size_mib", "x")], "expected type int"),
        ([("max_rcv_msg_size_mib", "1")], "did you mean \"max_recv_msg_size_mib\"?"),
    ])
    func reportsMistakes(entries: [(String, String)], message: String) {
        let (_, errors, _) = decode(
            protocols([("grpc", .tree(entries.map { ($0.0, .string($0.1)) }))]), with: read)
        #expect(errors.count == 1 && errors[0].contains(message), "\(errors)")
    }

    @Test func reportsIncompleteTLSAndEqualPaths() {
        let (_, errors, _) = decode(
            protocols([
                ("grpc", .tree([("tls", .tree([("cert_file", .string("c"))]))])),
                ("http", .tree([("logs_url_path", .string("/v1/traces"))])),
            ]), with: read)
        #expect(errors.count == 2, "\(errors)")
    }
}
