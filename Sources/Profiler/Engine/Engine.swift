import BPFObjects
import Glibc
import ObjectFiles
import Privileges
import Processes
import Symbolization
import Synchronization
import Unwinding

/// The profiler: samples all processes of the host and delivers counted, named traces.
///
/// `start` loads the kernel side and begins; intervals arrive on a thread of the engine's own until `stop`, which
/// delivers the last, partial one before it returns.
///
/// One thread reads what the kernel sends and keeps its picture of processes true, a few read about processes in
/// `/proc`, one opens executables, two build unwinding tables, one reads the memory of managed runtimes, one names frames
/// and delivers. They talk through mailboxes.
public final class Engine: Sendable {
    /// Receives intervals, one at a time, on a dedicated thread. Intervals without samples are not delivered.
    public typealias Handler = @Sendable (ProfileInterval) -> Void
    /// Receives messages for the log, from any thread.
    public typealias Log = @Sendable (EngineLogLevel, String) -> Void

    private let options: EngineOptions
    private let log: Log
    private let handler: Handler
    private let statistics = EngineStatistics()

    private struct Running {
        var loopMailbox: Mailbox<EngineLoop.Message>
        var loop: DedicatedThread
        var inspectors: [(mailbox: Mailbox<ProcessQuestion?>, thread: DedicatedThread)]
        var opener: (mailbox: Mailbox<ExecutableOpener.Request?>, thread: DedicatedThread)
        var builders: [(mailbox: Mailbox<TableBuilding.Request>, thread: DedicatedThread)]
        var runtimes: (mailbox: Mailbox<RuntimeThread.Message>, thread: DedicatedThread)
        var naming: (mailbox: Mailbox<RawInterval?>, thread: DedicatedThread)
    }

    private let running = Mutex<Running?>(nil)

    /// One is enough, but it can be kept waiting by a process that it reads about.
    private static let inspectorCount = 4

    public init(options: EngineOptions, log: @escaping Log, handler: @escaping Handler) {
        self.options = options
        self.log = log
        self.handler = handler
    }

