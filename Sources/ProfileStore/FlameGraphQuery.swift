import Foundation
import GRDB

extension ProfileStore {
    /// Merges the stacks of all matching samples. Of very many stacks the heaviest are merged, and the rest is summed up
    /// in one box per group (`FlameGraph.omittedTotal`).
    /// - Parameter limits: bounds of memory; tests set their own.
    /// - Throws: `StoreError.tooLarge` when a text is to be found in more stacks than `limits` allows.
    public func flameGraph(
        _ filter: SampleFilter, grouping: FlameGraphGrouping = .none, limits: FlameGraphLimits = FlameGraphLimits()
    ) async throws -> FlameGraph {
        try await read { database in
            var query = FlameGraphQuery(filter: filter, grouping: grouping, limits: limits)
            return try query.run(database)
        }
    }
}

/// What a flame graph may hold at most.
public struct FlameGraphLimits: Sendable {
    /// Stacks whose frames are loaded: some 200 bytes each.
    public var stacks: Int
    /// Boxes, but for those that stand for omitted stacks: 20 bytes each here, twice that on the way, and 48 in the
    /// browser.
    public var nodes: Int

    public init(stacks: Int = 250_000, nodes: Int = 1_000_000) {
        self.stacks = stacks
        self.nodes = nodes
    }
}

/// Works in four passes, each over one table in the order of its keys: blocks to weights per stack, stacks to frames,
/// frames to functions, functions to texts.
struct FlameGraphQuery {
    let filter: SampleFilter
    let grouping: FlameGraphGrouping
    let limits: FlameGraphLimits

    private var header = FlameGraph()
    private var functions: [FlameGraph.Function] = []
    private var functionIndices: [FlameGraph.Function: Int32] = [:]
    /// Per group: indices of its functions, from the root.
    private var groups: [[Int32]] = []
    private var groupIndices: [[String]: Int] = [:]

    /// A weight's key is the stack's id below its group's index.
    private static let stackBits: UInt64 = 40
    private static let stackMask: UInt64 = (1 << stackBits) - 1
    private static let maximumGroups = 1 << 20

    init(filter: SampleFilter, grouping: FlameGraphGrouping, limits: FlameGraphLimits) {
        self.filter = filter
        self.grouping = grouping
        self.limits = limits
    }

    mutating func run(_ database: Database) throws -> FlameGraph {
        let weights = try heaviestFirst(database)
        let taken = weights.prefix(limits.stacks)
        let stacks = try StackTable(ids: taken.map { Int64($0.key & Self.stackMask) }, database)
        let matching = filter.text.map { text in
            Set(stacks.functions.indices.filter { stacks.functions[$0].name.localizedCaseInsensitiveContains(text) })
        }
        let offset = Int32(functions.count)
        let omitted = FlameGraph.Function(name: "[smaller stacks, left out]", kind: "omitted")
        let all = functions + stacks.functions + [omitted]
        var builder = FlameGraphBuilder(functions: all, maximumNodes: limits.nodes)
        for (key, value) in taken {
            guard let stack = stacks.index[Int64(key & Self.stackMask)] else { continue }
            let frames = stacks.frames[stacks.offsets[stack]..<stacks.offsets[stack + 1]]
            if let matching, !frames.contains(where: { matching.contains(Int(stacks.frameFunctions[Int($0)])) }) {
                continue
            }
            header.total = header.total.addingSaturated(value)
            let group = groups[Int(key >> Self.stackBits)]
            let isTaken = builder.add(
                groups: group,
                frames: frames.lazy.map { frame in
                    (stacks.frameFunctions[Int(frame)] &+ offset, stacks.frameLines[Int(frame)])
                },
                value: value)
            if !isTaken {
                builder.addOmitted(groups: group, function: Int32(all.count - 1), value: value)
            } else if stacks.isComplete[stack] {
                header.completeTotal = header.completeTotal.addingSaturated(value)
            }
        }
        for (key, value) in weights.dropFirst(limits.stacks) {
            header.total = header.total.addingSaturated(value)
            builder.addOmitted(groups: groups[Int(key >> Self.stackBits)], function: Int32(all.count - 1), value: value)
        }
        var graph = builder.graph
        graph.sampleType = filter.sampleType
        graph.total = header.total
        graph.completeTotal = header.completeTotal
        // A text filter takes part of the samples; with one period for all of them this is exact.
        let scanned = scannedTotal
        graph.cpuTimeNanoseconds =
            scanned == header.total
            ? header.cpuTimeNanoseconds
            : Int64(Double(header.cpuTimeNanoseconds) * (Double(header.total) / Double(max(1, scanned))))
        graph.distinctStacks = Set(weights.lazy.map { $0.key & Self.stackMask }).count
        graph.firstBucketSeconds = header.firstBucketSeconds
        graph.lastBucketSeconds = header.lastBucketSeconds
        return graph
    }

