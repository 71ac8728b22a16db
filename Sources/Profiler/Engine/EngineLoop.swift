import BPFObjects
import CBPFInterface
import CEngineSupport
import Glibc
import ObjectFiles
import Processes
import Synchronization
import Unwinding

/// The reading thread: takes records and process events from the kernel, keeps the kernel side's picture of processes
/// true, and counts traces.
///
/// All state belongs to this one thread; others speak to it through its mailbox.
final class EngineLoop {
    enum Message: Sendable {
        case opened(ExecutableReference, OpenedExecutable)
        case built(TableBuilding.Built)
        case inspected(thread: Int, ProcessAnswer)
        case attached(RuntimeThread.AttachAnswer)
        case stop
    }

    let options: EngineOptions
    let log: Engine.Log
    let kernel: KernelSide
    let monitor: ProcessMonitor
    let mailbox: Mailbox<Message>
    let opener: Mailbox<ExecutableOpener.Request?>
    let builders: TableBuilders
    /// By thread. Each has at most one question.
    let inspectors: [Mailbox<ProcessQuestion?>]
    let registry: ExecutableRegistry
    let runtimeThread: Mailbox<RuntimeThread.Message>
    let shared: EngineStatistics

    var publisher: ProcessPublisher
    var interner = TraceInterner()
    var deferred: DeferredTraces
    let unwinder: SnapshotUnwinder
    let ruleSet: RuleSet

    // Executables.
    enum Opening {
        case inProgress
        case known(UInt32)
        /// There were too many.
        case unnumbered
    }
    var references: [ExecutableReference: Opening] = [:]
    var numbers: ExecutableNumbers
    var requestedTables: Set<UInt32> = []
    /// Tables that found no room, although everything idle had been removed. They are tried again now and then.
    var refusedTables: Set<UInt32> = []
    var tablesTriedAgain: Set<UInt32> = []
    var nextTableRetry: UInt64 = 0
    var toldArenaIsFull = false
    /// Processes whose mappings wait for an executable to be opened.
    var waiting: [ProcessID: (key: ProcessKey, mappings: [Mapping])] = [:]

    /// Numbers of processes' code that is made at run time.
    var runTimeCode: [ProcessKey: UInt32] = [:]

    // Managed runtimes.
    /// By process.
    var runtimes: [UInt32: [RuntimeState]] = [:]
    var nextAttachment: UInt32 = 0
    /// By unwinder, of those whose program is loaded.
    var runtimeMaps: [UInt32: BPFMap] = [:]
    var toldRuntimeProblems: Set<String> = []
    /// Frames of new traces that are still to be sent to be named.
    var newRuntimeFrames: [UInt64] = []

    /// Traces of a process that no mapping was found for in the end, since its mappings last changed.
    var missingMappings: [UInt32: Int] = [:]

    // What the configuration selects, see EngineLoop+Selection.swift.
    /// Processes whose mappings wait until it is known whether they are profiled.
    var unjudged: [ProcessID: (key: ProcessKey, mappings: [Mapping])] = [:]
    var excluded: [ProcessID: ProcessKey] = [:]
    /// Control groups that the kernel side leaves out.
    var excludedGroups: Set<UInt64> = []
    var nextReconsideration: UInt64 = 0

    static let missesUntilConfirmed = 8

    // The present interval.
    var samples: [RawSample] = []
    private var labels = LabelInterner()
    /// Those before have been given the lives of processes they belong to.
    var attributedSamples = 0
    /// The lives that samples belong to, and their numbers.
    var lives: [RawProcess] = []
    var lifeNumbers: [ProcessKey: UInt32] = [:]
    var intervalStart: UInt64
    var nextReport: UInt64
    var schedule: ReportSchedule
    var windows: SamplingWindows
    var generation: UInt64 = 0
    var deliveredTraces = 0
    var deliveredWords = 0
    var nextCPUCheck: UInt64 = 0
    /// What failed at the last look, by CPU.
    var cpuFailures: [Int: String] = [:]
    var statistics = EngineStatistics.Values()

    /// How long a trace waits for its process to be known, and for a table to be built.
    private static let processPatienceNanoseconds: UInt64 = 2_000_000_000
    private static let tablePatienceNanoseconds: UInt64 = 20_000_000_000
    /// How long the last interval waits for traces that can still be completed.
    private static let stopPatienceNanoseconds: UInt64 = 5_000_000_000
    /// How long an interval that is over waits for facts about its processes.
    private static let factsPatienceNanoseconds: UInt64 = 250_000_000
    /// The trace buffer is read this often even when nothing calls for it.
    private static let pollNanoseconds: UInt64 = 250_000_000

