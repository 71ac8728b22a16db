import Collector
import ExporterSupport
import Logging
import Synchronization

/// Keeps a cluster's state up to date; shared by a processor's instances for several signals.
final class ClusterWatch: Sendable {
    static let purgePeriod = Duration.seconds(30)

    private struct Running {
        var users = 0
        var client: KubernetesClient?
        var tasks: [Task<Void, Never>] = []
    }

    let state: ClusterState
    private let configuration: K8sAttributesConfiguration
    private let source: ClusterAccessSource
    private let retrySleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let running = Mutex(Running())
    private let ready: Readiness

    /// - Parameters:
    ///   - source: Nil: what the configuration says.
    ///   - retrySleep: Waits between attempts.
    init(
        _ configuration: K8sAttributesConfiguration, metrics: MetricsRegistry, logger: Logger,
        source: ClusterAccessSource? = nil,
        retrySleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.configuration = configuration
        self.source = source ?? ClusterAccessSource(configuration: configuration.access)
        self.retrySleep = retrySleep
        self.logger = logger
        state = ClusterState(configuration, metrics: metrics, logger: logger)
        ready = Readiness(count: ResourceQuery.needed(for: configuration).count)
    }

    /// True once the first lists are complete.
    var isSynchronized: Bool { ready.isReached }

    /// - Throws: `CollectorError` if credentials are missing, or if metadata was to be waited for and did not come.
    func start() async throws {
        let isFirst = running.withLock { running in
            running.users += 1
            return running.users == 1
        }
        guard isFirst, !configuration.isPassthrough else { return }
        do {
            try await begin()
        } catch {
            await stop()
            throw error
        }
    }

    func stop() async {
        let (tasks, client) = running.withLock { running -> ([Task<Void, Never>], KubernetesClient?) in
            running.users -= 1
            guard running.users == 0 else { return ([], nil) }
            defer { running = Running() }
            return (running.tasks, running.client)
        }
        for task in tasks { task.cancel() }
        await client?.close()
        for task in tasks { await task.value }
    }

    private func begin() async throws {
        let (state, queries) = (state, ResourceQuery.needed(for: configuration))
        // Of each query a watch and a list, for the moment in which one follows the other.
        let client = KubernetesClient(source, maximumConnections: queries.count * 2 + 2, logger: logger)
        running.withLock { $0.client = client }
        try await client.prepare()
        var tasks = queries.enumerated().map { origin, query in
            query.kind == .pods
                ? watch(query, PodSink(state, origin: origin), client)
                : watch(query, ObjectSink(state, query.kind, origin: origin), client)
        }
        tasks.append(
            Task {
                while true {
                    do { try await Task.sleep(for: Self.purgePeriod) } catch { return }
                    state.purge()
                }
            })
        running.withLock { $0.tasks = tasks }
        guard configuration.waitsForMetadata else { return }
        guard await ready.wait(for: configuration.waitTimeout) else {
            throw CollectorError(
                "failed to wait for caches to sync within \(configuration.waitTimeout.unitText) "
                    + "(wait_for_metadata_timeout); the log says what the Kubernetes API answered")
        }
        logger.info("The cluster's metadata is there", metadata: ["pods": "\(state.podCount)"])
    }

    private func watch(
        _ query: ResourceQuery, _ sink: some ResourceSink, _ client: KubernetesClient
    ) -> Task<Void, Never> {
        let ready = ready
        let watcher = ResourceWatcher(
            query: query, client: client, sink: sink, period: configuration.watchPeriod, logger: logger,
            synchronized: { ready.countDown() }, sleep: retrySleep)
        return Task { await watcher.run() }
    }
}

/// Waits for a number of things to have happened.
final class Readiness: Sendable {
    private struct State {
        var missing: Int
        var waiting: [InterruptibleSleep] = []
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(missing: count)) }

    var isReached: Bool { state.withLock { $0.missing <= 0 } }

    func countDown() {
        let waiting = state.withLock { state -> [InterruptibleSleep] in
            state.missing -= 1
            guard state.missing <= 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for sleep in waiting { sleep.interrupt() }
    }

    /// - Returns: True if everything has happened in time.
    func wait(for duration: Duration) async -> Bool {
        let sleep = InterruptibleSleep()
        let isReached = state.withLock { state in
            if state.missing > 0 { state.waiting.append(sleep) }
            return state.missing <= 0
        }
        if !isReached { _ = await sleep.sleep(for: duration) }
        return self.isReached
    }
}
