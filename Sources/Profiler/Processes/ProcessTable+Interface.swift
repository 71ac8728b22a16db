/// What the process table asks its owner to do, in this order.
public enum ProcessAction: Sendable, Equatable {
    /// Read `/proc/PID/maps`, or `/proc/PID/task/THREAD/maps` when that is empty (the main thread has exited), and
    /// answer with `mappingsRead` or `readFailed`.
    case readMappings(ProcessKey, thread: ProcessID)
    /// Find out whether the process still has threads, and answer with `liveness`.
    case checkLiveness(ProcessKey)
    /// The first published process that maps this executable: open it through this mapping and load its tables. When
    /// it cannot be opened, tell `executableUnavailable`: the next process that maps it gives another chance.
    case acquire(ExecutableReference, process: ProcessKey, mapping: Mapping)
    /// The executable mappings of a process, complete, sorted, non-overlapping; they replace earlier ones of the same
    /// pid.
    case publish(ProcessKey, mappings: [Mapping])
    /// The process is gone, or executed another program.
    case retract(ProcessKey)
    /// No published process maps the executable any longer.
    case release(ExecutableReference)
}

/// Why a process could not be read.
public enum ProcessReadFailure: Error, Sendable, Equatable {
    /// ENOENT or ESRCH: it ended.
    case gone
    /// EPERM or EACCES: CAP_SYS_PTRACE is missing, or a security module forbids it.
    case notPermitted
    /// Anything else, with its errno.
    case other(Int32)

    public init(errno code: Int32) {
        switch code {
        case 2, 3: self = .gone  // ENOENT, ESRCH
        case 1, 13: self = .notPermitted  // EPERM, EACCES
        default: self = .other(code)
        }
    }
}

/// Sizes and times of the process table.
public struct ProcessTableLimits: Sendable {
    public var processes = 16384
    public var mappingsPerProcess = 4096
    /// How many `readMappings` one call of `takeActions` may hold.
    public var readsPerRound = 64
    /// The first wait between two reads of one process, in nanoseconds; it doubles while reading brings nothing new.
    public var firstReadBackoffNanoseconds: UInt64 = 100_000_000
    /// The wait doubles this often: 100 ms becomes 25.6 s.
    public var maximumReadBackoffDoublings: UInt8 = 8
    /// How long a process stays known after its last thread exited, so that its last samples find it.
    public var exitGraceNanoseconds: UInt64 = 2_000_000_000
    /// How often all processes are checked for life, in nanoseconds; heals what lost events left behind.
    public var sweepIntervalNanoseconds: UInt64 = 60_000_000_000

    public init() {}
}

/// What the process table had to do without; all counts since the start.
public struct ProcessTableCounters: Sendable, Equatable {
    /// Processes forgotten because there were more than `ProcessTableLimits.processes`.
    public var evictedProcesses: UInt64 = 0
    /// Mappings beyond `ProcessTableLimits.mappingsPerProcess`.
    public var droppedMappings: UInt64 = 0
    /// Events that the kernel had no room for.
    public var lostEvents: UInt64 = 0
    /// Reads of `/proc/PID/maps` asked for.
    public var requestedReads: UInt64 = 0
    /// Requests for another read that waited for their back-off.
    public var deferredReads: UInt64 = 0
    /// Pids seen with a new life before the end of the old one was seen.
    public var reusedPIDs: UInt64 = 0

    public init() {}
}