    init(
        options: EngineOptions, log: @escaping Engine.Log, kernel: KernelSide, monitor: ProcessMonitor,
        mailbox: Mailbox<Message>, opener: Mailbox<ExecutableOpener.Request?>,
        builders: TableBuilders, inspectors: [Mailbox<ProcessQuestion?>],
        registry: ExecutableRegistry, ruleSet: RuleSet,
        shared: EngineStatistics, runtimeThread: Mailbox<RuntimeThread.Message>
    ) {
        self.options = options
        self.log = log
        self.kernel = kernel
        self.monitor = monitor
        self.mailbox = mailbox
        self.opener = opener
        self.builders = builders
        self.inspectors = inspectors
        self.registry = registry
        self.ruleSet = ruleSet
        self.shared = shared
        self.runtimeThread = runtimeThread
        publisher = ProcessPublisher(
            processes: kernel.processes, mappings: kernel.mappings, capacity: kernel.options.maximumMappings)
        deferred = DeferredTraces(capacityBytes: options.memoryBudgetBytes / 8)
        unwinder = SnapshotUnwinder(
            executableCapacity: Int(kernel.options.maximumExecutables), tables: kernel.tables,
            pointerMask: KernelSide.pointerMask)
        numbers = ExecutableNumbers(capacity: kernel.options.maximumExecutables)
        intervalStart = monotonicNanoseconds()
        schedule = ReportSchedule(options)
        windows = SamplingWindows(options)
        nextReport = intervalStart &+ schedule.next()
    }

    // MARK: - The loop

    func run() throws(EngineError) {
        let buffer: TraceBuffer
        do throws(BPFError) {
            buffer = try kernel.makeTraceBuffer { [unowned self] bytes in self.received(bytes) }
        } catch {
            throw EngineError("\(error)")
        }
        let wake = engine_epoll([mailbox.descriptor, buffer.pollDescriptor], 2)
        guard wake >= 0 else {
            throw EngineError("cannot create an epoll descriptor: \(String(cString: strerror(-wake)))")
        }
        defer { close(wake) }
        updateSampledCPUs(buffer)
        var isStopping = false
        var stopDeadline = UInt64.max
        while true {
            let now = monotonicNanoseconds()
            // A report that is due waits for facts, whose arrival wakes.
            let timeout = min(EngineLoop.pollNanoseconds, nextReport > now ? nextReport &- now : 10_000_000)
            monitor.wait(timeoutNanoseconds: timeout, wake: wake)
            var answers: [(thread: Int, answer: ProcessAnswer)] = []
            for message in mailbox.receiveNow() {
                switch message {
                case .opened(let reference, let opened): take(reference, opened)
                case .built(let built): take(built)
                case .inspected(let thread, let answer): answers.append((thread, answer))
                case .attached(let answer): take(answer)
                case .stop:
                    isStopping = true
                    stopDeadline = monotonicNanoseconds() &+ EngineLoop.stopPatienceNanoseconds
                    kernel.stopSampling()
                }
            }
            do throws(BPFError) { try buffer.consume() } catch { log(.error, "\(error)") }
            // After the traces: their processes are asked for in the same round.
            handleProcessActions(answers)
            publishJudged()
            let end = monotonicNanoseconds()
            publisher.reclaim(now: end)
            giveUp(on: end)
            retryRuntimes(now: end)
            postRuntimeFrames()
            attributeSamples()
            for (thread, question) in monitor.takeQuestions() { inspectors[thread].post(question) }
            if end >= nextCPUCheck {
                nextCPUCheck = end &+ 1_000_000_000
                forgetIdleExecutables(now: end)
                retryRefusedTables(now: end)
                reconsider(now: end)
                if !isStopping { updateSampledCPUs(buffer) }
                statistics.lostRecords = buffer.lostRecords
                updateStatistics()
            }
            let isComplete = deferred.traces.isEmpty && !monitor.isWaitingForFacts
            let isLast = isStopping && (isComplete || end >= stopDeadline)
            if isLast { finishDeferred { _ in true } }
            let isDue = end >= nextReport
            let isLate = isDue && end &- nextReport >= EngineLoop.factsPatienceNanoseconds
            if isLast || isLate || isDue && !monitor.isWaitingForFacts { report(end) }
            if isLast { break }
        }
        updateStatistics()
    }

