import Collector
import ExporterSupport
import HTTPClientSupport
import Logging
import Synchronization
import ZlibCompression

/// What became of a buffer's documents.
struct BulkOutcome: Sendable {
    /// Documents that are now in the index, whoever put them there.
    var confirmed: [DocumentIdentity] = []
    /// Items that documents were lost of.
    var lostItems: [ItemRange] = []
    var lostDocuments = 0
    /// Why the first document was lost.
    var reason = ""
}

/// Sends buffers by the bulk API until every document is accepted or lost.
final class BulkClient: Sendable {
    private let cluster: ClusterClient
    private let configuration: ElasticsearchConfiguration
    private let policy: BulkRetryPolicy
    private let metricsByClient: BulkMetricsByClient
    private var metrics: BulkMetrics { metricsByClient.current }
    private let losses: LossLog
    private let logger: Logger
    private let waits: InterruptibleSleep
    private let query: String
    private let state: Mutex<State>
    private let failedDocuments: RateLimit
    /// A server that is away for an hour is worth sixty lines, however many batches wait for it.
    private let retryLines = RateLimit(.seconds(60))
    private var isPersistent: Bool { configuration.queue?.storage != nil }
    /// Told the outcome of each request, for the component's status.
    private let observer: @Sendable (_ failure: (any Error)?) -> Void

    private struct State {
        /// Smaller than what is configured once a server refused a request for its size.
        var maximumBytes: Int
        var productIsKnown = false
    }

    static let defaultFilter =
        "items.*._index,items.*.status,items.*.failure_store,items.*.error.type,items.*.error.reason"

    init(
        cluster: ClusterClient, configuration: ElasticsearchConfiguration, policy: BulkRetryPolicy,
        metrics: BulkMetricsByClient, logger: Logger, waits: InterruptibleSleep,
        observer: @escaping @Sendable (_ failure: (any Error)?) -> Void
    ) {
        self.cluster = cluster
        self.configuration = configuration
        self.policy = policy
        metricsByClient = metrics
        self.logger = logger
        self.waits = waits
        self.observer = observer
        losses = LossLog(logger)
        failedDocuments = RateLimit(configuration.logging.failedDocumentsInterval)
        state = Mutex(State(maximumBytes: configuration.maximumRequestBytes))
        query = Self.query(configuration)
    }

    private static func query(_ configuration: ElasticsearchConfiguration) -> String {
        var parts: [String] = []
        if let own = configuration.endpoints.first?.query, !own.isEmpty { parts.append(own) }
        if !configuration.pipeline.isEmpty {
            parts.append("pipeline=\(HTTPEndpoint.percentEncoded(configuration.pipeline))")
        }
        let filter = configuration.responseFilter.isEmpty ? defaultFilter : configuration.responseFilter
        parts.append("filter_path=\(HTTPEndpoint.percentEncoded(filter))")
        switch configuration.sourceOnError {
        case .serverDefault: break
        case .included: parts.append("include_source_on_error=true")
        case .leftOut: parts.append("include_source_on_error=false")
        }
        return parts.joined(separator: "&")
    }

    func finish() { losses.finish() }

    /// Returns when every document is accepted or lost; losses are counted and logged.
    func send(_ buffer: BulkBuffer) async -> BulkOutcome {
        guard !buffer.isEmpty else { return BulkOutcome() }
        metrics.received.add(buffer.documents.count)
        var flight = BulkFlight(sizes: buffer.documents.map(\.bytes.count))
        let clock = ContinuousClock()
        let start = clock.now
        while true {
            while let request = flight.nextRequest(maximumBytes: state.withLock { $0.maximumBytes }) {
                await carryOut(request, of: buffer, &flight)
            }
            guard flight.openCount > 0 else { break }
            var generator = SystemRandomNumberGenerator()
            let pause = max(policy.pause(before: flight.rounds + 1, using: &generator), flight.requestedPause)
            let mayRetry =
                policy.allows(retry: flight.rounds + 1, elapsed: clock.now - start + pause)
                && !waits.isInterrupted && !Task.isCancelled
            guard mayRetry else {
                flight.giveUp()
                break
            }
            logRetry(of: flight, after: pause)
            // Cut short by the shutdown: one last attempt.
            _ = await waits.sleep(for: pause)
            metrics.retried.add(flight.openCount)
            flight.retry()
        }
        return outcome(of: flight, buffer)
    }

    // MARK: - One request

