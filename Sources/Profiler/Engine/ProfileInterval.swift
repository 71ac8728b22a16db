import Processes

/// What the engine saw in one reporting interval: counted traces with named frames.
///
/// Samples refer to traces, traces to frames and frames to executables by index into the arrays of the same value.
public struct ProfileInterval: Sendable {
    /// Start of the interval, in nanoseconds since 1970 (UTC). Samples that waited for their process to become known
    /// may be older.
    public var startUnixNanoseconds: UInt64
    /// End of the interval, exclusive.
    public var endUnixNanoseconds: UInt64
    public var samples: [ProfileSample]
    public var traces: [ProfileTrace]
    public var frames: [ProfileFrame]
    public var executables: [ProfileExecutable]
    /// Sets of labels, each by key, in the order of their contents; the first is empty.
    public var labelSets: [[ProfileLabel]]
    /// Every `ProfileSample.process` has an entry.
    public var processes: [ProfileProcess.ID: ProfileProcess]

    public init(startUnixNanoseconds: UInt64, endUnixNanoseconds: UInt64) {
        self.startUnixNanoseconds = startUnixNanoseconds
        self.endUnixNanoseconds = endUnixNanoseconds
        samples = []
        traces = []
        frames = []
        executables = []
        labelSets = [[]]
        processes = [:]
    }
}

/// What made a sample be taken.
public enum SampleOrigin: UInt8, Sendable, Hashable {
    /// The sampling clock ticked while the thread was on a CPU.
    case onCPU = 0
    /// The thread was off its CPU; the value says for how long.
    case offCPU = 1
    /// A probe fired.
    case probe = 2
}

/// One interruption of one thread.
public struct ProfileSample: Sendable, Hashable {
    /// Index into `ProfileInterval.traces`.
    public var trace: Int
    public var origin: SampleOrigin
    /// Process id (thread group id) in the initial pid namespace, or in the profiler's own where that is asked for: then
    /// -1 for all that is outside of it. 0 for the idle task.
    public var pid: Int32
    /// Which life of the process, see `ProfileProcess.ID`.
    public var life: UInt32
    public var tid: Int32
    /// The kernel's name of the thread at that moment; invalid UTF-8 is repaired.
    public var threadName: String
    public var cpu: UInt32
    /// Nanoseconds since 1970 (UTC).
    public var timeUnixNanoseconds: UInt64
    /// Nanoseconds for `.offCPU`, else 0.
    public var value: UInt64
    /// How many samples it stands for: more than 1 where the configuration has a process sampled less often.
    public var weight: UInt32 = 1
    /// Index into `ProfileInterval.labelSets`.
    public var labels = 0

    public init(
        trace: Int, origin: SampleOrigin, pid: Int32, tid: Int32, threadName: String, cpu: UInt32,
        timeUnixNanoseconds: UInt64, value: UInt64, weight: UInt32 = 1, life: UInt32 = 0
    ) {
        self.trace = trace
        self.origin = origin
        self.pid = pid
        self.tid = tid
        self.threadName = threadName
        self.cpu = cpu
        self.timeUnixNanoseconds = timeUnixNanoseconds
        self.value = value
        self.weight = weight
        self.life = life
    }

    /// The key in `ProfileInterval.processes`.
    public var process: ProfileProcess.ID { ProfileProcess.ID(pid: pid, life: life) }
}

/// The frames of a stack.
public struct ProfileTrace: Sendable, Hashable {
    /// Indexes into `ProfileInterval.frames`, leaf first, kernel frames before user frames.
    public var frames: [Int]
    /// Why unwinding ended, `enum stop_reason` of `abi.h`.
    public var stopReason: UInt16
    /// Whether every frame down to the thread's root is there. Otherwise the last frame is a `.stop` frame, or there is a
    /// `.gap` frame.
    public var isComplete: Bool

    public init(frames: [Int], stopReason: UInt16, isComplete: Bool) {
        self.frames = frames
        self.stopReason = stopReason
        self.isComplete = isComplete
    }
}

/// What kind of code a frame executes.
public enum FrameKind: Sendable, Hashable {
    case native
    case kernel
    /// Native code that Go's compiler made, as the executable's own tables say.
    case go
    /// Code of a managed runtime; `type` is the value of the attribute `profile.frame.type` for it.
    case managed(type: String)
    /// No code: says why the stack ends here, and not at the thread's root. Its `function` is the reason as a sentence.
    case stop
    /// No code: says which frames are missing at this place. Its `function` is the sentence.
    case gap
}

