import Collector
import Logging
import OTLP
import Synchronization

/// All that is known of the cluster. Written by the watchers, read by everything that passes.
final class ClusterState: Sendable {
    struct Tables: Sendable {
        var pods: PodTable
        var objects: [ResourceKind: ObjectTable] = [:]
    }

    let configuration: K8sAttributesConfiguration
    private let logger: Logger
    private let tables: Mutex<Tables>
    private let added: Counter
    private let updated: Counter
    private let deleted: Counter
    private let tableSize: Gauge
    private let misses: Counter
    private let isFullReported = Mutex(false)

    init(_ configuration: K8sAttributesConfiguration, metrics: MetricsRegistry, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        tables = Mutex(Tables(pods: PodTable(gracePeriod: configuration.podDeleteGracePeriod)))
        added = metrics.counter("otelcol_otelsvc_k8s_pod_added", help: "Pods that were added")
        updated = metrics.counter("otelcol_otelsvc_k8s_pod_updated", help: "Pods that were changed")
        deleted = metrics.counter("otelcol_otelsvc_k8s_pod_deleted", help: "Pods that were deleted")
        tableSize = metrics.gauge("otelcol_otelsvc_k8s_pod_table_size", help: "Pods that are known")
        misses = metrics.counter(
            "otelcol_otelsvc_k8s_ip_lookup_miss", help: "Resources whose pod was not found by what they say")
    }

    /// Reads with the tables locked.
    func read<Value: Sendable>(_ body: (Tables) -> Value) -> Value { tables.withLock { body($0) } }

    func countMiss() { misses.add() }

    var podCount: Int { tables.withLock { $0.pods.count } }

    // MARK: - Changes

    func update(_ object: PodObject, origin: Int, now: ContinuousClock.Instant = .now) {
        guard let record = PodRecord(object, configuration) else { return }
        let identifiers = record.identifiers(configuration.associations)
        let (change, count) = tables.withLock {
            ($0.pods.update(record, identifiers, origin: origin, now: now), $0.pods.count)
        }
        switch change {
        case .added: added.add()
        case .updated: updated.add()
        case .refused: reportFull()
        }
        tableSize.set(Double(count))
    }

    func deletePod(uid: String, now: ContinuousClock.Instant = .now) {
        if tables.withLock({ $0.pods.delete(uid: uid, now: now) }) { deleted.add() }
    }

    func deletePods(of origin: Int, except uids: Set<String>, now: ContinuousClock.Instant = .now) {
        deleted.add(tables.withLock { $0.pods.deleteAll(of: origin, except: uids, now: now) })
    }

    func purge(now: ContinuousClock.Instant = .now) {
        let count = tables.withLock { tables in
            tables.pods.purge(now: now)
            return tables.pods.count
        }
        tableSize.set(Double(count))
    }

    func update(_ object: MetadataObject, _ kind: ResourceKind, origin: Int) {
        guard let key = ObjectRecord.key(object, kind),
            let record = ObjectRecord(object, kind, configuration.extraction)
        else { return }
        let hasRoom = tables.withLock { $0.objects[kind, default: ObjectTable()].update(key, record, origin: origin) }
        if !hasRoom { reportFull() }
    }

    func delete(_ object: MetadataObject, _ kind: ResourceKind) {
        guard let key = ObjectRecord.key(object, kind), let uid = object.metadata.uid else { return }
        tables.withLock { $0.objects[kind]?.delete(key, uid: uid) }
    }

    func delete(_ kind: ResourceKind, of origin: Int, except keys: Set<String>) {
        tables.withLock { $0.objects[kind]?.deleteAll(of: origin, except: keys) }
    }

    private func reportFull() {
        let isFirst = isFullReported.withLock { reported in
            defer { reported = true }
            return !reported
        }
        if isFirst {
            logger.warning("The cluster has more objects than are kept; filter by node or namespace")
        }
    }
}

/// Takes the pods of one query.
final class PodSink: ResourceSink {
    private let state: ClusterState
    private let origin: Int
    private let listed = Mutex<Set<String>?>(nil)

    init(_ state: ClusterState, origin: Int) {
        self.state = state
        self.origin = origin
    }

    func beginList() { listed.withLock { $0 = [] } }

    func changed(_ object: PodObject) {
        if let uid = object.metadata.uid { listed.withLock { _ = $0?.insert(uid) } }
        state.update(object, origin: origin)
    }

    func endList() {
        let uids = listed.withLock { $0.take() }
        if let uids { state.deletePods(of: origin, except: uids) }
    }

    func deleted(_ object: PodObject) {
        if let uid = object.metadata.uid { state.deletePod(uid: uid) }
    }
}

/// Takes the objects of one query for metadata.
final class ObjectSink: ResourceSink {
    private let state: ClusterState
    private let kind: ResourceKind
    private let origin: Int
    private let listed = Mutex<Set<String>?>(nil)

    init(_ state: ClusterState, _ kind: ResourceKind, origin: Int) {
        self.state = state
        self.kind = kind
        self.origin = origin
    }

    func beginList() { listed.withLock { $0 = [] } }

    func changed(_ object: MetadataObject) {
        if let key = ObjectRecord.key(object, kind) { listed.withLock { _ = $0?.insert(key) } }
        state.update(object, kind, origin: origin)
    }

    func endList() {
        let keys = listed.withLock { $0.take() }
        if let keys { state.delete(kind, of: origin, except: keys) }
    }

    func deleted(_ object: MetadataObject) { state.delete(object, kind) }
}
