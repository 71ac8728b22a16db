import Collector
import ExporterSupport
import HostIdentity
import Logging
import OTLP
import Synchronization

/// Turns batches of one signal into documents and brings them to Elasticsearch.
final class ElasticsearchSender: TelemetrySender {
    private let configuration: ElasticsearchConfiguration
    let cluster: ClusterClient
    private let bulk: BulkClient
    private let policy: BulkRetryPolicy
    private let isPersistent: Bool
    private let waits = InterruptibleSleep()
    private let logger: Logger
    private let status = StatusReport()
    private let choice: SchemaChoice
    private let seen = [
        ProfileSchema.classic: SeenDocuments(lifetime: ProfileSchema.classic.seenLifetime),
        .otel: SeenDocuments(lifetime: ProfileSchema.otel.seenLifetime),
    ]
    private let host = HostIdentity.current()
    private let notices = Notices()
    private let unsupportedSamples: Counter
    private let discovery = Mutex<Task<Void, Never>?>(nil)

    init(configuration: ElasticsearchConfiguration, context: ComponentContext) {
        self.configuration = configuration
        logger = context.logger
        cluster = ClusterClient(configuration: configuration, build: context.build, logger: context.logger)
        isPersistent = configuration.queue?.storage != nil
        policy = BulkRetryPolicy(configuration.retry, isPersistent: isPersistent)
        bulk = BulkClient(
            cluster: cluster, configuration: configuration, policy: policy,
            metrics: BulkMetricsByClient(context.metrics, id: context.id, keys: configuration.metadataKeys),
            logger: context.logger, waits: waits,
            observer: status.update)
        choice = SchemaChoice(configuration.profiles.schema, cluster: cluster, logger: context.logger)
        unsupportedSamples = context.metrics.counter(
            "otelcol_elasticsearch_unsupported_samples",
            help: "Profile samples that Elasticsearch has no place for, such as those off the CPU.",
            labels: ["exporter": "\(context.id)"])
    }

    func start(host: any Host) async throws {
        status.begin(host)
        try cluster.prepare(host: host)
        let discoverer = Discoverer(cluster: cluster, seeds: configuration.endpoints, logger: logger)
        if configuration.discovery.onStart { await discoverer.discover() }
        let interval = configuration.discovery.interval
        guard interval > .zero else { return }
        let task = Task {
            while true {
                do { try await Task.sleep(for: interval) } catch { return }
                await discoverer.discover()
            }
        }
        discovery.withLock { $0 = task }
    }

    func interrupt() { waits.interrupt() }

    func shutdown() async {
        let task = discovery.withLock { $0.take() }
        task?.cancel()
        await task?.value
        bulk.finish()
        await cluster.shutdown()
    }

    func send(_ telemetry: Telemetry) async throws {
        switch telemetry {
        case .profiles(let data): try await sendProfiles(data)
        case .metrics(let data): try await sendMetrics(data)
        case .logs(let data): try await sendLogs(data)
        case .traces(let data): try await sendTraces(data)
        }
    }

    // MARK: - Profiles

    private func sendProfiles(_ data: OTLPProfilesData) async throws {
        let schema = try await schema()
        guard let seen = seen[schema] else { return }
        var session = BulkSession(client: bulk, maximumBytes: configuration.maximumRequestBytes) {
            seen.confirm($0, now: ContinuousClock.now)
        }
        var encoder = ProfilesEncoder(
            dictionary: data.dictionary, schema: schema, settings: configuration.profiles, seen: seen, host: host,
            now: UnixTime.now(), instant: ContinuousClock.now)
        var buffer = BulkBuffer()
        for resource in data.resourceProfiles {
            await encoder.encode(resource, to: &buffer, maximumBytes: configuration.maximumRequestBytes) {
                await session.flush(&$0)
            }
        }
        await session.flush(&buffer)
        if session.lostDocuments > 0 { choice.forget() }
        try report(session, unplaced: unsupported(encoder), isFailure: false)
    }

