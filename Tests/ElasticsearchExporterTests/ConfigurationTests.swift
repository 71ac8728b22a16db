import Collector
import ExporterSupport
import ExporterTestSupport
import HTTPClientSupport
import Testing

@testable import ElasticsearchExporter

typealias Entries = [(String, ConfigurationNode.Value)]

/// - Parameter environment: The only variable is `ELASTICSEARCH_URL`.
func decodeExporter(
    _ entries: Entries, url: String? = nil
) -> (configuration: ElasticsearchConfiguration, errors: [String], warnings: [String]) {
    decode(entries) { ElasticsearchConfiguration($0) { $0 == "ELASTICSEARCH_URL" ? url : nil } }
}

struct ConfigurationTests {
    let endpoint: Entries = [("endpoint", .string("http://es:9200"))]

    func list(_ values: String...) -> ConfigurationNode.Value { .list(values.map { ConfigurationNode(.string($0)) }) }
    func list(_ values: Int64...) -> ConfigurationNode.Value { .list(values.map { ConfigurationNode(.integer($0)) }) }
    func enabled(_ value: Bool = true) -> ConfigurationNode.Value { .tree([("enabled", .boolean(value))]) }

    @Test func defaults() {
        let (configuration, errors, warnings) = decodeExporter(endpoint)
        #expect(errors.isEmpty)
        #expect(warnings.isEmpty)
        #expect(configuration.timeout == .seconds(90))
        #expect(configuration.compression == .gzip)
        #expect(configuration.compressionLevel == 1)
        var queue = QueueConfiguration(consumers: 10, size: 10, blocksOnOverflow: true)
        queue.batch = SendingBatchConfiguration()
        queue.batch?.sizer = .bytes
        queue.batch?.minimumSize = 1_000_000
        queue.batch?.flushTimeout = .seconds(10)
        queue.metadataKeys = ["x-elastic-mapping-mode"]
        #expect(configuration.queue == queue)
        #expect(configuration.maximumRequestBytes == 5_000_000)
        #expect(configuration.retry == BulkRetryConfiguration())
        #expect(configuration.retry.isEnabled)
        #expect(configuration.retry.initialInterval == .milliseconds(100))
        #expect(configuration.retry.maximumInterval == .seconds(60))
        #expect(configuration.retry.requestStatuses == [429, 502, 503, 504])
        #expect(configuration.retry.documentStatuses == [429, 503])
        #expect(configuration.allowedModes == [.bodymap, .ecs, .none, .otel, .raw])
        #expect(configuration.defaultMode == .otel)
        #expect(configuration.indices.isEmpty)
        #expect(configuration.logstash == LogstashFormat())
        #expect(configuration.logstash.separator == "-")
        #expect(configuration.logstash.dateFormat == "%Y.%m.%d")
        #expect(configuration.discovery == Discovery())
        #expect(configuration.sourceOnError == .serverDefault)
        #expect(!configuration.suppressesConflictErrors)
        #expect(configuration.client.connections.idleTimeout == .seconds(90))
        #expect(configuration.client.connections.usesHTTP2)
        #expect(configuration.profiles == ProfileSettings())
    }

