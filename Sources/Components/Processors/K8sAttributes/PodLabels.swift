import Collector
import Logging
import Synchronization

/// The labels of pods by their uid, kept up to date by a watch of their metadata alone.
public final class PodLabels: Sendable {
    private static let firstListTimeout = Duration.seconds(10)
    private static let watchPeriod = Duration.seconds(300)

    private let source: ClusterAccessSource
    private let query: ResourceQuery
    private let logger: Logger
    private let ready = Readiness(count: 1)
    private let sink = PodLabelSink()
    private let running = Mutex<(client: KubernetesClient, task: Task<Void, Never>)?>(nil)

    /// - Parameter node: whose pods are watched; nil: all.
    public convenience init(access: ClusterAccessConfiguration, node: String?, logger: Logger) {
        self.init(ClusterAccessSource(configuration: access), node: node, logger: logger)
    }

    init(_ source: ClusterAccessSource, node: String?, logger: Logger) {
        self.source = source
        self.logger = logger
        query = ResourceQuery(.pods, fieldSelector: node.map { "spec.nodeName=\($0)" }, isMetadataOnly: true)
    }

    /// - Returns: nil for a pod that is not known.
    public func labels(ofPod uid: String) -> [String: String]? { sink.labels(ofPod: uid) }

    /// - Throws: `CollectorError` if credentials are missing.
    public func start() async throws {
        let client = KubernetesClient(source, maximumConnections: 4, logger: logger)
        do {
            try await client.prepare()
        } catch {
            await client.close()
            throw error
        }
        let ready = ready
        let watcher = ResourceWatcher(
            query: query, client: client, sink: sink, period: Self.watchPeriod, logger: logger,
            synchronized: { ready.countDown() }, sleep: { try await Task.sleep(for: $0) })
        running.withLock { $0 = (client, Task { await watcher.run() }) }
        if await !ready.wait(for: Self.firstListTimeout) {
            logger.warning("The labels of pods are not there yet; until they are, no pattern with pod_label matches")
        }
    }

    public func stop() async {
        let running = running.withLock { $0.take() }
        running?.task.cancel()
        await running?.client.close()
        await running?.task.value
    }
}

final class PodLabelSink: ResourceSink {
    /// The kubelet's own pods are known to control groups by another uid than the API's
    /// (https://kubernetes.io/docs/reference/labels-annotations-taints/, "kubernetes.io/config.mirror").
    private static let mirror = "kubernetes.io/config.mirror"
    private static let maximumPods = 100_000

    private struct State {
        var labels: [String: [String: String]] = [:]
        /// The API's uid by that of control groups, of the kubelet's own pods.
        var mirrors: [String: String] = [:]
        /// During a list, the uids that it has.
        var listed: Set<String>?
    }

    private let state = Mutex(State())

    func labels(ofPod uid: String) -> [String: String]? {
        state.withLock { state in state.labels[state.mirrors[uid] ?? uid] }
    }

    func beginList() { state.withLock { $0.listed = [] } }

    func changed(_ object: MetadataObject) {
        guard let uid = object.metadata.uid else { return }
        state.withLock { state in
            state.listed?.insert(uid)
            guard state.labels[uid] != nil || state.labels.count < Self.maximumPods else { return }
            state.labels[uid] = object.metadata.labels ?? [:]
            if let mirrored = object.metadata.annotations?[Self.mirror] { state.mirrors[mirrored] = uid }
        }
    }

    func endList() {
        state.withLock { state in
            guard let listed = state.listed.take() else { return }
            state.labels = state.labels.filter { listed.contains($0.key) }
            state.mirrors = state.mirrors.filter { listed.contains($0.value) }
        }
    }

    func deleted(_ object: MetadataObject) {
        guard let uid = object.metadata.uid else { return }
        state.withLock { state in
            state.labels[uid] = nil
            if let mirrored = object.metadata.annotations?[Self.mirror] { state.mirrors[mirrored] = nil }
        }
    }
}