    /// Follows CPUs that went offline or came back. What fails is tried again next time, and said once.
    func updateSampledCPUs(_ buffer: TraceBuffer) {
        guard let online = try? CPUList.online() else { return }
        let wanted = options.cpus.map { wanted in online.filter(wanted.contains) } ?? online
        let restarted = monitor.takeRestartedCPUs()
        for cpu in kernel.sampledCPUs where !wanted.contains(cpu) || restarted.contains(cpu) {
            kernel.stopSampling(cpu: cpu)
            buffer.stop(cpu: cpu)
        }
        let wasOn = windows.isOn
        var generator = SystemRandomNumberGenerator()
        guard windows.update(now: monotonicNanoseconds(), using: &generator) else {
            if wasOn || !kernel.sampledCPUs.isEmpty { log(.info, "not sampling for now, as probability has it") }
            kernel.stopSampling()
            return
        }
        if !wasOn { log(.info, "sampling again") }
        var failures: [Int: String] = [:]
        for failure in monitor.eventFailures where failure.errno != ENODEV { failures[failure.cpu] = "\(failure)" }
        for cpu in wanted {
            do throws(BPFError) {
                try buffer.start(cpu: cpu)
                try kernel.startSampling(cpu: cpu, samplesPerSecond: options.samplesPerSecond)
            } catch {
                // ENODEV: it has just gone offline.
                if error.errorNumber != ENODEV { failures[cpu] = "\(error)" }
            }
        }
        for (cpu, failure) in failures where cpuFailures[cpu] != failure { log(.warning, failure) }
        cpuFailures = failures
    }

    // MARK: - Records

    func received(_ bytes: UnsafeRawBufferPointer) {
        guard let record = TraceRecord(bytes) else {
            statistics.malformedRecords &+= 1
            return
        }
        statistics.records &+= 1
        let header = record.header
        let stop = UInt32(header.stop_reason)
        if header.pid != 0, stop != STOP_KERNEL_THREAD.rawValue {
            let pid = ProcessID(truncatingIfNeeded: header.pid), tid = ProcessID(truncatingIfNeeded: header.tid)
            if stop == STOP_NO_MAPPING.rawValue {
                monitor.missingMapping(pid: pid, tid: tid, timeNanoseconds: header.time_nanoseconds)
            } else {
                monitor.sampled(pid: pid, tid: tid, timeNanoseconds: header.time_nanoseconds)
            }
        }
        guard let bytes = record.snapshot else {
            note(record.words, header, stopReason: header.stop_reason, labels: labels.number(of: record.labels))
            return
        }
        guard let snapshot = StackSnapshot(bytes) else {
            statistics.malformedRecords &+= 1
            return
        }
        if header.pending_executable != 0 { requestTable(header.pending_executable) }
        let patience =
            stop == STOP_TABLE_PENDING.rawValue
            ? EngineLoop.tablePatienceNanoseconds : EngineLoop.processPatienceNanoseconds
        let trace = DeferredTrace(
            header: header, kernelFrames: Array(record.words), snapshot: snapshot,
            deadlineNanoseconds: monotonicNanoseconds() &+ patience)
        // What is known here may not have reached the kernel when the sample was taken.
        if stop != STOP_NO_MAPPING.rawValue, mappings(of: trace) != nil {
            resolve([trace])
        } else {
            wait(trace)
        }
    }

    /// Counts a sample.
    func note(
        _ words: UnsafeBufferPointer<UInt64>, _ header: trace_header, stopReason: UInt16, labels: UInt32 = 0
    ) {
        let known = interner.traces.count
        let trace = interner.intern(words, kernelFrameCount: header.kernel_frame_count, stopReason: stopReason)
        if interner.traces.count > known {
            collectRuntimeFrames(words, kernelFrameCount: header.kernel_frame_count)
        }
        // A number that no process has.
        let isOutside = UInt32(header.flags) & TRACE_OUTSIDE_NAMESPACE.rawValue != 0
        samples.append(
            RawSample(
                trace: trace, pid: isOutside ? .max : header.pid, tid: header.tid, cpu: header.cpu,
                controlGroup: header.cgroup_id, monotonicNanoseconds: header.time_nanoseconds, value: header.value,
                weight: max(1, header.weight), threadName: ThreadName(header),
                origin: SampleOrigin(header) ?? .probe, labels: labels))
    }

    // MARK: - Traces that wait

    func wait(_ trace: DeferredTrace) {
        statistics.deferredTraces &+= 1
        for displaced in deferred.add(trace) {
            statistics.displacedTraces &+= 1
            finish(displaced)
        }
    }