/// One frame of a stack, named where a name could be found.
public struct ProfileFrame: Sendable, Hashable {
    public var kind: FrameKind
    /// Index into `ProfileInterval.executables`; nil for all that is not in a file.
    public var executable: Int?
    /// ELF address of the instruction, for callers an address inside the call instruction (return address - 1). For
    /// kernel code the distance from its executable's start; without an executable the process address. 0 for code of a
    /// managed runtime. For `.stop` the stop reason's number, for `.gap` that of the marker (`enum frame_marker`).
    public var address: UInt64
    /// The functions at the address: innermost inlined one first, the function that holds the code last. Empty when
    /// nothing names the address.
    public var functions: [ProfileFunction]

    public init(kind: FrameKind, executable: Int?, address: UInt64, functions: [ProfileFunction]) {
        self.kind = kind
        self.executable = executable
        self.address = address
        self.functions = functions
    }
}

/// A function at a frame's address.
public struct ProfileFunction: Sendable, Hashable {
    /// For people: demangled.
    public var name: String
    /// As the symbol table has it; empty when equal to `name`.
    public var systemName: String
    /// Source file, empty when unknown.
    public var file: String
    /// 1-based, 0 when unknown.
    public var line: UInt32
    public var column: UInt32
    /// Line where the function begins, 0 when unknown.
    public var startLine: UInt32

    public init(
        name: String, systemName: String = "", file: String = "", line: UInt32 = 0, column: UInt32 = 0,
        startLine: UInt32 = 0
    ) {
        self.name = name
        self.systemName = systemName
        self.file = file
        self.line = line
        self.column = column
        self.startLine = startLine
    }
}

/// A file with code, or the kernel and its modules.
public struct ProfileExecutable: Sendable, Hashable {
    /// Base name: `libc.so.6`, `[vdso]`, `vmlinux`, a kernel module's name.
    public var fileName: String
    /// ELF addresses that its executable segments span; both 0 for kernel code.
    public var startAddress: UInt64
    public var endAddress: UInt64
    /// File offset of `startAddress`.
    public var fileOffset: UInt64
    /// 32 lowercase hexadecimal digits (attribute `process.executable.build_id.htlhash`).
    public var fileID: String
    /// Lowercase hexadecimal, nil when the file has none.
    public var gnuBuildID: String?
    public var goBuildID: String?

    public init(
        fileName: String, startAddress: UInt64 = 0, endAddress: UInt64 = 0, fileOffset: UInt64 = 0, fileID: String,
        gnuBuildID: String? = nil, goBuildID: String? = nil
    ) {
        self.fileName = fileName
        self.startAddress = startAddress
        self.endAddress = endAddress
        self.fileOffset = fileOffset
        self.fileID = fileID
        self.gnuBuildID = gnuBuildID
        self.goBuildID = goBuildID
    }
}

/// What is known of a process.
public struct ProfileProcess: Sendable, Hashable {
    /// A life of a process. `execve` begins a new one, and so does the kernel when it uses a pid again: what is known
    /// of one does not hold for another.
    public struct ID: Sendable, Hashable {
        public var pid: Int32
        /// Counts the lives of a pid that the interval saw, in the order of time.
        public var life: UInt32

        public init(pid: Int32, life: UInt32 = 0) {
            self.pid = pid
            self.life = life
        }
    }

    public var pid: Int32
    public var parentPID: Int32
    /// Target of `/proc/PID/exe`; nil for kernel threads and where it could not be read.
    public var executablePath: String?
    /// The main thread's name.
    public var commandName: String
    public var containerID: String?
    /// The environment variables that the configuration asks for.
    public var environment: [String: String]
    public var placement: ControlGroupPlacement?
    public var container: ContainerDescription?
    public var service: ServiceName?
    /// What the process publishes about itself; not vouched for.
    public var context: ProcessContext?

    public init(
        pid: Int32, parentPID: Int32 = 0, executablePath: String? = nil, commandName: String = "",
        containerID: String? = nil, environment: [String: String] = [:]
    ) {
        self.pid = pid
        self.parentPID = parentPID
        self.executablePath = executablePath
        self.commandName = commandName
        self.containerID = containerID
        self.environment = environment
    }
}
