/// Which samples a query takes.
public struct SampleFilter: Sendable, Equatable {
    /// Seconds since 1970, end excluded. A bucket counts as a whole, by its start.
    public var fromSeconds: Int64
    public var toSeconds: Int64
    /// Sample type and unit, for example `samples` and `count`.
    public var sampleType: SampleTypeName
    /// Processes of that name.
    public var processName: String?
    /// The process of that id (as in `ProcessSummary.id`), or any when nil.
    public var processID: Int64?
    /// Threads of that name.
    public var threadName: String?
    /// Only stacks with a function whose name contains this text, upper and lower case alike.
    public var text: String?

    public init(
        fromSeconds: Int64, toSeconds: Int64, sampleType: SampleTypeName = .onCPU, processName: String? = nil,
        processID: Int64? = nil, threadName: String? = nil, text: String? = nil
    ) {
        self.fromSeconds = fromSeconds
        self.toSeconds = toSeconds
        self.sampleType = sampleType
        self.processName = processName
        self.processID = processID
        self.threadName = threadName
        self.text = text
    }
}

/// What a sample's value counts, and its unit.
public struct SampleTypeName: Sendable, Hashable, Codable {
    public var type: String
    public var unit: String

    public init(type: String, unit: String) {
        self.type = type
        self.unit = unit
    }

    /// Regular samples of running threads; with a period in nanoseconds of CPU time.
    public static let onCPU = SampleTypeName(type: "samples", unit: "count")
}

/// What the first level of a flame graph is.
public enum FlameGraphGrouping: String, Sendable, CaseIterable {
    /// The stacks' root frames.
    case none
    /// A box per process name.
    case process
    /// A box per process name and below it one per thread name.
    case thread
}
