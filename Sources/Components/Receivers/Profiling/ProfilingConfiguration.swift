import Collector
import Processes

/// What `receivers::profiling` says. Keys, defaults and limits are those of the OpenTelemetry eBPF profiler's receiver;
/// `ProfilingConfiguration+Decoding.swift` has the names of the keys.
public struct ProfilingConfiguration: Sendable, Equatable {
    /// Whether a failure to start stops the Collector.
    public enum ErrorMode: String, Sendable, CaseIterable {
        case propagate
        case ignore
    }

    public enum Interpreter: String, Sendable, CaseIterable {
        case python, perl, php, hotspot, ruby, v8, dotnet, go, beam, luajit
    }

    /// Whether pids are those of the host (`none`) or of the receiver's own pid namespace: of processes in that one only
    /// (`exact`), or in those below it too (`recursive`, `auto`). In the host's there is nothing to translate.
    public enum PIDNamespaceTranslation: String, Sendable, CaseIterable {
        case none, auto, exact, recursive
    }

    /// A point at which samples are taken: `probes`.
    public struct Probe: Sendable, Equatable {
        public enum Mode: String, Sendable, CaseIterable {
            case kprobe, kretprobe, uprobe, uretprobe

            var isInUserSpace: Bool { self == .uprobe || self == .uretprobe }
        }

        public var mode: Mode
        public var symbol: String
        /// Path of the executable; empty for the kernel.
        public var target: String
    }

    public var samplesPerSecond = 20
    public var reporterInterval = Duration.seconds(5)
    public var reporterJitter = 0.2
    public var monitorInterval = Duration.seconds(5)
    public var clockSyncInterval = Duration.seconds(180)
    public var frameCacheSize = 16384
    public var probabilisticInterval = Duration.seconds(60)
    public var probabilisticThreshold = 100
    public var offCPUThreshold = 0.0
    public var disabledInterpreters: Set<Interpreter> = []
    public var isGoLabelsDisabled = false
    public var isGoSymbolizationDisabled = false
    public var skipsRubyNativeResume = false
    /// The reference leaves these frames out unless told otherwise. Here an incomplete stack says that it is none
    /// unless told otherwise.
    public var sendErrorFrames = true
    public var sendIdleFrames = false
    public var filterMinProcessAge = Duration.zero
    public var includeEnvVars: [String] = []
    public var verboseMode = false
    public var mapScaleFactor = 0
    public var bpfVerifierLogLevel = 0
    public var noKernelVersionCheck = false
    public var errorMode = ErrorMode.propagate
    public var maxGRPCRetries = 5
    public var maxRPCMessageSize = 32 << 20
    public var bpfFSRoot = "/sys/fs/bpf/"
    public var obiProcessContext = false
    public var pidNamespaceTranslation = PIDNamespaceTranslation.none
    /// Nil for all CPUs.
    public var pinCPUIDs: Set<Int>?
    public var probes: [Probe] = []
    /// Which processes are profiled, and how densely. Not in the reference.
    public var processes = ProcessSelection()
    /// Nil where `processes` needs no labels of pods.
    public var podLabels: PodLabelSettings?
    /// Memory for the engine's caches and kernel maps together. Not in the reference.
    public var memoryBudgetMiB = 128
    /// Not in the reference, which names no native code.
    public var nativeSymbols = NativeSymbolsConfiguration()
    public var debuginfod = DebuginfodConfiguration()

    public init() {}
}