    /// Loads the kernel side and starts all threads. Blocks for some 0.2 s.
    ///
    /// - Throws: `EngineError` that says what is missing and what to do.
    public func start() throws(EngineError) {
        let pidTranslation = try Engine.checkSurroundings(options, log)
        Engine.raiseFileLimit()
        let options = self.options, log = self.log, handler = self.handler, statistics = self.statistics
        let loopMailbox = try Mailbox<EngineLoop.Message>()
        let openerMailbox = try Mailbox<ExecutableOpener.Request?>()
        let tableBuilders = TableBuilders(small: try Mailbox(), large: try Mailbox())
        let runtimesMailbox = try Mailbox<RuntimeThread.Message>()
        let namingMailbox = try Mailbox<RawInterval?>()
        var inspectorMailboxes: [Mailbox<ProcessQuestion?>] = []
        for _ in 0..<Engine.inspectorCount { inspectorMailboxes.append(try Mailbox()) }
        let inspectorQueues = inspectorMailboxes

        // The kernel side belongs to the thread that made it, so the loop's thread makes it and tells how that went.
        let outcome = try Mailbox<Result<KernelFacts, EngineError>>()
        let ruleSet = RuleSet()
        let kernelOptions = Engine.kernelOptions(options, pidTranslation)
        let registry = ExecutableRegistry(capacity: Int(kernelOptions.maximumExecutables))

        let loop = try DedicatedThread(name: "otelcol-reader") {
            do throws(EngineError) {
                let (kernel, monitor) = try Engine.openKernel(kernelOptions, options)
                let tables = try Engine.uploadedTables(kernel, ruleSet, options)
                outcome.post(
                    .success(
                        KernelFacts(
                            tables: tables, unwinderLoader: kernel.unwinderLoader,
                            taskLayoutFailure: kernel.taskLayoutFailure, framesPerCall: kernel.framesPerCall)))
                let engineLoop = EngineLoop(
                    options: options, log: log, kernel: kernel, monitor: monitor, mailbox: loopMailbox,
                    opener: openerMailbox, builders: tableBuilders, inspectors: inspectorQueues, registry: registry,
                    ruleSet: ruleSet, shared: statistics, runtimeThread: runtimesMailbox)
                do throws(EngineError) { try engineLoop.run() } catch { log(.error, "profiling has stopped: \(error)") }
            } catch {
                outcome.post(.failure(error))
            }
        }
        let facts: KernelFacts
        switch outcome.receive().first {
        case .success(let opened)?: facts = opened
        case .failure(let error)?:
            loop.join()
            throw error
        case nil:
            loop.join()
            throw EngineError("the profiler's reading thread ended at once")
        }
        if let failure = facts.taskLayoutFailure {
            log(
                .warning,
                "samples in system calls lack user frames, as their registers were not found in the kernel: \(failure)")
        }
        log(.info, "eBPF programs loaded, \(facts.framesPerCall) native frames a call")

        var inspectors: [(mailbox: Mailbox<ProcessQuestion?>, thread: DedicatedThread)] = []
        for (number, mailbox) in inspectorQueues.enumerated() {
            let thread = try DedicatedThread(name: "otelcol-procfs") {
                let inspector = ProcessInspector(environmentVariables: Set(options.environmentVariables))
                while true {
                    for question in mailbox.receive() {
                        guard let question else { return }
                        loopMailbox.post(.inspected(thread: number, inspector.answer(question)))
                    }
                }
            }
            inspectors.append((mailbox, thread))
        }
        let opener = try DedicatedThread(name: "otelcol-files") {
            let opener = ExecutableOpener()
            while true {
                for request in openerMailbox.receive() {
                    guard let request else { return }
                    loopMailbox.post(.opened(request.reference, opener.open(request)))
                }
            }
        }
        var builders: [(mailbox: Mailbox<TableBuilding.Request>, thread: DedicatedThread)] = []
        for mailbox in [tableBuilders.small, tableBuilders.large] {
            let thread = try DedicatedThread(name: "otelcol-tables") {
                TableBuilding(rules: ruleSet, tables: facts.tables).run(mailbox) { loopMailbox.post(.built($0)) }
            }
            builders.append((mailbox, thread))
        }
        let runtimes = try DedicatedThread(name: "otelcol-runtimes") {
            RuntimeThread(loader: facts.unwinderLoader, log: log).run(
                runtimesMailbox, answer: { loopMailbox.post(.attached($0)) }, deliver: { namingMailbox.post($0) })
        }
        let naming = try DedicatedThread(name: "otelcol-naming") {
            let store = options.nameStoreFolder.flatMap { folder in
                NameStore(folder: folder, limitBytes: options.nameStoreLimitBytes) { log(.warning, $0) }
            }
            let symbolizer = Symbolizer(capacityBytes: options.memoryBudgetBytes / 8, store: store)
            defer { symbolizer.flush() }
            let naming = FrameNaming(
                registry: registry, symbolizer: options.namesNativeCode ? symbolizer : nil,
                debugFileProvider: options.debugFileProvider, kernelNaming: KernelNaming(log: log))
            var clock = ClockOffset()
            var measured = monotonicNanoseconds()
            while true {
                for interval in namingMailbox.receive() {
                    guard let interval else { return }
                    let now = monotonicNanoseconds()
                    let syncInterval = options.clockSyncIntervalNanoseconds
                    if syncInterval > 0, now &- measured >= syncInterval {
                        clock = ClockOffset()
                        measured = now
                    }
                    handler(naming.name(interval, clock: clock))
                    symbolizer.flush()
                }
            }
        }
        running.withLock {
            $0 = Running(
                loopMailbox: loopMailbox, loop: loop, inspectors: inspectors, opener: (openerMailbox, opener),
                builders: builders, runtimes: (runtimesMailbox, runtimes), naming: (namingMailbox, naming))
        }
    }