    @Test func readsEveryKey() {
        let (configuration, errors, warnings) = decodeExporter([
            ("auth", .tree([("authenticator", .string("bearertokenauth/es"))])), ("cookies", enabled()),
            (
                "middlewares",
                .list([
                    ConfigurationNode(.tree([("id", .string("first"))])),
                    ConfigurationNode(.tree([("id", .string("second/x"))])),
                ])
            ),
            ("endpoints", list("https://a", "https://b:9243/es/")), ("user", .string("elastic")),
            ("password", .string("secret")), ("api_key", .string("key")),
            ("headers", .tree([("X-A", .string("1"))])), 
            ("tls", .tree([("insecure_skip_verify", .boolean(true)), ("server_name_override", .string("inside"))])),
            ("timeout", .string("5s")), ("compression", .string("gzip")),
            ("compression_params", .tree([("level", .integer(9))])), ("proxy_url", .string("http://proxy:3128")),
            ("read_buffer_size", .integer(1)), ("write_buffer_size", .integer(1)), ("max_idle_conns", .integer(1)),
            ("max_idle_conns_per_host", .integer(1)), ("max_conns_per_host", .integer(7)),
            ("idle_conn_timeout", .string("1m")), ("disable_keep_alives", .boolean(true)),
            ("http2_read_idle_timeout", .string("1s")), ("http2_ping_timeout", .string("1s")),
            ("force_attempt_http2", .boolean(false)),
            (
                "sending_queue",
                .tree([
                    ("num_consumers", .integer(3)), ("queue_size", .integer(4)), ("block_on_overflow", .boolean(false)),
                    ("wait_for_result", .boolean(true)),
                    ("batch", .tree([("sizer", .string("bytes")), ("max_size", .integer(1000))])),
                ])
            ),
            (
                "retry",
                .tree([
                    ("enabled", .boolean(true)), ("max_retries", .integer(5)), ("initial_interval", .string("1s")),
                    ("max_interval", .string("2s")), ("retry_on_status", list(500, 429)),
                    ("retry_on_document_status", .list([])),
                ])
            ),
            ("mapping", .tree([("mode", .string("OTel")), ("allowed_modes", list("OTEL", "no", ""))])),
            ("logs_index", .string("l")), ("metrics_index", .string("m")), ("traces_index", .string("t")),
            ("logs_dynamic_index", enabled(false)), ("metrics_dynamic_index", enabled(false)),
            ("traces_dynamic_index", enabled(false)), ("logs_dynamic_id", enabled()), ("traces_dynamic_id", enabled()),
            ("logs_dynamic_pipeline", enabled()), ("pipeline", .string("p")),
            (
                "logstash_format",
                .tree([("enabled", .boolean(true)), ("prefix_separator", .string(".")), ("date_format", .string("%Y"))])
            ),
            ("discover", .tree([("on_start", .boolean(true)), ("interval", .string("30s"))])),
            (
                "telemetry",
                .tree([
                    ("log_request_body", .boolean(true)), ("log_response_body", .boolean(true)),
                    ("log_failed_docs_input", .boolean(true)), ("log_failed_docs_input_rate_limit", .string("2s")),
                ])
            ),
            ("include_source_on_error", .boolean(false)), ("bulk_response_filter_path", .string("items.*.error")),
            ("suppress_conflict_errors", .boolean(true)), ("metadata_keys", .string("X-Tenant")),
            (
                "profiles",
                .tree([
                    ("schema", .string("otel")), ("fill_host", .boolean(false)),
                    ("symbolization_queues", .boolean(true)), ("downsampled_events", .boolean(true)),
                ])
            ),
        ])
        #expect(errors.isEmpty)
        #expect(warnings.isEmpty)
        #expect(configuration.endpoints.map(\.url) == ["https://a", "https://b:9243/es"])
        #expect(configuration.user == "elastic" && configuration.password.value == "secret")
        #expect(configuration.apiKey.value == "key")
        #expect(configuration.client.headers.map(\.name) == ["X-A"])
        #expect(configuration.client.authentication?.authenticator == ComponentID(type: "bearertokenauth", name: "es"))
        #expect(configuration.client.middlewares == [ComponentID(type: "first"), ComponentID(type: "second", name: "x")])
        #expect(configuration.client.keepsCookies && configuration.client.tls.serverName == "inside")
        #expect(configuration.client.tls.skipsVerification)
        #expect(configuration.timeout == .seconds(5))
        #expect(configuration.compressionLevel == 9)
        #expect(configuration.client.proxyURL == "http://proxy:3128")
        #expect(configuration.client.connections.maximumPerHost == 7)
        #expect(!configuration.client.connections.keepsConnections && !configuration.client.connections.usesHTTP2)
        var queue = QueueConfiguration(consumers: 3, size: 4, waitsForResult: true)
        queue.batch = SendingBatchConfiguration()
        queue.batch?.sizer = .bytes
        queue.batch?.minimumSize = 1000
        queue.batch?.flushTimeout = .seconds(10)
        queue.metadataKeys = ["x-tenant", "x-elastic-mapping-mode"]
        #expect(configuration.queue == queue)
        #expect(configuration.maximumRequestBytes == 1000)
        #expect(configuration.retry.maximumRetries == 5)
        #expect(configuration.retry.initialInterval == .seconds(1))
        #expect(configuration.retry.maximumInterval == .seconds(2))
        #expect(configuration.retry.requestStatuses == [429, 500])
        #expect(configuration.retry.documentStatuses == [])
        #expect(configuration.allowedModes == [.otel, .none])
        #expect(configuration.indices == [.logs: "l", .metrics: "m", .traces: "t"])
        #expect(configuration.takesDocumentID == [.logs, .traces] && configuration.takesPipeline)
        #expect(configuration.pipeline == "p")
        #expect(configuration.logstash == LogstashFormat(isEnabled: true, separator: ".", dateFormat: "%Y"))
        #expect(configuration.discovery == Discovery(onStart: true, interval: .seconds(30)))
        #expect(configuration.logging.failedDocumentsInterval == .seconds(2))
        #expect(configuration.sourceOnError == .leftOut)
        #expect(configuration.responseFilter == "items.*.error")
        #expect(configuration.suppressesConflictErrors)
        #expect(configuration.profiles.schema == .otel && !configuration.profiles.fillsHost)
        #expect(configuration.profiles.fillsSymbolizationQueues && configuration.profiles.writesDownsampledEvents)
    }

