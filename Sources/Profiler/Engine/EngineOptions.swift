import BPFObjects
import Processes
import Symbolization

/// What the engine is told at its start.
public struct EngineOptions: Sendable {
    /// Sampling frequency of every CPU, in samples a second; at least 1.
    public var samplesPerSecond: UInt64 = 20
    /// How often intervals are delivered, in nanoseconds.
    public var reportIntervalNanoseconds: UInt64 = 5_000_000_000
    /// Each interval lasts `reportInterval` times a random number in 1 ± this; 0...1.
    public var reportJitter: Double = 0.2
    /// Whether samples of the idle task are reported.
    public var includeIdle = false
    /// How many of 100 windows of time are sampled, on average; in the others the machine is left alone.
    public var sampledWindowsPercent = 100
    public var samplingWindowNanoseconds: UInt64 = 60_000_000_000
    /// Which processes are profiled, and how densely.
    public var selection = ProcessSelection()
    /// For selections that name labels of pods.
    public var podLabels: (any PodLabelSource)?
    /// Processes are sampled from this age on, in nanoseconds.
    public var minimumProcessAgeNanoseconds: UInt64 = 0
    /// Whose numbers samples carry, where the profiler runs in a pid namespace of its own.
    public var pidTranslation = PIDTranslation.none
    /// CPUs to sample; nil for all online ones.
    public var cpus: Set<Int>?
    /// How often the clock offset between CLOCK_MONOTONIC and UTC is measured, in nanoseconds; 0 for once.
    public var clockSyncIntervalNanoseconds: UInt64 = 180_000_000_000
    /// Environment variables whose values are reported with processes.
    public var environmentVariables: [String] = []
    /// Memory for caches and kernel maps together, in bytes.
    public var memoryBudgetBytes: Int = 128 << 20
    /// Whether native code gets its names here; otherwise a back end finds them by build ids and addresses.
    public var namesNativeCode = true
    /// Gets debug files that are not installed; nil for nobody.
    public var debugFileProvider: (any DebugFileProvider)?
    /// A folder to keep names of native code in from one run to the next; nil for none.
    public var nameStoreFolder: String?
    public var nameStoreLimitBytes = 64 << 20

    public init() {}
}

/// One number of the engine about itself.
public struct EngineMetric: Sendable {
    /// Dotted name, such as `bpf.samples` or `agent.traces.deferred`.
    public var name: String
    public var value: UInt64
    /// A counter grows from the start on; otherwise the value is what holds now.
    public var isCounter: Bool

    public init(name: String, value: UInt64, isCounter: Bool) {
        self.name = name
        self.value = value
        self.isCounter = isCounter
    }
}
