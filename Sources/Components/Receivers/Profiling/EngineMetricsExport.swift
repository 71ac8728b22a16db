import Collector
import Engine
import Synchronization

/// Shows the source's own numbers among the Collector's metrics, under their own names, labelled with the receiver.
///
/// The source is asked at most once a second, however many of its numbers are read.
final class EngineMetricsExport: Sendable {
    private struct Snapshot {
        var values: [String: UInt64] = [:]
        var time: ContinuousClock.Instant?
        var registered: Set<String> = []
    }

    private let source: any ProfileSource
    private let registry: MetricsRegistry
    private let labels: [String: String]
    private let snapshot = Mutex(Snapshot())

    init(source: any ProfileSource, registry: MetricsRegistry, receiver: ComponentID) {
        self.source = source
        self.registry = registry
        labels = ["receiver": receiver.description]
    }

    /// Registers the numbers that have come up since the last call, for example those of a runtime seen first.
    func registerNew() {
        let metrics = source.metrics()
        let new = snapshot.withLock { snapshot in
            metrics.filter { snapshot.registered.insert($0.name).inserted }
        }
        for metric in new {
            let name = metric.name
            registry.observe(name, kind: metric.isCounter ? .counter : .gauge, labels: labels) { [self] in
                value(of: name)
            }
        }
    }

    /// Takes all numbers out of the registry.
    func removeAll() {
        let names = snapshot.withLock { snapshot in
            defer { snapshot.registered = [] }
            return snapshot.registered
        }
        for name in names { registry.remove(name, labels: labels) }
    }

    private func value(of name: String) -> Double {
        let now = ContinuousClock.now
        let isFresh = snapshot.withLock { $0.time.map { now - $0 < .seconds(1) } ?? false }
        if !isFresh {
            let metrics = source.metrics()
            snapshot.withLock { snapshot in
                for metric in metrics { snapshot.values[metric.name] = metric.value }
                snapshot.time = now
            }
        }
        return Double(snapshot.withLock { $0.values[name] } ?? 0)
    }
}
