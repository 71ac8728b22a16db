import CBPFInterface
import Synchronization

/// What the engine counts about itself, for whoever asks from any thread.
final class EngineStatistics: Sendable {
    struct Values: Sendable {
        var records: UInt64 = 0
        var malformedRecords: UInt64 = 0
        var lostRecords: UInt64 = 0
        var lostProcessEvents: UInt64 = 0
        var deferredTraces: UInt64 = 0
        var displacedTraces: UInt64 = 0
        var snapshotsUnwound: UInt64 = 0
        var tables: UInt64 = 0
        var failedTables: UInt64 = 0
        var refusedTables: UInt64 = 0
        var tableRows: UInt64 = 0
        var refusedExecutables: UInt64 = 0
        var forgottenExecutables: UInt64 = 0
        var refusedProcesses: UInt64 = 0
        var excludedSamples: UInt64 = 0
        var overdueQuestions: UInt64 = 0
        var pendingQuestions: UInt64 = 0
        var attachedRuntimes: UInt64 = 0
        var refusedRuntimes: UInt64 = 0
        var interningResets: UInt64 = 0
        var knownProcesses: UInt64 = 0
        var publishedProcesses: UInt64 = 0
        var knownExecutables: UInt64 = 0
        var waitingTraces: UInt64 = 0
        var internedTraces: UInt64 = 0
        var tableBytes: UInt64 = 0
        /// As `KernelSide.readCounters`.
        var kernelCounters: [UInt64] = []
    }

    private let values = Mutex(Values())

    func set(_ new: Values) {
        values.withLock { $0 = new }
    }

    var metrics: [EngineMetric] {
        let values = values.withLock { $0 }
        func counter(_ name: String, _ value: UInt64) -> EngineMetric {
            EngineMetric(name: name, value: value, isCounter: true)
        }
        func gauge(_ name: String, _ value: UInt64) -> EngineMetric {
            EngineMetric(name: name, value: value, isCounter: false)
        }
        var metrics = [
            counter("agent.records", values.records),
            counter("agent.records.malformed", values.malformedRecords),
            counter("agent.records.lost", values.lostRecords),
            counter("agent.process_events.lost", values.lostProcessEvents),
            counter("agent.traces.deferred", values.deferredTraces),
            counter("agent.traces.displaced", values.displacedTraces),
            counter("agent.snapshots.unwound", values.snapshotsUnwound),
            counter("agent.tables.built", values.tables),
            counter("agent.tables.failed", values.failedTables),
            counter("agent.tables.refused", values.refusedTables),
            counter("agent.tables.rows", values.tableRows),
            counter("agent.runtimes.attached", values.attachedRuntimes),
            counter("agent.runtimes.refused", values.refusedRuntimes),
            counter("agent.executables.refused", values.refusedExecutables),
            counter("agent.executables.forgotten", values.forgottenExecutables),
            counter("agent.processes.refused", values.refusedProcesses),
            counter("agent.samples.excluded", values.excludedSamples),
            counter("agent.process_reads.overdue", values.overdueQuestions),
            counter("agent.traces.forgotten", values.interningResets),
            gauge("agent.process_reads.waiting", values.pendingQuestions),
            gauge("agent.processes.known", values.knownProcesses),
            gauge("agent.processes.published", values.publishedProcesses),
            gauge("agent.executables.known", values.knownExecutables),
            gauge("agent.traces.waiting", values.waitingTraces),
            gauge("agent.traces.known", values.internedTraces),
            gauge("agent.tables.bytes", values.tableBytes),
        ]
        for (number, value) in values.kernelCounters.enumerated() {
            if number < Int(COUNTER_STOP_REASONS.rawValue) {
                guard let name = counter_name(UInt32(number)) else { continue }
                metrics.append(counter("bpf.\(String(cString: name))", value))
            } else {
                let reason = UInt32(number) - UInt32(COUNTER_STOP_REASONS.rawValue)
                metrics.append(counter("bpf.stops.\(String(cString: stop_reason_name(reason)))", value))
            }
        }
        return metrics
    }
}
