/// Many stacks merged into one tree, root first, as parallel arrays.
///
/// Node 0 is the root, "everything". A node's parent comes before it. Nodes with equal function under one parent are
/// one node. The sum of all `selfValues` is `total`.
public struct FlameGraph: Sendable, Equatable {
    public struct Function: Sendable, Equatable, Hashable {
        public var name: String
        /// Source file; empty when unknown.
        public var file: String
        /// Base name of the executable or library; empty when there is none.
        public var module: String
        /// The frame type (`native`, `kernel`, `cpython`…), or `process`, `thread` for groups, or `omitted` for what
        /// stands for stacks that are left out.
        public var kind: String

        public init(name: String, file: String = "", module: String = "", kind: String) {
            self.name = name
            self.file = file
            self.module = module
            self.kind = kind
        }
    }

    public var functions: [Function] = []
    /// Per node: index of its parent; -1 for the root.
    public var parents: [Int32] = [-1]
    /// Per node: index in `functions`; -1 for the root.
    public var nodeFunctions: [Int32] = [-1]
    /// Per node: source line, 0 when unknown, -1 when its samples come from several lines.
    public var lines: [Int32] = [0]
    /// Per node: value of the samples that end in it.
    public var selfValues: [Int64] = [0]

    public var sampleType = SampleTypeName.onCPU
    /// Sum of all values.
    public var total: Int64 = 0
    /// Of `total`, the part whose stacks reach their thread's root.
    public var completeTotal: Int64 = 0
    /// Of `total`, the part whose stacks were too many to be looked at: in boxes of their own, and not in
    /// `completeTotal`.
    public var omittedTotal: Int64 = 0
    /// CPU time of all samples, when the sample type has a CPU period.
    public var cpuTimeNanoseconds: Int64 = 0
    public var distinctStacks = 0
    /// Starts of the oldest and newest bucket that contributed, seconds since 1970.
    public var firstBucketSeconds: Int64?
    public var lastBucketSeconds: Int64?

    public init() {}

    /// Per node: value of the samples that pass through it.
    public func totals() -> [Int64] {
        var totals = selfValues
        for node in stride(from: totals.count - 1, to: 0, by: -1) {
            let parent = Int(parents[node])
            totals[parent] = totals[parent].addingSaturated(totals[node])
        }
        return totals
    }
}

/// Merges stacks into a `FlameGraph`.
struct FlameGraphBuilder {
    private(set) var graph = FlameGraph()
    private var children = IntegerTable(minimumCapacity: 4096)
    private let maximumNodes: Int

    init(functions: [FlameGraph.Function], maximumNodes: Int) {
        graph.functions = functions
        self.maximumNodes = maximumNodes
    }

    /// - Parameters:
    ///   - groups: indices of functions put above the stack's root.
    ///   - frames: function index and line per frame, root first.
    /// - Returns: false, and nothing is added, where that could pass the maximum of nodes.
    mutating func add(groups: [Int32], frames: some Collection<(function: Int32, line: Int32)>, value: Int64) -> Bool {
        guard graph.parents.count + groups.count + frames.count <= maximumNodes else { return false }
        var node: Int32 = 0
        for group in groups { node = child(of: node, function: group, line: 0) }
        for frame in frames { node = child(of: node, function: frame.function, line: frame.line) }
        graph.selfValues[Int(node)] = graph.selfValues[Int(node)].addingSaturated(value)
        return true
    }

    /// Puts what `add` did not take, or what was never tried, into one box per group, beyond the maximum of nodes.
    mutating func addOmitted(groups: [Int32], function: Int32, value: Int64) {
        var node: Int32 = 0
        for group in groups + [function] { node = child(of: node, function: group, line: 0) }
        graph.selfValues[Int(node)] = graph.selfValues[Int(node)].addingSaturated(value)
        graph.omittedTotal = graph.omittedTotal.addingSaturated(value)
    }

    @inline(__always)
    private mutating func child(of parent: Int32, function: Int32, line: Int32) -> Int32 {
        let key = UInt64(UInt32(bitPattern: parent)) << 32 | UInt64(UInt32(bitPattern: function))
        let (found, isNew) = children.find(key, orInsert: Int64(graph.parents.count))
        let node = Int32(truncatingIfNeeded: found)
        if isNew {
            graph.parents.append(parent)
            graph.nodeFunctions.append(function)
            graph.lines.append(line)
            graph.selfValues.append(0)
        } else if graph.lines[Int(node)] != line {
            graph.lines[Int(node)] = -1
        }
        return node
    }
}