    /// What the encoder had no place for; each reason is logged once.
    private func unsupported(_ encoder: ProfilesEncoder) -> [ItemRange] {
        var items = encoder.withoutStack + encoder.cutSamples
        if !encoder.cutSamples.isEmpty, notices.isFirst("events") {
            logger.warning(
                "Samples stand for more events than can be written; not all of theirs were",
                metadata: ["samples": "\(BulkSession.count(encoder.cutSamples))"])
        }
        for (type, ranges) in encoder.unsupported {
            items += ranges
            if notices.isFirst("type \(type)") {
                logger.warning(
                    "Elasticsearch has no place for profiles of this type; they are counted and dropped",
                    metadata: ["sample_type": "\(type)"])
            }
        }
        if encoder.cutAddresses > 0, notices.isFirst("addresses") {
            logger.warning(
                "Native or kernel addresses exceed 31 bits; they were cut, because readers cannot hold them",
                metadata: ["frames": "\(encoder.cutAddresses)"])
        }
        unsupportedSamples.add(BulkSession.count(items))
        return items
    }

    /// Waits for a server that cannot be asked now, as long as documents would wait.
    private func schema() async throws -> ProfileSchema {
        let clock = ContinuousClock()
        let start = clock.now
        var retries = 0
        while true {
            do {
                return try await choice.schema()
            } catch let error as RetryableError {
                status.update(error)
                retries += 1
                var generator = SystemRandomNumberGenerator()
                let pause = max(policy.pause(before: retries, using: &generator), error.delay ?? .zero)
                if isPersistent, waits.isInterrupted { throw InterruptedByShutdown(last: error) }
                guard policy.allows(retry: retries, elapsed: clock.now - start + pause), !waits.isInterrupted else {
                    throw error
                }
                _ = await waits.sleep(for: pause)
            }
        }
    }

    // MARK: - Metrics, logs and traces

    private func sendMetrics(_ data: OTLPMetricsData) async throws {
        let router = DataStreamRouter(configuration)
        var groups = MetricGroups(router: router, now: UnixTime.now())
        var unplaced = 0
        for resource in data.resourceMetrics {
            for scope in resource.scopeMetrics {
                if let mode = takes(scope.scope, [.otel, .ecs]) {
                    groups.add(resource, scope, mode: mode)
                } else {
                    unplaced += scope.metrics.reduce(0) { $0 + $1.pointCount }
                }
            }
        }
        for (error, count) in groups.invalid {
            unplaced += count
            if notices.isFirst(error.description) {
                logger.warning("Metric points were dropped: \(error)", metadata: ["points": "\(count)"])
            }
        }
        var session = BulkSession(client: bulk, maximumBytes: configuration.maximumRequestBytes)
        // A document stands for as many points as it has metrics; which ones does not matter to a count.
        var points = 0
        var tooLarge: [ItemRange] = []
        for group in groups.groups where !group.metrics.isEmpty {
            let items = ItemRange(first: Int32(clamping: points), count: Int32(clamping: group.metrics.count))
            points += group.metrics.count
            if !MetricDocuments.write(group, items: items, to: &session.buffer) { tooLarge.append(items) }
            await session.flushIfFull()
        }
        await session.flush()
        sayTooLarge(tooLarge)
        try report(
            session, unplaced: tooLarge + [ItemRange(first: Int32(clamping: points), count: Int32(clamping: unplaced))])
    }

