import Collector
import FoundationEssentials
import OTLP
import Synchronization

/// Connector `profilingmetrics`: metrics made from profiles alone.
///
/// Profiles are counted into a window; the window is built into metrics and handed on every `flush_interval`, or for
/// each message if there is none. What the next component does not take is kept and offered again, up to a bound.
final class ProfilingMetricsConnector: Connector {
    /// Batches kept that were refused; beyond that the oldest is dropped, and counted.
    static let maximumKeptBatches = 20

    private struct State {
        var window = MetricsWindow()
        /// Refused, the oldest first.
        var kept: [OTLPMetricsData] = []
        var ticker: Task<Void, Never>?
    }

    private let configuration: ProfilingMetricsConfiguration
    private let context: ComponentContext
    private let next: any Consumer
    private let builder: MetricsBuilder
    private let state = Mutex(State())
    /// One flush at a time, so that batches go out in order.
    private let flushing = FlushTurn()
    private let invalidSamples: Counter
    private let droppedPoints: Counter

    init(configuration: ProfilingMetricsConfiguration, context: ComponentContext, next: any Consumer) {
        self.configuration = configuration
        self.context = context
        self.next = next
        builder = MetricsBuilder(configuration: configuration, scopeVersion: context.build.version)
        let labels = ["connector": "\(context.id)"]
        invalidSamples = context.metrics.counter(
            "otelcol_connector_profilingmetrics_invalid_samples",
            help: "Samples not counted because their stack is not in the message.", labels: labels)
        droppedPoints = context.metrics.counter(
            "otelcol_connector_profilingmetrics_dropped_metric_points",
            help: "Metric points dropped because the next component refused them.", labels: labels)
    }

    private var flushesAtOnce: Bool { configuration.flushInterval <= .zero }

    func start(host: any Host) async throws {
        guard !flushesAtOnce else { return }
        let interval = configuration.flushInterval
        let ticker = Task { [weak self] in
            while !Task.isCancelled {
                do { try await Task.sleep(for: interval) } catch { return }
                guard let connector = self else { return }
                // In a task of its own: the end of the ticker must not cancel what is being sent.
                await Task { await connector.flushAndReport() }.value
            }
        }
        state.withLock { $0.ticker = ticker }
    }

    /// Hands on what is left. What is refused now is lost, counted.
    func shutdown() async throws {
        let ticker = state.withLock { state in
            defer { state.ticker = nil }
            return state.ticker
        }
        ticker?.cancel()
        do {
            try await flush()
        } catch {
            let lost = state.withLock { state in
                defer { state.kept = [] }
                return state.kept.reduce(0) { $0 + $1.metricPointCount }
            }
            // What was refused for good has been counted already.
            if lost == 0 { throw error }
            droppedPoints.add(lost)
            throw CollectorError("\(lost) metric points were lost, the next component does not take them: \(error)")
        }
    }

    func consume(_ telemetry: Telemetry) async throws {
        guard case .profiles(let data) = telemetry else { return }
        if flushesAtOnce {
            var window = MetricsWindow()
            count(data, into: &window)
            if let metrics = builder.build(window) { try await next.consume(.metrics(metrics)) }
            return
        }
        let isFull = state.withLock { state in
            count(data, into: &state.window)
            return state.window.isFull
        }
        if isFull { await flushAndReport() }
    }

    private func count(_ data: OTLPProfilesData, into window: inout MetricsWindow) {
        var counter = MessageCounter(data, configuration)
        counter.count(into: &window, now: Self.unixNanoseconds())
        invalidSamples.add(counter.invalidSamples)
    }

    private static func unixNanoseconds() -> UInt64 {
        UInt64(max(0, Date().timeIntervalSince1970 * 1e9))
    }

    // MARK: - Flushing

    private func flushAndReport() async {
        do {
            try await flush()
        } catch {
            context.logger.error("The next component did not take the metrics, they are kept: \(error)")
        }
    }

    /// Hands on what was refused before, then the present window. No lock is held meanwhile.
    /// - Throws: What the next component threw; what it refused is kept unless it said that this is for good.
    func flush() async throws {
        await flushing.begin()
        defer { flushing.end() }
        var (batches, window) = state.withLock { state in
            defer { (state.kept, state.window) = ([], MetricsWindow()) }
            return (state.kept, state.window)
        }
        if let metrics = builder.build(window) { batches.append(metrics) }
        var failure: (any Error)?
        for (index, batch) in batches.enumerated() {
            do {
                try await next.consume(.metrics(batch))
            } catch {
                failure = error
                if PermanentError.isPermanent(error) {
                    droppedPoints.add(batch.metricPointCount)
                    context.logger.error("Dropped metrics that the next component refused for good: \(error)")
                } else {
                    keep(batches[index...])
                    break
                }
            }
        }
        if let failure { throw failure }
    }

    private func keep(_ batches: ArraySlice<OTLPMetricsData>) {
        let excess = state.withLock { state -> ArraySlice<OTLPMetricsData> in
            state.kept = Array(batches) + state.kept
            let excess = state.kept.prefix(max(0, state.kept.count - Self.maximumKeptBatches))
            state.kept.removeFirst(excess.count)
            return excess
        }
        for batch in excess { droppedPoints.add(batch.metricPointCount) }
    }
}

/// Lets one caller after another pass.
private final class FlushTurn: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func begin() async {
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state in
                if state.isTaken {
                    state.waiting.append(continuation)
                    return false
                }
                state.isTaken = true
                return true
            }
            if passes { continuation.resume() }
        }
    }

    func end() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
