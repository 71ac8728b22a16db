import Collector
import Logging
import OTLP
import Synchronization

/// Sends batches to one destination; what a concrete exporter is made of.
public protocol TelemetrySender: Sendable {
    func start(host: any Host) async throws
    /// One attempt. Must end soon after its task is cancelled.
    /// - Throws: `PermanentError` if no retry can help, `PartialLoss` if only a part of the batch was lost,
    ///   `RetryableError` with the server's wish for a delay, or any other error, which counts as retryable.
    func send(_ telemetry: Telemetry) async throws
    /// The exporter is shutting down: waits within `send` are to end soon. Called before the last batches are sent.
    func interrupt()
    /// No attempt is under way any more.
    func shutdown() async
}

extension TelemetrySender {
    public func interrupt() {}
}

/// A sender whose destination can be asked whether it is there.
public protocol ProbingSender: TelemetrySender {
    /// One question, between `start` and `shutdown`, that leaves nothing behind.
    /// - Returns: What was found, in a few words.
    func probe(_ signal: Signal) async throws -> String
}

/// An exporter with a queue, retries and a timeout around each attempt; counts and logs what becomes of batches.
///
/// On shutdown waits between attempts are cut short, then what is in the queue gets one attempt each, then the sender
/// is shut down. What is in a queue on disk stays there instead, and is sent after the next start.
public final class QueuedExporter: BackEndProbing {
    struct Request: Sendable {
        enum Content: Sendable {
            case inMemory(Telemetry)
            case stored(StoredBatch)
        }

        var content: Content
        var items: Int
        /// Told the outcome, if the caller waits for it.
        var result: CheckedContinuation<Void, any Error>?
        /// Header fields that go with it, as far as `QueueConfiguration` keeps them.
        var metadata: [String: [String]] = [:]

        var isStored: Bool {
            if case .stored = content { true } else { false }
        }
    }

    private let configuration: ExporterConfiguration
    private let sender: any TelemetrySender
    private let logger: Logger
    private let queue: SendingQueue<Request>?
    private let retryWaits = InterruptibleSleep()
    private let consumers = Mutex<[Task<Void, Never>]>([])
    private let metrics: ExporterMetrics
    let signal: Signal
    /// Of the queue on disk, by which its owner knows it again.
    private let storedName: String
    /// Nil for a queue in memory, and before the start.
    private let stored = Mutex<(any StoredBatches)?>(nil)

    public init(
        configuration: ExporterConfiguration, signal: Signal, context: ComponentContext, sender: any TelemetrySender
    ) {
        self.configuration = configuration
        self.sender = sender
        self.signal = signal
        logger = context.logger
        storedName = [context.kind.rawValue, context.id.type, context.id.name, signal.rawValue]
            .filter { !$0.isEmpty }.joined(separator: "_")
        metrics = ExporterMetrics(context.metrics, id: context.id, signal: signal)
        queue = configuration.queue.map {
            SendingQueue(capacity: $0.size, blocksOnOverflow: $0.blocksOnOverflow)
        }
    }

    public func start(host: any Host) async throws {
        try await sender.start(host: host)
        guard let queue, let settings = configuration.queue else { return }
        if let storage = settings.storage {
            do {
                try await openStored(host.storage(storage), queue, settings)
            } catch {
                await sender.shutdown()
                throw error
            }
        }
        metrics.observe(capacity: queue.capacity) { [weak queue] in queue?.usedSize ?? 0 }
        if let batch = settings.batch {
            let task = Task { await self.sendBatches(from: queue, batch, workers: settings.consumers) }
            consumers.withLock { $0 = [task] }
            return
        }
        consumers.withLock { consumers in
            consumers = (0..<settings.consumers).map { _ in
                Task {
                    while let request = await queue.dequeue() { await self.process(request) }
                }
            }
        }
    }

    private func openStored(
        _ storage: any StorageExtension, _ queue: SendingQueue<Request>, _ settings: QueueConfiguration
    ) async throws {
        let batches = try await storage.openBatches(named: storedName)
        stored.withLock { $0 = batches }
        guard !batches.left.isEmpty else { return }
        logger.info("Sending what an earlier run left", metadata: ["batches": "\(batches.left.count)"])
        for batch in batches.left {
            let size = settings.size(items: batch.items) { batch.sizeBytes }
            queue.restore(Request(content: .stored(batch), items: batch.items), size: size)
        }
    }

