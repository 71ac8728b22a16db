import Collector
import Logging
import Synchronization

/// Gathers the batches that go together, and sends them when there are enough or the oldest has waited long enough.
///
/// Whoever brings the last item that is needed sends: a slow pipeline slows down those who feed it. What the pipeline
/// refuses is logged and lost, as those who brought it have gone.
final class BatchShard: Sendable {
    private struct State {
        var pending: Telemetry?
        var items = 0
        /// Waits for the timeout; nil while nothing is pending.
        var timer: Task<Void, Never>?
        /// Timers whose time has come and that are sending.
        var sending: [UInt64: Task<Void, Never>] = [:]
        var timers: UInt64 = 0
        var isFinished = false
    }

    private let configuration: BatchConfiguration
    private let context: RequestContext?
    private let next: any Consumer
    private let logger: Logger
    private let metrics: BatchMetrics
    private let state = Mutex(State())

    init(
        configuration: BatchConfiguration, context: RequestContext?, next: any Consumer, logger: Logger,
        metrics: BatchMetrics
    ) {
        self.configuration = configuration
        self.context = context
        self.next = next
        self.logger = logger
        self.metrics = metrics
    }

    func add(_ telemetry: Telemetry) async {
        let batches = state.withLock { state in
            if var pending = state.pending {
                state.pending = nil
                pending.append(telemetry)
                state.pending = pending
            } else {
                state.pending = telemetry
            }
            state.items += telemetry.itemCount
            let batches = cut(&state, all: configuration.sendsAtOnce || state.isFinished)
            if state.pending != nil, state.timer == nil { startTimer(&state) }
            return batches
        }
        if !batches.isEmpty { metrics.sizeTriggers.add() }
        for batch in batches { await send(batch) }
    }

    /// Sends everything, and waits for what is being sent. What comes later is not held back any more.
    func finish() async {
        let (batches, sending) = state.withLock { state in
            state.isFinished = true
            return (cut(&state, all: true), Array(state.sending.values))
        }
        for batch in batches { await send(batch) }
        for task in sending { await task.value }
    }

    // MARK: - Under the lock

    /// Takes what is to be sent out of what is pending.
    private func cut(_ state: inout State, all: Bool) -> [Telemetry] {
        let maximum = configuration.sendBatchMaximumSize
        var batches: [Telemetry] = []
        while var pending = state.pending, all || state.items >= configuration.sendBatchSize {
            state.pending = nil
            if maximum > 0, state.items > maximum {
                batches.append(pending.removePrefix(maximum))
                state.items -= maximum
                state.pending = pending
            } else {
                batches.append(pending)
                state.items = 0
            }
        }
        if state.pending == nil {
            state.timer?.cancel()
            state.timer = nil
        }
        return batches
    }

    private func startTimer(_ state: inout State) {
        state.timers += 1
        let (number, timeout) = (state.timers, configuration.timeout)
        state.timer = Task {
            do { try await Task.sleep(for: timeout) } catch { return }
            await self.timeIsUp(number)
        }
    }

    // MARK: - Sending

    private func timeIsUp(_ number: UInt64) async {
        let batches = state.withLock { state -> [Telemetry] in
            // Whoever cut in between has started another timer, or finished.
            guard state.timers == number, let timer = state.timer else { return [] }
            // From now on this task sends: nobody may cancel it.
            state.timer = nil
            state.sending[number] = timer
            return cut(&state, all: true)
        }
        if !batches.isEmpty { metrics.timeoutTriggers.add() }
        for batch in batches { await send(batch) }
        _ = state.withLock { $0.sending.removeValue(forKey: number) }
    }

    private func send(_ batch: Telemetry) async {
        metrics.sendSize.record(Double(batch.itemCount))
        do {
            // The context of the request that happened to complete the batch is that of only a part of it.
            try await RequestContext.$current.withValue(context) { try await next.consume(batch) }
        } catch {
            logger.warning("Sender failed", metadata: ["error": "\(error)", "dropped_items": "\(batch.itemCount)"])
        }
    }
}