    private var scannedTotal: Int64 = 0

    private mutating func heaviestFirst(_ database: Database) throws -> [(key: UInt64, value: Int64)] {
        let weights = try weights(database)
        if filter.text != nil, weights.count > limits.stacks { throw StoreError.tooLarge(stacks: limits.stacks) }
        return weights.entries().sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    }

    private mutating func weights(_ database: Database) throws -> IntegerTable {
        var directory = SeriesDirectory()
        /// Per series: its group, or -1 when the filter leaves it out.
        var seriesGroups: [Int64: (group: Int, period: Int64)] = [:]
        var weights = IntegerTable(minimumCapacity: 4096)
        let rows = try Row.fetchCursor(
            database, sql: "SELECT id, series, total, entries FROM block WHERE id >= ? AND id < ?",
            arguments: [filter.firstRowID, filter.endRowID])
        while let row = try rows.next() {
            let series: Int64 = row[1]
            let group: (group: Int, period: Int64)
            if let known = seriesGroups[series] {
                group = known
            } else {
                if let information = try directory.information(series, database), filter.matches(information) {
                    group = (try self.group(of: information), information.periodNanoseconds)
                } else {
                    group = (-1, 0)
                }
                seriesGroups[series] = group
            }
            guard group.group >= 0 else { continue }
            let start = (row[0] as Int64) >> SampleBlock.sequenceBits
            header.firstBucketSeconds = header.firstBucketSeconds ?? start
            header.lastBucketSeconds = start
            let total: Int64 = row[2]
            scannedTotal = scannedTotal.addingSaturated(total)
            header.cpuTimeNanoseconds = header.cpuTimeNanoseconds.addingSaturated(
                total.multipliedSaturated(by: group.period))
            let high = UInt64(group.group) << Self.stackBits
            try row.withUnsafeData(atIndex: 3) { data in
                try data?.withUnsafeBytes { bytes in
                    try SampleBlock.forEach(bytes) { stack, value in
                        weights.add(value, to: high | (UInt64(bitPattern: stack) & Self.stackMask))
                    }
                }
            }
        }
        return weights
    }

    private mutating func group(of series: SeriesInformation) throws -> Int {
        let path: [String] =
            switch grouping {
            case .none: []
            case .process: [series.processName]
            case .thread: [series.processName, series.threadName]
            }
        if let known = groupIndices[path] { return known }
        guard groups.count < Self.maximumGroups else { throw StoreError.tooLarge(stacks: Self.maximumGroups) }
        let kinds = ["process", "thread"]
        groups.append(
            zip(path, kinds).map { name, kind in
                let function = FlameGraph.Function(name: name.isEmpty ? "(unnamed)" : name, kind: kind)
                if let known = functionIndices[function] { return known }
                functions.append(function)
                functionIndices[function] = Int32(functions.count - 1)
                return Int32(functions.count - 1)
            })
        groupIndices[path] = groups.count - 1
        return groups.count - 1
    }
}