    @Test func exactlyOneSourceOfEndpoints() {
        #expect(decodeExporter([]).errors.first?.contains("[endpoint, endpoints, cloudid]") == true)
        #expect(decodeExporter(endpoint + [("cloudid", .string("x:eA=="))]).errors.count == 1)
        #expect(decodeExporter(endpoint + [("endpoints", list("http://b"))]).errors.count == 1)
        #expect(decodeExporter(endpoint, url: "http://other").configuration.endpoints.map(\.url) == ["http://es:9200"])
        let several = decodeExporter([], url: "http://a, https://b:1/ ")
        #expect(several.errors.isEmpty)
        #expect(several.configuration.endpoints.map(\.url) == ["http://a", "https://b:1"])
    }

    @Test(arguments: [
        "", "es:9200", "ftp://es", "http://", "http://:9200", "http://es:99999", "http://es:x", "http://[::1",
    ])
    func refusesEndpoints(_ text: String) {
        #expect(decodeExporter([("endpoints", .list([ConfigurationNode(.string(text))]))]).errors.count == 1, "\(text)")
    }

    @Test func readsEndpoints() throws {
        let endpoint = try HTTPEndpoint(parsing: "HTTPS://us%40er:p%3Ass@es.example:9243/prefix//?a=b&c=d#x")
        #expect(endpoint.url == "https://es.example:9243/prefix")
        #expect(endpoint.userInformation?.value == "us@er:p:ss")
        #expect(endpoint.query == "a=b&c=d")
        #expect(endpoint.host == "es.example" && endpoint.isEncrypted)
        let address = try HTTPEndpoint(parsing: "http://[2001:db8::1]:9200")
        #expect(address.host == "2001:db8::1")
        #expect(address.url == "http://[2001:db8::1]:9200")
    }

