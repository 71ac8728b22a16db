import Collector
import ExporterSupport
import ExporterTestSupport
import Testing

@testable import ElasticsearchExporter

/// Every key of the exporter, one row each: its default, what a value makes of it, and values that are refused.
struct ConfigurationTableTests {
    typealias Value = ConfigurationNode.Value

    struct Row: Sendable, CustomTestStringConvertible {
        /// Sections and the key, with `::` between them.
        var key: String
        var byDefault: String
        var value: Value
        var becomes: String
        var wrong: [Value]
        var read: @Sendable (ElasticsearchConfiguration) -> Any

        init(
            _ key: String, _ byDefault: String, _ value: Value, _ becomes: String, wrong: Value...,
            read: @escaping @Sendable (ElasticsearchConfiguration) -> Any
        ) {
            (self.key, self.byDefault, self.value, self.becomes) = (key, byDefault, value, becomes)
            (self.wrong, self.read) = (wrong, read)
        }

        var testDescription: String { key }

        func entries(_ value: Value) -> Entries {
            let parts = key.components()
            let nested = parts.dropFirst().reversed().reduce(value) { .tree([($1, $0)]) }
            return [(parts[0], nested)]
        }
    }

    static let flag = Value.string("perhaps")
    static let word = Value.string("often")
    static func strings(_ values: String...) -> Value { .list(values.map { ConfigurationNode(.string($0)) }) }
    static func codes(_ values: Int64...) -> Value { .list(values.map { ConfigurationNode(.integer($0)) }) }

    static let connections: [Row] = [
        Row("user", "", .string("elastic"), "elastic", wrong: .tree([])) { $0.user },
        Row("password", "", .string("p"), "p", wrong: .tree([])) { $0.password.value },
        Row("api_key", "", .string("k"), "k", wrong: .tree([])) { $0.apiKey.value },
        Row("auth::authenticator", "-", .string("basicauth/x"), "basicauth/x", wrong: .null) {
            $0.client.authentication.map { "\($0.authenticator)" } ?? "-"
        },
        Row(
            "headers", "[]", .tree([("X-A", .string("1"))]), #"["X-A: 1"]"#, wrong: .tree([("a b", .string("1"))]),
            .tree([("a", .string("1\r\nb: 2"))])
        ) { $0.client.headers.map { "\($0.name): \($0.value.value)" } },
        Row("tls::insecure_skip_verify", "false", .boolean(true), "true", wrong: flag) { $0.client.tls.skipsVerification },
        Row("tls::server_name_override", "-", .string("inside"), "inside", wrong: .tree([])) {
            $0.client.tls.serverName ?? "-"
        },
        Row("timeout", "90.0 seconds", .string("5s"), "5.0 seconds", wrong: word, .string("-1s")) { $0.timeout },
        Row("compression", "gzip", .string("none"), "none", wrong: .string("zstd"), .string("snappy")) {
            $0.compression
        },
        Row("compression_params::level", "1", .integer(9), "9", wrong: .integer(10), .integer(-1), word) {
            $0.compressionLevel
        },
        Row(
            "proxy_url", "", .string("socks5://p:1"), "socks5://p:1", wrong: .string("https://p"), .string("http://")
        ) { $0.client.proxyURL },
        Row("read_buffer_size", "", .integer(1), "", wrong: word) { _ in "" },
        Row("write_buffer_size", "", .integer(1), "", wrong: word) { _ in "" },
        Row("max_idle_conns", "", .integer(1), "", wrong: word) { _ in "" },
        Row("max_idle_conns_per_host", "", .integer(1), "", wrong: word) { _ in "" },
        Row("max_conns_per_host", "0", .integer(7), "7", wrong: .integer(-1), word) {
            $0.client.connections.maximumPerHost
        },
        Row("idle_conn_timeout", "90.0 seconds", .string("1m"), "60.0 seconds", wrong: .string("-1s"), word) {
            $0.client.connections.idleTimeout
        },
        Row("disable_keep_alives", "true", .boolean(true), "false", wrong: flag) { $0.client.connections.keepsConnections },
        Row("http2_read_idle_timeout", "", .string("1s"), "", wrong: word) { _ in "" },
        Row("http2_ping_timeout", "", .string("1s"), "", wrong: word) { _ in "" },
        Row("force_attempt_http2", "true", .boolean(false), "false", wrong: flag) { $0.client.connections.usesHTTP2 },
        Row("cookies::enabled", "false", .boolean(true), "true", wrong: flag) { $0.client.keepsCookies },
        Row(
            "middlewares", "[]", .list([ConfigurationNode(.tree([("id", .string("a/b"))]))]), "[a/b]",
            wrong: .list([ConfigurationNode(.tree([]))])
        ) { $0.client.middlewares },
        Row("discover::on_start", "false", .boolean(true), "true", wrong: flag) { $0.discovery.onStart },
        Row("discover::interval", "0.0 seconds", .string("1m"), "60.0 seconds", wrong: .string("-1s"), word) {
            $0.discovery.interval
        },
    ]