    private func carryOut(_ request: [Int], of buffer: BulkBuffer, _ flight: inout BulkFlight) async {
        let answer: HTTPAnswer
        let start = ContinuousClock.now
        do {
            answer = try await post(request, of: buffer)
        } catch let error as NoAnswer {
            metrics.request(status: nil, duration: ContinuousClock.now - start)
            observer(error)
            if error.isInDoubt {
                flight.leftInDoubt(request, reason: error.description)
            } else {
                flight.ended(request, .open(.unreachable, reason: error.description))
            }
            return
        } catch {
            observer(error)
            flight.ended(request, .lost(.unreachable, reason: "\(error)"))
            return
        }
        metrics.request(status: answer.status, duration: ContinuousClock.now - start)
        if let pause = answer.retryAfter { flight.pauseRequested(pause) }
        switch answer.status {
        case 200..<300: read(answer, request, of: buffer, &flight)
        case 413:
            let bytes = flight.bytes(of: request)
            metrics.requestSplits.add()
            // Halved until the server takes it, down to single documents.
            if request.count > 1 { state.withLock { $0.maximumBytes = min($0.maximumBytes, bytes / 2) } }
            flight.tooLarge(request, reason: "request too large: \(bytes) bytes")
            observer(nil)
        default:
            let text = ServerError.text(ofAnswer: answer.body)
            let reason = "status \(answer.status)" + (text.isEmpty ? "" : ": \(text)") + hint(text)
            let loss = BulkFlight.Loss.refused(status: answer.status, type: "")
            let isOpen = policy.requestStatuses.contains(answer.status)
            flight.ended(request, isOpen ? .open(loss, reason: reason) : .lost(loss, reason: reason))
            observer(CollectorError("bulk request to \(answer.node.endpoint.url) failed: \(LossLog.harmless(reason))"))
        }
    }

    private func post(_ request: [Int], of buffer: BulkBuffer) async throws -> HTTPAnswer {
        var headers = [
            ("Content-Type", "application/json"), ("X-Elastic-Event-Count", "\(request.count)"),
        ]
        var uncompressed = 0
        var body: [UInt8] = []
        switch configuration.compression {
        case .none:
            for range in buffer.pieces(of: request, maximumBytes: .max) { body += buffer.bytes[range] }
            uncompressed = body.count
        case .gzip:
            var stream = try ZlibStream(.gzip, level: configuration.compressionLevel)
            for range in buffer.pieces(of: request, maximumBytes: 128 << 10) {
                uncompressed += range.count
                try stream.append(buffer.bytes[range], to: &body)
                // Compressing megabytes must not keep others from this thread.
                await Task.yield()
            }
            try stream.finish(to: &body)
            headers.append(("Content-Encoding", "gzip"))
        }
        headers.append(("X-Elastic-Uncompressed-Request-Length", "\(uncompressed)"))
        if configuration.logging.requestBody {
            var text: [UInt8] = []
            for document in request where text.count < 1 << 20 {
                text.append(contentsOf: buffer.bytes[buffer.documents[document].bytes])
            }
            logger.debug("Request", metadata: ["body": "\(String(decoding: text, as: UTF8.self))"])
        }
        // An error of each document takes some hundred bytes, but reasons may repeat much of one.
        let limit = min(1 << 20 + request.count * 16_384, 256 << 20)
        let answer = try await cluster.request(
            .POST, "/_bulk", query: query, headers: headers, body: body, maximumAnswerBytes: limit)
        metrics.flushedBytes.add(body.count)
        metrics.flushedUncompressedBytes.add(uncompressed)
        if configuration.logging.responseBody {
            let text = String(decoding: answer.body.prefix(1 << 20), as: UTF8.self)
            logger.debug("Response", metadata: ["body": "\(text)"])
        }
        return answer
    }

    private func read(_ answer: HTTPAnswer, _ request: [Int], of buffer: BulkBuffer, _ flight: inout BulkFlight) {
        if !state.withLock({ $0.productIsKnown }) {
            guard answer.product == "Elasticsearch" else {
                let reason =
                    "the server at \(answer.node.endpoint.url) is not Elasticsearch: its answer has no header "
                    + "X-Elastic-Product"
                observer(CollectorError(reason))
                flight.ended(request, .lost(.refused(status: answer.status, type: "unknown_product"), reason: reason))
                return
            }
            state.withLock { $0.productIsKnown = true }
        }
        let items: [BulkAnswer.Item]
        do {
            items = try BulkAnswer(parsing: answer.body).items
        } catch {
            observer(CollectorError("bulk answer of \(answer.node.endpoint.url) cannot be read: \(error)"))
            flight.leftInDoubt(request, reason: "the answer cannot be read: \(error)")
            return
        }
        guard items.count == request.count else {
            let reason = "the answer has \(items.count) items for \(request.count) documents"
            observer(CollectorError(reason))
            flight.leftInDoubt(request, reason: reason)
            return
        }
        observer(nil)
        count(items, request, of: buffer)
        flight.answered(
            request,
            zip(request, items).map { document, item in
                verdict(item, buffer.documents[document], mayHaveArrived: flight.mayHaveArrived.contains(document))
            })
    }

