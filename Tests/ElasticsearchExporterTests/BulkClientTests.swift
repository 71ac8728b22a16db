import Collector
import ElasticsearchDouble
import ExporterSupport
import ExporterTestSupport
import Foundation
import HTTPClientSupport
import Testing

@testable import ElasticsearchExporter

/// The exporter against the double, by log records: which arrive, what is retried, what is counted and logged.
@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct BulkClientTests {
    @Test func requestsAreWhatTheServerExpects() async throws {
        let double = try await ElasticsearchDouble(["--api-key", "secret"])
        let running = try await RunningExporter(double, .logs) {
            $0.endpoints = [try HTTPEndpoint(parsing: double.url + "/prefix/?routing=x")]
            $0.apiKey = OpaqueString("secret")
            $0.pipeline = "my pipe"
            $0.sourceOnError = .leftOut
            $0.client.headers = [("X-Team", OpaqueString("profiling"))]
        }
        try await running.exporter.consume(logs(0..<3))
        try await running.exporter.shutdown()
        let request = try #require(try await double.requests().first)
        #expect(request.path == "/prefix/_bulk")
        #expect(
            request.query == [
                "routing": "x", "pipeline": "my pipe", "include_source_on_error": "false",
                "filter_path":
                    "items.*._index,items.*.status,items.*.failure_store,items.*.error.type,items.*.error.reason",
            ])
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.headers["content-encoding"] == "gzip")
        #expect(request.headers["x-elastic-event-count"] == "3")
        #expect(request.headers["x-elastic-uncompressed-request-length"] == "\(request.bytes)")
        #expect(request.headers["authorization"] == "APIKey secret")
        #expect(request.headers["x-team"] == "profiling")
        #expect(request.headers["user-agent"] == "OpenTelemetry Collector/1.2.3 (linux/\(HTTPClients.architecture))")
        #expect(
            request.actions.first == ["create": ["_index": "logs-generic.otel-default", "require_data_stream": true]])
        #expect(try await double.logBodies() == [0, 1, 2])
        #expect(running.count("otelcol_exporter_sent_log_records") == 3)
        #expect(running.count("otelcol_elasticsearch_docs_received") == 3)
        #expect(
            running.count(
                "otelcol_elasticsearch_docs_processed",
                ["outcome": "success", "index": "logs-generic.otel-default", "http_response_status_code": "201"]) == 3)
        #expect(running.count("otelcol_elasticsearch_flushed_uncompressed_bytes") == Double(request.bytes))
        #expect(running.log.messages.isEmpty)
    }

    @Test func withoutCompression() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) { $0.compression = .none }
        try await running.exporter.consume(logs(0..<3))
        try await running.exporter.shutdown()
        #expect(try await double.requests().first?.headers["content-encoding"] == nil)
        #expect(try await double.logBodies() == [0, 1, 2])
    }

    struct Identity: Sendable {
        var arguments: [String]
        var change: @Sendable (inout ElasticsearchConfiguration) throws -> Void
    }

    @Test(arguments: [
        Identity(arguments: ["--user", "elastic:p:ss"]) {
            $0.user = "elastic"
            $0.password = OpaqueString("p:ss")
        },
        Identity(arguments: ["--api-key", "k"]) {
            $0.user = "elastic"
            $0.password = OpaqueString("x")
            $0.apiKey = OpaqueString("k")
        },
        Identity(arguments: ["--user", "own:pass"]) {
            $0.apiKey = OpaqueString("k")
            $0.endpoints[0].userInformation = OpaqueString("own:pass")
        },
        Identity(arguments: ["--api-key", "header"]) {
            $0.apiKey = OpaqueString("k")
            $0.client.headers = [("Authorization", OpaqueString("ApiKey header"))]
        },
    ])
    func authenticates(_ identity: Identity) async throws {
        let double = try await ElasticsearchDouble(identity.arguments)
        let running = try await RunningExporter(double, .logs, identity.change)
        try await running.exporter.consume(logs(0..<1))
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == [0])
    }

    @Test func wrongKeyIsPermanent() async throws {
        let double = try await ElasticsearchDouble(["--api-key", "k"])
        let running = try await RunningExporter(double, .logs)
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<5)) }
        try await running.exporter.shutdown()
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 5)
        #expect(running.count("otelcol_exporter_sent_log_records") == 0)
        let record = try #require(running.log.records.first { $0.level == .error })
        #expect(record.metadata["status"] == "401")
        #expect(record.metadata["reason"]?.contains("missing authentication credentials") == true)
        #expect(record.metadata["documents"] == "5")
        #expect(running.count("otelcol_elasticsearch_bulk_requests_count") == 1)
    }

    @Test(arguments: [429, 502, 503, 504])
    func passingFailuresAreRetried(status: Int) async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(#"[{"status": \#(status), "retry_after": "0"}, {"status": \#(status)}]"#)
        let running = try await RunningExporter(double, .logs)
        try await running.exporter.consume(logs(0..<4))
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == [0, 1, 2, 3])
        #expect(running.count("otelcol_elasticsearch_docs_retried") == 8)
        #expect(running.count("otelcol_exporter_sent_log_records") == 4)
    }

    @Test(arguments: [400, 403, 404, 500])
    func lastingFailuresAreNot(status: Int) async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(#"[{"status": \#(status)}]"#)
        let running = try await RunningExporter(double, .logs)
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<4)) }
        try await running.exporter.shutdown()
        #expect(try await double.requests().count == 1)
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 4)
    }

    @Test func retryAfterIsHonoured() async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(#"[{"status": 429, "retry_after": "2"}]"#)
        let running = try await RunningExporter(double, .logs)
        let start = ContinuousClock.now
        try await running.exporter.consume(logs(0..<1))
        #expect(ContinuousClock.now - start >= .seconds(2))
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == [0])
    }

    @Test func retriesEnd() async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer("[" + Array(repeating: #"{"status": 503}"#, count: 10).joined(separator: ",") + "]")
        let running = try await RunningExporter(double, .logs) { $0.retry.maximumRetries = 2 }
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<1)) }
        try await running.exporter.shutdown()
        #expect(try await double.requests().count == 3)
    }

    @Test func onlyFailedDocumentsGoAgain() async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(
            """
            [{"items": {"1": {"status": 429}, "3": {"status": 503},
              "4": {"status": 400, "type": "document_parsing_exception",
              "reason": "failed to parse. Preview of field's value: 'secret'"}}}, {"items": {"0": {"status": 429}}}]
            """)
        let running = try await RunningExporter(double, .logs)
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<6)) }
        try await running.exporter.shutdown()
        #expect(try await double.requests().map(\.actions.count) == [6, 2, 1])
        #expect(try await double.logBodies() == [0, 1, 2, 3, 5])
        #expect(running.count("otelcol_exporter_sent_log_records") == 5)
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 1)
        #expect(
            running.count(
                "otelcol_elasticsearch_docs_processed",
                ["outcome": "failed_client", "error_type": "document_parsing_exception"]) == 1)
        let lines = running.log.records.filter { $0.level == .error }
        #expect(lines.count == 1)
        #expect(lines.first?.metadata["index"] == "logs-generic.otel-default")
        #expect(lines.first?.metadata["reason"]?.hasPrefix("failed to parse") == true)
        #expect(lines.first?.metadata["reason"]?.contains("secret") == false)
    }

    @Test func losesOneLineForManyDocuments() async throws {
        let double = try await ElasticsearchDouble(["--no-product"])
        let running = try await RunningExporter(double, .logs)
        for _ in 0..<5 {
            await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<10)) }
        }
        let before = running.log.records.filter { $0.level == .error }
        #expect(before.count == 1)
        #expect(before.first?.metadata["reason"]?.contains("X-Elastic-Product") == true)
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level == .error }.map(\.metadata["documents"]) == ["10", "40"])
    }

    @Test(arguments: [400, 2000, 100_000])
    func largeRequestsAreSplit(limit: Int) async throws {
        let double = try await ElasticsearchDouble(["--maximum-bytes", "\(limit)"])
        let running = try await RunningExporter(double, .logs)
        try await running.exporter.consume(logs(0..<300))
        try await running.exporter.consume(logs(300..<400))
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == Array(0..<400))
        let requests = try await double.requests()
        // Learnt once: the second batch meets no refusal.
        let lastRefusal = requests.lastIndex { $0.status == 413 } ?? 0
        #expect(requests[lastRefusal...].reduce(0) { $0 + ($1.status == 200 ? $1.actions.count : 0) } >= 100)
        #expect(running.count("otelcol_exporter_sent_log_records") == 400)
    }

    @Test func aDocumentThatIsTooLargeAloneIsLostAlone() async throws {
        let double = try await ElasticsearchDouble(["--maximum-bytes", "3000"])
        let running = try await RunningExporter(double, .logs)
        guard case .logs(var data) = logs(0..<20), case .logs(let large) = logs(20..<21, padding: 5000) else { return }
        data.resourceLogs += large.resourceLogs
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(.logs(data)) }
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == Array(0..<20))
        let record = try #require(running.log.records.first { $0.level == .error })
        #expect(record.metadata["status"] == "413")
        #expect((record.metadata["document_bytes"].flatMap { Int($0) } ?? 0) > 5000)
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 1)
    }

    @Test func batchesAreCutByBytes() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) { $0.maximumRequestBytes = 2000 }
        try await running.exporter.consume(logs(0..<100))
        try await running.exporter.shutdown()
        let requests = try await double.requests()
        #expect(requests.count > 5)
        #expect(requests.allSatisfy { $0.bytes <= 2500 })
        #expect(try await double.logBodies() == Array(0..<100))
    }

    @Test(arguments: [#"[{"close": true}]"#, #"[{"garbage": true}]"#])
    func unreadableAnswersAreRetried(_ script: String) async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(script)
        let running = try await RunningExporter(double, .logs)
        try await running.exporter.consume(logs(0..<2))
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == [0, 1])
    }

    /// The answer is lost after the request was carried out: documents with an id are recognised the second time.
    @Test func lostAnswersDoNotDuplicateDocumentsWithIDs() async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(#"[{"lose": true}]"#)
        let running = try await RunningExporter(double, .logs) { $0.takesDocumentID = [.logs] }
        guard case .logs(var data) = logs(0..<2) else { return }
        for index in 0..<2 {
            data.resourceLogs[0].scopeLogs[0].logRecords[index].attributes = [
                .init("elasticsearch.document_id", "id-\(index)")
            ]
        }
        try await running.exporter.consume(.logs(data))
        try await running.exporter.shutdown()
        #expect(try await double.documents("logs-generic.otel-default").map(\.id).sorted() == ["id-0", "id-1"])
        #expect(running.count("otelcol_exporter_sent_log_records") == 2)
    }

    @Test func silenceEndsWithTheTimeout() async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(#"[{"hang": true}]"#)
        let running = try await RunningExporter(double, .logs) { $0.timeout = .milliseconds(500) }
        try await running.exporter.consume(logs(0..<1))
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == [0])
    }

    @Test func endpointsTakeTurnsAndStandInForEachOther() async throws {
        let (first, second) = (try await ElasticsearchDouble(), try await ElasticsearchDouble())
        let running = try await RunningExporter(first, .logs) {
            $0.endpoints = try [first.url, second.url].map { try HTTPEndpoint(parsing: $0) }
            $0.retry.maximumRetries = 0
        }
        for number in 0..<4 { try await running.exporter.consume(logs(number..<number + 1)) }
        #expect(try await first.logBodies().count == 2)
        #expect(try await second.logBodies().count == 2)
        try await first.kill()
        // Not even a retry is needed where a connection is refused at once. A connection that was kept open may break
        // in the middle, which only a retry can mend.
        let afterwards = try await RunningExporter(second, .logs) {
            $0.endpoints = try [first.url, second.url].map { try HTTPEndpoint(parsing: $0) }
            $0.retry.maximumRetries = 0
        }
        for number in 4..<8 { try await afterwards.exporter.consume(logs(number..<number + 1)) }
        try await running.exporter.shutdown()
        try await afterwards.exporter.shutdown()
        #expect(try await second.logBodies().count == 6)
    }

    /// A host by its name and one by its address fail in different ways; both send the request on at once.
    @Test(arguments: ["localhost", "127.0.0.1"])
    func aRefusedConnectionIsNoAttempt(host: String) async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) {
            $0.endpoints = try ["http://\(host):1", double.url].map { try HTTPEndpoint(parsing: $0) }
            $0.retry.isEnabled = false
        }
        for number in 0..<3 { try await running.exporter.consume(logs(number..<number + 1)) }
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == [0, 1, 2])
        #expect(running.log.messages.isEmpty)
    }

    @Test func waitsForAServerThatIsGone() async throws {
        let gone = try await ElasticsearchDouble()
        let running = try await RunningExporter(gone, .logs) { $0.retry.maximumInterval = .milliseconds(100) }
        try await gone.kill()
        let sending = Task { try await running.exporter.consume(logs(0..<3)) }
        while running.count("otelcol_elasticsearch_docs_retried") < 6 { try await Task.sleep(for: .milliseconds(10)) }
        let back = try await ElasticsearchDouble(["--port", "\(gone.port)"])
        try await sending.value
        try await running.exporter.shutdown()
        #expect(try await back.logBodies() == [0, 1, 2])
        #expect(running.log.records.allSatisfy { $0.level == .info })
    }

    @Test func shutdownDoesNotWaitForAServerThatIsGone() async throws {
        let gone = try await ElasticsearchDouble()
        let running = try await RunningExporter(gone, .logs) {
            $0.queue = QueueConfiguration(consumers: 1)
            $0.retry.initialInterval = .seconds(100)
            $0.retry.maximumInterval = .seconds(100)
        }
        try await gone.kill()
        try await running.exporter.consume(logs(0..<3))
        while !running.log.messages.contains(where: { $0.contains("Will retry") }) {
            try await Task.sleep(for: .milliseconds(10))
        }
        let start = ContinuousClock.now
        try await running.exporter.shutdown()
        #expect(ContinuousClock.now - start < .seconds(60))
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 3)
    }

    @Test func discoversNodes() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .logs) {
            $0.endpoints = [try HTTPEndpoint(parsing: double.url)]
            $0.discovery.onStart = true
        }
        try await running.exporter.consume(logs(0..<1))
        try await running.exporter.shutdown()
        // By its address, not by the name that was configured.
        #expect(try await double.requests().first?.headers["host"] == "127.0.0.1:\(double.port)")
    }

    @Test func speaksTLS() async throws {
        guard try TestAuthority.isAvailable() else { return }
        let authority = try await TestAuthority()
        let double = try await ElasticsearchDouble(["--certificate", authority.certificate, "--key", authority.key])
        let trusting = try await RunningExporter(double, .logs) {
            $0.client.tls.certificateAuthority = .file(authority.authority)
        }
        let sending: Void = try await trusting.exporter.consume(logs(0..<1))
        _ = sending
        try await trusting.exporter.shutdown()
        let suspicious = try await RunningExporter(double, .logs) { $0.retry.isEnabled = false }
        await #expect(throws: PermanentError.self) { try await suspicious.exporter.consume(logs(0..<1)) }
        try await suspicious.exporter.shutdown()
        let reason = suspicious.log.records.first { $0.level == .error }?.metadata["reason"] ?? ""
        #expect(reason.contains("CERTIFICATE_VERIFY_FAILED") && reason.contains("tls::ca_file"), "\(reason)")
    }
}