    public func shutdown() async throws {
        retryWaits.interrupt()
        sender.interrupt()
        queue?.close()
        let consumers = consumers.withLock { consumers in
            defer { consumers = [] }
            return consumers
        }
        for consumer in consumers { await consumer.value }
        await stored.withLock { $0.take() }?.close()
        metrics.removeObserved()
        await sender.shutdown()
    }

    /// Nil for senders that have no destination to ask.
    public func probe(host: any Host) async throws -> String? {
        guard let sender = sender as? any ProbingSender else { return nil }
        try await sender.start(host: host)
        let result: Result<String, any Error>
        do {
            result = .success(try await ask(sender))
        } catch {
            result = .failure(error)
        }
        await sender.shutdown()
        return try result.get()
    }

    /// Somebody waits for the answer: no longer than ten seconds.
    private func ask(_ sender: any ProbingSender) async throws -> String {
        let limit = Duration.seconds(10)
        let timeout = configuration.timeout > .zero ? min(configuration.timeout, limit) : limit
        let signal = signal
        return try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { try await sender.probe(signal) }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() ?? nil else { throw AttemptTimeout(timeout: timeout) }
            return answer
        }
    }

    public func consume(_ telemetry: Telemetry) async throws {
        let items = telemetry.itemCount
        guard items > 0 else { return }
        guard let queue, let settings = configuration.queue else {
            do {
                try await sendWithRetries(telemetry, items: items)
            } catch let loss as PartialLoss {
                // The sender has said itself what was lost and why; what arrived must not be sent again.
                throw PermanentError(loss)
            } catch {
                logLoss("Exporting failed. Rejecting data.", error, "rejected_items", items)
                throw error
            }
            return
        }
        metrics.enqueueSize?.record(Double(items))
        if let stored = stored.withLock({ $0 }) {
            do {
                try await store(telemetry, items: items, in: stored, queue, settings)
            } catch {
                throw rejected(items, error)
            }
            return
        }
        do {
            let size = try settings.size(items: items) { try telemetry.serializedBytes().count }
            if settings.waitsForResult {
                try await enqueueAndWait(telemetry, items: items, size: size, queue)
            } else {
                try await queue.enqueue(
                    Request(content: .inMemory(telemetry), items: items, metadata: metadata(settings)), size: size)
            }
        } catch let error as QueueError {
            throw rejected(items, error)
        }
    }

    /// Counts and logs what the queue did not take.
    /// - Returns: what the caller is told.
    private func rejected(_ items: Int, _ error: any Error) -> any Error {
        if error is CancellationError { return error }
        metrics.enqueueFailed.add(items)
        logLoss("Exporting failed. Rejecting data.", error, "rejected_items", items)
        return error as? QueueError == .tooLarge ? PermanentError(error) : error
    }

    /// On disk first: whoever takes it from the queue may be faster than this task.
    private func store(
        _ telemetry: Telemetry, items: Int, in stored: any StoredBatches, _ queue: SendingQueue<Request>,
        _ settings: QueueConfiguration
    ) async throws {
        let bytes = try telemetry.serializedBytes()
        let size = settings.size(items: items) { bytes.count }
        if size > queue.capacity { throw QueueError.tooLarge }
        if !settings.blocksOnOverflow, queue.usedSize > queue.capacity - size { throw QueueError.full }
        let batch = try await stored.add(StoredContent(bytes, metadata: metadata(settings)), items: items)
        do {
            try await queue.enqueue(Request(content: .stored(batch), items: items), size: size)
        } catch QueueError.closed {
            // It is on disk, and the next start sends it.
        } catch {
            await forget(batch, in: stored)
            throw error
        }
    }

    private func forget(_ batch: StoredBatch, in stored: any StoredBatches) async {
        do {
            try await stored.remove(batch)
        } catch {
            logger.error(
                "A batch that was dealt with stays stored and will be sent again", metadata: ["error": "\(error)"])
        }
    }

    private func enqueueAndWait(
        _ telemetry: Telemetry, items: Int, size: Int, _ queue: SendingQueue<Request>
    ) async throws {
        let metadata = configuration.queue.map { self.metadata($0) } ?? [:]
        try await withCheckedThrowingContinuation { continuation in
            Task {
                do {
                    try await queue.enqueue(
                        Request(
                            content: .inMemory(telemetry), items: items, result: continuation, metadata: metadata),
                        size: size)
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// What is kept of the header fields of the request that is being taken.
    private func metadata(_ settings: QueueConfiguration) -> [String: [String]] {
        settings.kept(RequestContext.current?.metadata ?? [:])
    }

    // MARK: - Requests

    private func process(_ request: Request) async {
        guard let content = await content(of: request) else { return }
        await finish(request, await outcome(of: content.telemetry, items: request.items, content.metadata))
    }

    /// Nil for what stays on disk, and for what cannot be read, which is dealt with then.
    func content(of request: Request) async -> (telemetry: Telemetry, metadata: [String: [String]])? {
        switch request.content {
        case .inMemory(let telemetry): return (telemetry, request.metadata)
        case .stored(let batch):
            guard !retryWaits.isInterrupted, let stored = stored.withLock({ $0 }) else { return nil }
            do {
                let content = try await stored.read(batch)
                let telemetry = try Telemetry(signal, serializedBytes: content.bytes)
                // Another configuration may have kept more.
                return (telemetry, configuration.queue?.kept(content.metadata) ?? [:])
            } catch {
                logLoss("A stored batch cannot be read. Dropping data.", error, "dropped_items", request.items)
                metrics.sendFailed.add(request.items)
                await forget(batch, in: stored)
                return nil
            }
        }
    }

    func outcome(
        of telemetry: Telemetry, items: Int, _ metadata: [String: [String]]
    ) async -> Result<Void, any Error> {
        metrics.sendSize?.record(Double(items))
        do {
            try await RequestContext.$current.withValue(
                metadata.isEmpty ? nil : RequestContext(metadata: metadata)
            ) { try await sendWithRetries(telemetry, items: items) }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// Tells who waits, and forgets what is dealt with: sent, or lost for good.
    func finish(_ request: Request, _ outcome: Result<Void, any Error>) async {
        switch outcome {
        case .success: request.result?.resume()
        case .failure(let interruption as InterruptedByShutdown) where request.isStored:
            logger.info(
                "Shutting down: a batch stays stored until the next start", metadata: ["error": "\(interruption)"])
            return
        case .failure(let loss as PartialLoss):
            // The sender has said itself what was lost and why.
            request.result?.resume(throwing: PermanentError(loss))
        case .failure(let error):
            logLoss("Exporting failed. Dropping data.", error, "dropped_items", request.items)
            request.result?.resume(throwing: error)
        }
        if case .stored(let batch) = request.content, let stored = stored.withLock({ $0 }) {
            await forget(batch, in: stored)
        }
    }

    // MARK: - Attempts

    private func sendWithRetries(_ telemetry: Telemetry, items: Int) async throws {
        metrics.inFlight.withLock { $0 += 1 }
        defer { metrics.inFlight.withLock { $0 -= 1 } }
        do {
            try await attempts(telemetry)
            metrics.sent.add(items)
        } catch let loss as PartialLoss {
            let lost = min(max(loss.items, 0), items)
            metrics.sent.add(items - lost)
            metrics.sendFailed.add(lost)
            if loss.isFailure { throw loss }
        } catch {
            metrics.sendFailed.add(items)
            throw error
        }
    }

    private func attempts(_ telemetry: Telemetry) async throws {
        let retry = configuration.retry
        var backoff = Backoff(retry)
        let clock = ContinuousClock()
        let start = clock.now
        while true {
            do {
                try await attempt(telemetry)
                return
            } catch {
                if error is PartialLoss { throw error }
                if PermanentError.isPermanent(error) {
                    throw PermanentError("not retryable error: \(error)")
                }
                guard retry.isEnabled else { throw error }
                if retryWaits.isInterrupted || Task.isCancelled { throw InterruptedByShutdown(last: error) }
                let delay = max(backoff.next(), (error as? RetryableError)?.delay ?? .zero)
                if retry.maximumElapsedTime > .zero, clock.now - start + delay > retry.maximumElapsedTime {
                    throw CollectorError("no more retries left: \(error)")
                }
                logger.info(
                    "Exporting failed. Will retry the request after interval.",
                    metadata: ["error": "\(error)", "interval": "\(delay.unitText)"])
                guard await retryWaits.sleep(for: delay) else { throw InterruptedByShutdown(last: error) }
            }
        }
    }

    private func attempt(_ telemetry: Telemetry) async throws {
        let timeout = configuration.timeout
        guard timeout > .zero else { return try await sender.send(telemetry) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.sender.send(telemetry)
                return true
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return false
            }
            defer { group.cancelAll() }
            if try await group.next() != true { throw AttemptTimeout(timeout: timeout) }
        }
    }

    private func logLoss(_ message: Logger.Message, _ error: any Error, _ key: String, _ items: Int) {
        logger.error(message, metadata: ["error": "\(error)", key: "\(items)"])
    }
}