    /// Stops sampling, delivers what is left, and unloads. Blocks until then.
    public func stop() {
        let stopped = running.withLock { running -> Running? in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        stopped.loopMailbox.post(.stop)
        stopped.loop.join()
        for inspector in stopped.inspectors { inspector.mailbox.post(nil) }
        stopped.opener.mailbox.post(nil)
        for builder in stopped.builders { builder.mailbox.post(.stop) }
        // After the last interval, which passes through it.
        stopped.runtimes.mailbox.post(.stop)
        stopped.runtimes.thread.join()
        stopped.naming.mailbox.post(nil)
        stopped.opener.thread.join()
        for builder in stopped.builders { builder.thread.join() }
        stopped.naming.thread.join()
        // One that is stuck in a process ends when that process lets go.
        for inspector in stopped.inspectors { inspector.thread.join(withinMilliseconds: 500) }
    }

    /// What the engine counts about itself, kernel side included, as of the last second. Callable from any thread.
    public func metrics() -> [EngineMetric] { statistics.metrics }

    // MARK: - Opening

    /// Says what is missing before the kernel does, which only knows "Operation not permitted".
    ///
    /// - Returns: how process ids are to be translated: not at all in the initial pid namespace.
    private static func checkSurroundings(
        _ options: EngineOptions, _ log: Log
    ) throws(EngineError) -> PIDTranslation {
        var privileges = Privileges.current()
        privileges.translatesPIDs = options.pidTranslation != .none
        guard privileges.kernel >= .minimum else {
            throw EngineError(
                "Linux \(privileges.kernel) is too old to be profiled: \(KernelVersion.minimum) or newer is needed")
        }
        if let obstacle = privileges.obstacle { throw EngineError(obstacle) }
        for warning in privileges.warnings { log(.warning, warning) }
        return privileges.isInPIDNamespace ? options.pidTranslation : .none
    }

    /// Every known executable holds an open file, and the usual soft limit of 1,024 is meant for select(2).
    private static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max
        else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// What the other threads need of the kernel side.
    private struct KernelFacts: Sendable {
        var tables: UploadedTables
        var unwinderLoader: UnwinderLoader
        var taskLayoutFailure: BPFError?
        var framesPerCall: UInt32
    }

    private static func kernelOptions(
        _ options: EngineOptions, _ pidTranslation: PIDTranslation
    ) -> KernelSide.Options {
        var kernel = KernelSide.Options()
        kernel.pidTranslation = pidTranslation
        kernel.includeIdle = options.includeIdle
        kernel.excludesGroups = !options.selection.isEmpty
        // A second's worth of records of 2 KiB, some of them snapshots.
        let cpus = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let (wanted, isTooMuch) = Int(clamping: options.samplesPerSecond).multipliedReportingOverflow(by: cpus * 4096)
        kernel.traceBufferBytes = min(
            isTooMuch ? .max : max(wanted, 1 << 20), max(1 << 20, options.memoryBudgetBytes / 8))
        return kernel
    }

    private static func openKernel(
        _ kernelOptions: KernelSide.Options, _ options: EngineOptions
    ) throws(EngineError) -> (KernelSide, ProcessMonitor) {
        let kernel: KernelSide
        do throws(BPFError) { kernel = try KernelSide(options: kernelOptions) } catch { throw EngineError("\(error)") }
        do {
            let monitor = try ProcessMonitor(inspectors: Engine.inspectorCount)
            return (kernel, monitor)
        } catch {
            throw EngineError("\(error)")
        }
    }

    private static func uploadedTables(
        _ kernel: KernelSide, _ rules: RuleSet, _ options: EngineOptions
    ) throws(EngineError) -> UploadedTables {
        do throws(BPFError) {
            return try UploadedTables(
                rules: rules, tables: kernel.tables, ruleMap: kernel.unwindRules,
                capacityBytes: options.memoryBudgetBytes / 2)
        } catch {
            throw EngineError("\(error)")
        }
    }
}

public enum EngineLogLevel: Sendable {
    case debug, info, warning, error
}