    /// Encoded with `base64(1)`.
    @Test func readsCloudIDs() {
        func cloud(_ text: String) -> ([String], Int) {
            let result = decodeExporter([("cloudid", .string(text))])
            return (result.configuration.endpoints.map(\.url), result.errors.count)
        }
        // us-east-1.aws.found.io$abc123$def456
        #expect(
            cloud("name:dXMtZWFzdC0xLmF3cy5mb3VuZC5pbyRhYmMxMjMkZGVmNDU2")
                == (["https://abc123.us-east-1.aws.found.io"], 0))
        // example.org:9243$cluster
        #expect(cloud("a:ZXhhbXBsZS5vcmc6OTI0MyRjbHVzdGVy") == (["https://cluster.example.org:9243"], 0))
        // nothing
        #expect(cloud("a:bm90aGluZw==").1 == 1)
        #expect(cloud("a:***").1 == 1)
        #expect(cloud("dXMtZWFzdC0xLmF3cy5mb3VuZC5pbyRhYmM=").1 == 1)
    }

    struct Mistake: Sendable, CustomStringConvertible {
        var description: String
        var entries: Entries
        init(_ description: String, _ entries: Entries) {
            self.description = description
            self.entries = entries
        }
    }

    @Test(arguments: [
        Mistake("auth::authenticator", [("auth", .tree([]))]),
        Mistake("middlewares", [("middlewares", .list([ConfigurationNode(.tree([]))]))]),
        Mistake("compression", [("compression", .string("zstd"))]),
        Mistake("compression_params::level", [("compression_params", .tree([("level", .integer(10))]))]),
        Mistake("allowed_modes", [("mapping", .tree([("allowed_modes", .string("otel,odd"))]))]),
        Mistake("max_requests", [("retry", .tree([("max_requests", .integer(3)), ("max_retries", .integer(3))]))]),
        Mistake("max_retries", [("retry", .tree([("max_retries", .integer(-1))]))]),
        Mistake("max_requests", [("retry", .tree([("max_requests", .integer(-1))]))]),
        Mistake(
            "logs_index",
            [("logs_index", .string("l")), ("logs_dynamic_index", .tree([("enabled", .boolean(true))]))]),
        Mistake(
            "metrics_index",
            [("metrics_index", .string("l")), ("metrics_dynamic_index", .tree([("enabled", .boolean(true))]))]),
        Mistake(
            "traces_index",
            [("traces_index", .string("l")), ("traces_dynamic_index", .tree([("enabled", .boolean(true))]))]),
        Mistake("metadata_keys", [("metadata_keys", .string("A,b,a"))]),
        Mistake("retry_on_status", [("retry", .tree([("retry_on_status", .string("429"))]))]),
        Mistake("retry_on_failure", [("retry_on_failure", .tree([]))]),
        Mistake("schema", [("profiles", .tree([("schema", .string("new"))]))]),
        Mistake("proxy_url", [("proxy_url", .string("https://proxy"))]),
        Mistake("headers", [("headers", .tree([("a b", .string("x"))]))]),
        Mistake("sizer", [("sending_queue", .tree([("batch", .tree([("sizer", .string("pages"))]))]))]),
        Mistake(
            "min_size",
            [("sending_queue", .tree([("batch", .tree([("min_size", .integer(9)), ("max_size", .integer(8))]))]))]),
    ])
    func refuses(_ mistake: Mistake) {
        let errors = decodeExporter(endpoint + mistake.entries).errors
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.contains(mistake.description) == true, "\(errors)")
    }

    @Test func warnsOfOldKeys() {
        let (configuration, errors, warnings) = decodeExporter(
            endpoint + [
                ("num_workers", .integer(2)), ("flush", .tree([("bytes", .integer(77)), ("interval", .string("1s"))])),
                ("mapping", .tree([("mode", .string("ecs"))])), ("retry", .tree([("max_requests", .integer(1))])),
            ])
        #expect(errors.isEmpty)
        #expect(warnings.count == 4, "\(warnings)")
        #expect(configuration.queue?.consumers == 2)
        #expect(configuration.maximumRequestBytes == 77)
        #expect(configuration.queue?.batch?.minimumSize == 77)
        #expect(configuration.queue?.batch?.flushTimeout == .seconds(1))
        #expect(configuration.retry.maximumRetries == 0)
        let both = decodeExporter(
            endpoint + [
                ("num_workers", .integer(2)), ("flush", .tree([("bytes", .integer(77))])),
                (
                    "sending_queue",
                    .tree([("num_consumers", .integer(5)), ("batch", .tree([("max_size", .integer(88))]))])
                ),
            ])
        #expect(both.configuration.queue?.consumers == 5)
        #expect(both.configuration.maximumRequestBytes == 88)
    }

    @Test func batchesOfItems() {
        func queue(_ entries: Entries) -> QueueConfiguration? {
            decodeExporter(endpoint + [("sending_queue", .tree(entries))]).configuration.queue
        }
        let items = queue([
            ("batch", .tree([("sizer", .string("items")), ("min_size", .integer(10)), ("max_size", .integer(20))]))
        ])
        #expect(items?.batch?.sizer == .items && items?.batch?.minimumSize == 10 && items?.batch?.maximumSize == 20)
        #expect(queue([("batch", enabled(false))])?.batch == nil)
        #expect(queue([("enabled", .boolean(false))]) == nil)
        #expect(queue([("sizer", .string("items"))])?.batch?.sizer == .items)
    }

    @Test func documentStatusesFollowRequestStatuses() {
        let only = decodeExporter(endpoint + [("retry", .tree([("retry_on_status", list(500))]))])
        #expect(only.configuration.retry.documentStatuses == [500])
    }

    @Test func limitsOfRetries() {
        func limit(_ entries: Entries, isPersistent: Bool = false) -> BulkRetryPolicy.Limit {
            BulkRetryPolicy(
                decodeExporter(endpoint + [("retry", .tree(entries))]).configuration.retry, isPersistent: isPersistent
            ).limit
        }
        #expect(limit([]) == .elapsed(.seconds(300)))
        #expect(limit([], isPersistent: true) == .none)
        #expect(limit([("max_retries", .integer(0))]) == .retries(0))
        #expect(limit([("max_retries", .integer(3))], isPersistent: true) == .retries(3))
        #expect(limit([("max_requests", .integer(3))]) == .retries(2))
        #expect(limit([("enabled", .boolean(false)), ("max_retries", .integer(3))]) == .retries(0))
    }
}