    private func verdict(
        _ item: BulkAnswer.Item, _ document: BulkBuffer.Document, mayHaveArrived: Bool
    ) -> BulkFlight.Verdict {
        guard item.isFailure else { return .accepted }
        if item.isConflict, document.identity != nil || mayHaveArrived { return .accepted }
        let loss = BulkFlight.Loss.refused(status: item.status, type: item.errorType)
        let reason = item.errorReason + hint(item.errorType)
        return policy.documentStatuses.contains(item.status) ? .open(loss, reason: reason) : .lost(loss, reason: reason)
    }

    private func hint(_ error: String) -> String {
        error.contains("illegal_argument_exception")
            ? " (mapping modes otel and ecs and profiles need Elasticsearch 8.12 or later)" : ""
    }

    // MARK: - Accounts

    private func logRetry(of flight: BulkFlight, after pause: Duration) {
        guard let silent = retryLines.pass() else { return }
        var metadata: Logger.Metadata = [
            "documents": "\(flight.openCount)", "reason": "\(LossLog.harmless(flight.openReason))",
            "interval": "\(pause.unitText)",
        ]
        if silent > 0 { metadata["retries_not_logged"] = "\(silent)" }
        logger.info("Elasticsearch did not take documents yet. Will retry after interval.", metadata: metadata)
    }

    /// Counts what was accepted; what was not is counted when it is finally lost.
    private func count(_ items: [BulkAnswer.Item], _ request: [Int], of buffer: BulkBuffer) {
        struct Key: Hashable { var target, status: Int, store: BulkAnswer.FailureStore? }
        var counts: [Key: Int] = [:]
        for (document, item) in zip(request, items) {
            let known = buffer.documents[document]
            guard !item.isFailure || (item.isConflict && known.identity != nil) else { continue }
            counts[Key(target: known.target, status: item.status, store: item.failureStore), default: 0] += 1
        }
        for (key, count) in counts {
            metrics.documents(
                count, index: buffer.targets[key.target], status: key.status,
                failureStore: key.store == .notApplicable ? "" : key.store?.rawValue ?? "")
        }
    }

    private func outcome(of flight: BulkFlight, _ buffer: BulkBuffer) -> BulkOutcome {
        var outcome = BulkOutcome()
        outcome.confirmed = flight.accepted.compactMap { buffer.documents[$0].identity }
        outcome.lostDocuments = flight.lost.count
        outcome.reason = LossLog.harmless(flight.lost.first?.reason ?? "")
        struct Key: Hashable { var target: Int, loss: BulkFlight.Loss }
        var counts: [Key: (count: Int, reason: String)] = [:]
        outcome.lostItems = flight.lost.map { buffer.documents[$0.document].items }.filter { $0.count > 0 }
        // What the shutdown interrupts stays on disk, whole, and is sent after the next start.
        if isPersistent, waits.isInterrupted, !outcome.lostItems.isEmpty { return outcome }
        for lost in flight.lost {
            let document = buffer.documents[lost.document]
            counts[Key(target: document.target, loss: lost.loss), default: (0, lost.reason)].count += 1
            logInput(of: document, buffer)
        }
        for (key, (count, reason)) in counts {
            let index = buffer.targets[key.target]
            var errorType = ""
            if case .refused(_, let type) = key.loss { errorType = type }
            metrics.documents(count, index: index, status: key.loss.status, errorType: errorType)
            if key.loss.status == 409, configuration.suppressesConflictErrors { continue }
            losses.lost(count, details(index, key.loss, reason))
        }
        return outcome
    }

    private func details(_ index: String, _ loss: BulkFlight.Loss, _ reason: String) -> Logger.Metadata {
        var details: Logger.Metadata = ["index": "\(index)", "reason": "\(LossLog.harmless(reason))"]
        switch loss {
        case .refused(let status, let type):
            details["status"] = "\(status)"
            if !type.isEmpty { details["error_type"] = "\(type)" }
            if status == 409, index.hasPrefix("metrics-") {
                details["hint"] =
                    "a time series data stream takes one document for each set of dimensions and millisecond"
            }
            if status == 404, index.hasPrefix("profiling-") {
                details["hint"] = """
                    the profiling templates are not installed: run `otelcol elasticsearch setup`, or switch on \
                    xpack.profiling.templates.enabled
                    """
            }
        case .tooLarge(let bytes):
            details["status"] = "413"
            details["document_bytes"] = "\(bytes)"
        case .unreachable: break
        }
        return details
    }

    private func logInput(of document: BulkBuffer.Document, _ buffer: BulkBuffer) {
        guard configuration.logging.failedDocuments, failedDocuments.pass() != nil else { return }
        let text = String(decoding: buffer.bytes[document.bytes].prefix(65_536), as: UTF8.self)
        logger.debug("Input of a failed document", metadata: ["input": "\(text)"])
    }
}