    /// What was mapped when the trace was taken: a child of a shell has become another program a moment later.
    private func mappings(of trace: DeferredTrace) -> [mapping]? {
        let pid = ProcessID(truncatingIfNeeded: trace.header.pid)
        if let ended = monitor.endedMappings(of: pid, at: trace.header.time_nanoseconds) {
            return kernelMappings(of: ended.key, ended.mappings)
        }
        return publisher.mappings(of: trace.header.pid)
    }

    /// Unwinds what can be unwound now; the rest waits on.
    func resolve(_ traces: [DeferredTrace]) {
        for var trace in traces {
            guard let mappings = mappings(of: trace) else {
                deferred.add(trace).forEach(finish)
                continue
            }
            let missing = unwinder.unwind(
                trace.snapshot, traceFlags: trace.header.flags, mappings: mappings
            ) { frames, stopReason -> UInt32? in
                if UInt32(stopReason) == STOP_TABLE_PENDING.rawValue, frames.count >= 2 {
                    return UInt32(truncatingIfNeeded: ABIFrame(header: frames[frames.count - 2]).data)
                }
                // A program that has just been started maps its libraries one by one; the next may be the one.
                if UInt32(stopReason) == STOP_NO_MAPPING.rawValue { return 0 }
                note(frames, of: trace, stopReason: stopReason)
                return nil
            }
            guard let missing else { continue }
            if missing == 0 {
                trace.waitsForExecutable = 0
                deferred.add(trace).forEach(finish)
                continue
            }
            if trace.waitsForExecutable == 0 {
                trace.deadlineNanoseconds = monotonicNanoseconds() &+ EngineLoop.tablePatienceNanoseconds
            }
            trace.waitsForExecutable = missing
            requestTable(missing)
            deferred.add(trace).forEach(finish)
        }
    }

    /// Reports a trace as far as it can be unwound.
    func finish(_ trace: DeferredTrace) {
        guard let mappings = mappings(of: trace) else {
            let empty = UnsafeBufferPointer<UInt64>(start: nil, count: 0)
            note(empty, of: trace, stopReason: UInt16(STOP_PROCESS_GONE.rawValue))
            return
        }
        unwinder.unwind(trace.snapshot, traceFlags: trace.header.flags, mappings: mappings) { frames, stopReason in
            note(frames, of: trace, stopReason: stopReason)
            if UInt32(stopReason) == STOP_NO_MAPPING.rawValue { countMiss(trace.header.pid) }
        }
    }

    /// Waiting did not find a mapping. A process whose stacks lead nowhere again and again, which is its own affair, is
    /// not worth a snapshot each time.
    func countMiss(_ pid: UInt32) {
        missingMappings[pid, default: 0] += 1
        guard missingMappings[pid] == EngineLoop.missesUntilConfirmed else { return }
        do throws(BPFError) { try publisher.confirm(pid) } catch { log(.warning, "\(error)") }
    }

    func note(_ frames: UnsafeBufferPointer<UInt64>, of trace: DeferredTrace, stopReason: UInt16) {
        statistics.snapshotsUnwound &+= 1
        if trace.kernelFrames.isEmpty {
            note(frames, trace.header, stopReason: stopReason)
        } else {
            (trace.kernelFrames + frames).withUnsafeBufferPointer { note($0, trace.header, stopReason: stopReason) }
        }
    }

    func finishDeferred(where isOver: (DeferredTrace) -> Bool) {
        for trace in deferred.take(where: isOver) { finish(trace) }
    }

    func giveUp(on now: UInt64) {
        finishDeferred { $0.deadlineNanoseconds <= now }
    }

    // MARK: - Processes

    func handleProcessActions(_ answers: [(thread: Int, answer: ProcessAnswer)]) {
        for action in monitor.poll(answers: answers) {
            switch action {
            case .acquire(let reference, let process, let mapping): acquire(reference, process, mapping)
            case .publish(let key, let mappings):
                waiting[key.pid] = nil
                unjudged[key.pid] = nil
                publish(key, mappings)
            case .retract(let key):
                waiting[key.pid] = nil
                unjudged[key.pid] = nil
                excluded[key.pid] = nil
                retract(key)
            case .release(let reference):
                if case .known(let number)? = references.removeValue(forKey: reference) {
                    numbers.release(number, now: monotonicNanoseconds())
                }
            case .readMappings, .checkLiveness: break  // The monitor asks for them.
            }
        }
    }