    static let queue: [Row] = [
        Row("sending_queue::enabled", "true", .boolean(false), "false", wrong: flag) { $0.queue != nil },
        Row("sending_queue::sizer", "requests", .string("bytes"), "bytes", wrong: .string("pages")) {
            $0.queue?.sizer ?? .items
        },
        Row("sending_queue::queue_size", "10", .integer(5), "5", wrong: .integer(0), .integer(-1), word) {
            $0.queue?.size ?? 0
        },
        Row("sending_queue::block_on_overflow", "true", .boolean(false), "false", wrong: flag) {
            $0.queue?.blocksOnOverflow ?? false
        },
        Row("sending_queue::num_consumers", "10", .integer(3), "3", wrong: .integer(0), word) {
            $0.queue?.consumers ?? 0
        },
        Row("sending_queue::wait_for_result", "false", .boolean(true), "true", wrong: flag) {
            $0.queue?.waitsForResult ?? true
        },
        Row("sending_queue::storage", "-", .string("file_storage/x"), "file_storage/x", wrong: .string("a b")) {
            $0.queue?.storage.map { "\($0)" } ?? "-"
        },
        Row("sending_queue::batch::enabled", "true", .boolean(false), "false", wrong: flag) { $0.queue?.batch != nil },
        Row("sending_queue::batch::sizer", "bytes", .string("items"), "items", wrong: .string("requests")) {
            $0.queue?.batch?.sizer ?? .items
        },
        Row("sending_queue::batch::min_size", "1000000", .integer(5), "5", wrong: .integer(-1), word) {
            $0.queue?.batch?.minimumSize ?? 0
        },
        Row("sending_queue::batch::max_size", "5000000", .integer(500), "500", wrong: .integer(-1), word) {
            $0.maximumRequestBytes
        },
        Row(
            "sending_queue::batch::flush_timeout", "10.0 seconds", .string("1s"), "1.0 seconds", wrong: .string("0s"),
            .string("-1s"), word
        ) { $0.queue?.batch?.flushTimeout ?? .zero },
        Row(
            "sending_queue::batch::partition::metadata_keys", "[]", strings("X-A", "b"), #"["x-a", "b"]"#,
            wrong: strings("a", "A")
        ) { $0.queue?.batch?.partitionKeys ?? [] },
        Row("metadata_keys", "[]", strings("X-A", "b"), #"["x-a", "b"]"#, wrong: strings("a", "b", "A")) {
            $0.metadataKeys
        },
        Row("retry::enabled", "true", .boolean(false), "false", wrong: flag) { $0.retry.isEnabled },
        Row("retry::max_retries", "-", .integer(0), "0", wrong: .integer(-1), word) {
            $0.retry.maximumRetries.map { "\($0)" } ?? "-"
        },
        Row("retry::max_requests", "-", .integer(4), "3", wrong: .integer(-1), word) {
            $0.retry.maximumRetries.map { "\($0)" } ?? "-"
        },
        Row("retry::initial_interval", "0.1 seconds", .string("1s"), "1.0 seconds", wrong: .string("-1s"), word) {
            $0.retry.initialInterval
        },
        Row("retry::max_interval", "60.0 seconds", .string("1s"), "1.0 seconds", wrong: .string("-1s"), word) {
            $0.retry.maximumInterval
        },
        Row(
            "retry::retry_on_status", "[429, 502, 503, 504]", codes(500, 408), "[408, 500]", wrong: codes(42), word
        ) { $0.retry.requestStatuses.sorted() },
        Row("retry::retry_on_document_status", "[429, 503]", codes(500), "[500]", wrong: codes(1000), word) {
            $0.retry.documentStatuses.sorted()
        },
    ]