    private func sendLogs(_ data: OTLPLogsData) async throws {
        let context = recordContext()
        var session = BulkSession(client: bulk, maximumBytes: configuration.maximumRequestBytes)
        var (unplaced, tooLarge): ([ItemRange], [ItemRange]) = ([], [])
        var next = 0
        for resource in data.resourceLogs {
            for scope in resource.scopeLogs {
                let mode = takes(scope.scope, MappingMode.allCases)
                for record in scope.logRecords {
                    let items = ItemRange.one(next)
                    next += 1
                    switch mode {
                    case .bodymap:
                        if !LogDocuments.writeBody(
                            record, resource, scope, context, items: items, to: &session.buffer)
                        {
                            unplaced.append(items)
                            if notices.isFirst("body") {
                                logger.warning("Log records were dropped: in mode bodymap a body must be a map")
                            }
                        }
                    case .some(let mode):
                        if !LogDocuments.write(
                            record, resource, scope, context, mode: mode, items: items, to: &session.buffer)
                        {
                            tooLarge.append(items)
                        }
                    case nil: unplaced.append(items)
                    }
                    await session.flushIfFull()
                }
            }
        }
        await session.flush()
        sayTooLarge(tooLarge)
        try report(session, unplaced: unplaced + tooLarge)
    }

    private func sendTraces(_ data: OTLPTracesData) async throws {
        let context = recordContext()
        var session = BulkSession(client: bulk, maximumBytes: configuration.maximumRequestBytes)
        var (unplaced, tooLarge): ([ItemRange], [ItemRange]) = ([], [])
        var next = 0
        for resource in data.resourceSpans {
            for scope in resource.scopeSpans {
                let mode = takes(scope.scope, [.otel, .ecs, .none, .raw])
                for span in scope.spans {
                    let items = ItemRange.one(next)
                    next += 1
                    guard let mode else {
                        unplaced.append(items)
                        continue
                    }
                    if !SpanDocuments.write(
                        span, resource, scope, context, mode: mode, items: items, to: &session.buffer)
                    {
                        tooLarge.append(items)
                    }
                    await session.flushIfFull()
                    // In other modes events are a part of the span's document, or have no place.
                    for event in span.events where mode == .otel {
                        SpanDocuments.write(event, of: span, resource, scope, context, to: &session.buffer)
                        await session.flushIfFull()
                    }
                }
            }
        }
        await session.flush()
        sayTooLarge(tooLarge)
        try report(session, unplaced: unplaced + tooLarge)
    }

    private func sayTooLarge(_ items: [ItemRange]) {
        guard !items.isEmpty, notices.isFirst("size") else { return }
        logger.error(
            "Attributes in attributes make documents that are too large; they are dropped",
            metadata: ["items": "\(BulkSession.count(items))"])
    }

    private func recordContext() -> RecordContext {
        RecordContext(configuration: configuration, router: DataStreamRouter(configuration), now: UnixTime.now())
    }

    /// The mode that a scope's records are written in; nil, logged once, if it cannot be had.
    private func takes(_ scope: OTLPScope, _ supported: [MappingMode]) -> MappingMode? {
        let (mode, name) = configuration.mode(of: scope)
        if let mode, supported.contains(mode) { return mode }
        if notices.isFirst("mode \(name)") {
            logger.error(
                mode == nil
                    ? "A scope asks for a mapping mode that does not exist or is not allowed; its data is dropped"
                    : "A scope asks for a mapping mode that is not supported for this signal; its data is dropped",
                metadata: ["mode": "\(name)", "scope": "\(scope.name)"])
        }
        return nil
    }

    // MARK: - Accounts

    /// - Parameters:
    ///   - unplaced: Items that were not even sent.
    ///   - isFailure: Whether these alone are a failure that the caller is to know of.
    private func report(_ session: BulkSession, unplaced: [ItemRange], isFailure: Bool = true) throws {
        let lost = BulkSession.count(session.lostItems + unplaced)
        guard lost > 0 else { return }
        let reason = session.reason.isEmpty ? "Elasticsearch has no place for them" : session.reason
        // All of the batch is sent again after the next start: rather twice than not at all.
        if isPersistent, waits.isInterrupted, !session.lostItems.isEmpty {
            throw InterruptedByShutdown(last: CollectorError(reason))
        }
        throw PartialLoss(items: lost, reason: reason, isFailure: isFailure || !session.lostItems.isEmpty)
    }
}