    func isOpening(_ mappings: [Mapping]) -> Bool {
        mappings.contains { mapping in
            guard let reference = mapping.executable, case .inProgress = references[reference] else { return false }
            return true
        }
    }

    func publish(_ key: ProcessKey, _ mappings: [Mapping]) {
        if isOpening(mappings) {
            waiting[key.pid] = (key, mappings)
            return
        }
        guard let selection = selection(of: key) else {
            unjudged[key.pid] = (key, mappings)
            return
        }
        if selection.isExcluded {
            exclude(key, selection)
            return
        }
        let now = monotonicNanoseconds()
        let pid = UInt32(truncatingIfNeeded: key.pid)
        do throws(BPFError) {
            try publisher.publish(pid, kernelMappings(of: key, mappings), selection, now: now)
            missingMappings[pid] = nil
        } catch {
            log(.warning, "\(error)")
        }
        inspectRuntimes(key, mappings)
        resolve(deferred.take { $0.header.pid == pid && $0.waitsForExecutable == 0 })
    }

    func kernelMapping(_ source: Mapping) -> mapping {
        var result = mapping()
        result.start = source.start
        result.end = source.end
        result.kind = source.kind.abiValue
        result.unwinder = UInt8(UNWINDER_NATIVE.rawValue)
        guard let reference = source.executable, case .known(let number) = references[reference] else {
            return result
        }
        result.executable = number
        // Without an ELF file's segments an address is an offset in the file.
        result.bias =
            registry[number]?.file?.loadBias(mappingStart: source.start, fileOffset: source.fileOffset)
            ?? (source.start &- source.fileOffset)
        return result
    }

    func retract(_ key: ProcessKey) {
        let pid = UInt32(truncatingIfNeeded: key.pid)
        // What a new life of the process has left already goes on waiting, for the mappings of that life.
        let birth = monitor.table.birth(of: key.pid) ?? .max
        finishDeferred { $0.header.pid == pid && $0.header.time_nanoseconds < birth }
        for var trace in deferred.take(where: { $0.header.pid == pid }) {
            trace.waitsForExecutable = 0
            deferred.add(trace).forEach(finish)
        }
        missingMappings[pid] = nil
        detachRuntimes(pid)
        releaseRunTimeCode(of: key)
        do throws(BPFError) {
            try publisher.retract(pid, now: monotonicNanoseconds())
        } catch {
            log(.warning, "\(error)")
        }
    }

    // MARK: - Intervals

    func report(_ now: UInt64) {
        attributeSamples()
        applySelection()
        nextReport = now &+ schedule.next()
        let newTraces = Array(interner.traces[deliveredTraces...])
        let newWords = Array(interner.words[deliveredWords...])
        if !samples.isEmpty {
            postRuntimeFrames()
            let interval = RawInterval(
                generation: generation, newTraces: newTraces, newWords: newWords, firstWord: deliveredWords,
                samples: samples, processes: describeLives(), startMonotonicNanoseconds: intervalStart,
                endMonotonicNanoseconds: now, labelSets: labels.take())
            runtimeThread.post(.interval(interval))
            deliveredTraces = interner.traces.count
            deliveredWords = interner.words.count
        }
        samples.removeAll(keepingCapacity: true)
        attributedSamples = 0
        lives.removeAll(keepingCapacity: true)
        lifeNumbers.removeAll(keepingCapacity: true)
        intervalStart = now
        if interner.bytes > options.memoryBudgetBytes / 8 || numbers.isExhausted {
            interner.reset()
            numbers.recycle()
            generation &+= 1
            postRuntimeFrames()
            runtimeThread.post(.forget)
            deliveredTraces = 0
            deliveredWords = 0
            statistics.interningResets &+= 1
        }
    }

    func updateStatistics() {
        statistics.knownProcesses = UInt64(monitor.table.count)
        statistics.publishedProcesses = UInt64(publisher.processCount)
        statistics.knownExecutables = UInt64(numbers.count)
        statistics.waitingTraces = UInt64(deferred.traces.count)
        statistics.internedTraces = UInt64(interner.traces.count)
        statistics.tableBytes = UInt64(kernel.tables.bytes)
        statistics.lostProcessEvents = monitor.table.counters.lostEvents
        statistics.refusedProcesses = publisher.refused
        statistics.overdueQuestions = monitor.overdueQuestions
        statistics.pendingQuestions = UInt64(monitor.pendingQuestions)
        if let counters = try? kernel.readCounters() { statistics.kernelCounters = counters }
        shared.set(statistics)
    }
}