    static let documents: [Row] = [
        Row(
            "mapping::allowed_modes", #"["bodymap", "ecs", "none", "otel", "raw"]"#, strings("ECS", "no"),
            #"["ecs", "none"]"#, wrong: strings("otel", "odd")
        ) { $0.allowedModes.map(\.rawValue) },
        Row("logs_index", "-", .string("i"), "i", wrong: .tree([])) { $0.indices[.logs] ?? "-" },
        Row("metrics_index", "-", .string("i"), "i", wrong: .tree([])) { $0.indices[.metrics] ?? "-" },
        Row("traces_index", "-", .string("i"), "i", wrong: .tree([])) { $0.indices[.traces] ?? "-" },
        Row("logs_dynamic_index::enabled", "-", .boolean(true), "-", wrong: flag) { $0.indices[.logs] ?? "-" },
        Row("metrics_dynamic_index::enabled", "-", .boolean(true), "-", wrong: flag) { $0.indices[.metrics] ?? "-" },
        Row("traces_dynamic_index::enabled", "-", .boolean(true), "-", wrong: flag) { $0.indices[.traces] ?? "-" },
        Row("logs_dynamic_id::enabled", "false", .boolean(true), "true", wrong: flag) {
            $0.takesDocumentID.contains(.logs)
        },
        Row("traces_dynamic_id::enabled", "false", .boolean(true), "true", wrong: flag) {
            $0.takesDocumentID.contains(.traces)
        },
        Row("logs_dynamic_pipeline::enabled", "false", .boolean(true), "true", wrong: flag) { $0.takesPipeline },
        Row("pipeline", "", .string("p"), "p", wrong: .tree([])) { $0.pipeline },
        Row("logstash_format::enabled", "false", .boolean(true), "true", wrong: flag) { $0.logstash.isEnabled },
        Row("logstash_format::prefix_separator", "-", .string("."), ".", wrong: .tree([])) { $0.logstash.separator },
        Row("logstash_format::date_format", "%Y.%m.%d", .string("%Y"), "%Y", wrong: .tree([])) {
            $0.logstash.dateFormat
        },
        Row("telemetry::log_request_body", "false", .boolean(true), "true", wrong: flag) { $0.logging.requestBody },
        Row("telemetry::log_response_body", "false", .boolean(true), "true", wrong: flag) { $0.logging.responseBody },
        Row("telemetry::log_failed_docs_input", "false", .boolean(true), "true", wrong: flag) {
            $0.logging.failedDocuments
        },
        Row(
            "telemetry::log_failed_docs_input_rate_limit", "1.0 seconds", .string("2s"), "2.0 seconds",
            wrong: .string("-1s"), word
        ) { $0.logging.failedDocumentsInterval },
        Row("include_source_on_error", "serverDefault", .boolean(true), "included", wrong: flag) {
            $0.sourceOnError
        },
        Row("bulk_response_filter_path", "", .string("items"), "items", wrong: .tree([])) { $0.responseFilter },
        Row("suppress_conflict_errors", "false", .boolean(true), "true", wrong: flag) { $0.suppressesConflictErrors },
        Row("profiles::schema", "auto", .string("otel"), "otel", wrong: .string("new")) { $0.profiles.schema },
        Row("profiles::fill_host", "true", .boolean(false), "false", wrong: flag) { $0.profiles.fillsHost },
        Row("profiles::symbolization_queues", "false", .boolean(true), "true", wrong: flag) {
            $0.profiles.fillsSymbolizationQueues
        },
        Row("profiles::downsampled_events", "false", .boolean(true), "true", wrong: flag) {
            $0.profiles.writesDownsampledEvents
        },
        // Keys of older versions.
        Row("mapping::mode", "otel", .string("ecs"), "otel", wrong: .tree([])) { $0.defaultMode },
        Row("num_workers", "10", .integer(3), "3", wrong: .integer(-1), word) { $0.queue?.consumers ?? 0 },
        Row("flush::bytes", "5000000", .integer(500), "500", wrong: .integer(-1), word) { $0.maximumRequestBytes },
        Row("flush::interval", "10.0 seconds", .string("1s"), "1.0 seconds", wrong: .string("-1s"), word) {
            $0.queue?.batch?.flushTimeout ?? .zero
        },
    ]

    static let endpoint: Entries = [("endpoint", .string("http://es:9200"))]

    @Test(arguments: connections + queue + documents)
    func key(_ row: Row) {
        let plain = decodeExporter(Self.endpoint)
        #expect("\(row.read(plain.configuration))" == row.byDefault)
        let written = decodeExporter(Self.endpoint + row.entries(row.value))
        #expect(written.errors.isEmpty, "\(written.errors)")
        #expect("\(row.read(written.configuration))" == row.becomes)
        let name = row.key.components().last ?? ""
        for wrong in row.wrong {
            let errors = decodeExporter(Self.endpoint + row.entries(wrong)).errors
            #expect(errors.count == 1 && errors.first?.contains(name) == true, "\(wrong): \(errors)")
        }
    }

    /// What the table names is all there is: a key that is read and not in it is missing there.
    @Test func unknownKeysAreRefused() {
        for entries in [
            [("retry_on_failure", .tree([]))], [("batcher", .tree([]))],
            [("retry", .tree([("max_elapsed_time", .string("1s"))]))],
            [("telemetry", .tree([("metrics", .tree([]))]))], [("profiles_index", .string("x"))],
        ] as [Entries] {
            #expect(decodeExporter(Self.endpoint + entries).errors.count == 1, "\(entries)")
        }
    }
}

extension String {
    fileprivate func components() -> [String] {
        split(separator: ":", omittingEmptySubsequences: true).map(String.init)
    }
}
