import Foundation
import GRDB

extension ProfileStore {
    /// Merges the stacks of all matching samples.
    /// - Throws: `StoreError.tooLarge` when the tree would pass `maximumNodes`.
    public func flameGraph(
        _ filter: SampleFilter, grouping: FlameGraphGrouping = .none,
        maximumNodes: Int? = nil
    ) async throws -> FlameGraph {
        try await read { database in
            var query = FlameGraphQuery(
                filter: filter, grouping: grouping,
                maximumNodes: maximumNodes ?? FlameGraphBuilder.defaultMaximumNodes)
            return try query.run(database)
        }
    }
}

/// Works in four passes, each over one table in the order of its keys: blocks to weights per stack, stacks to frames,
/// frames to functions, functions to texts.
struct FlameGraphQuery {
    let filter: SampleFilter
    let grouping: FlameGraphGrouping
    let maximumNodes: Int

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

    init(filter: SampleFilter, grouping: FlameGraphGrouping, maximumNodes: Int) {
        self.filter = filter
        self.grouping = grouping
        self.maximumNodes = maximumNodes
    }

    mutating func run(_ database: Database) throws -> FlameGraph {
        let weights = try weights(database).sorted()
        let stacks = try StackTable(ids: Set(weights.map { Int64($0.key & Self.stackMask) }), database)
        let matching = filter.text.map { text in
            Set(stacks.functions.indices.filter { stacks.functions[$0].name.localizedCaseInsensitiveContains(text) })
        }
        let offset = Int32(functions.count)
        var builder = FlameGraphBuilder(functions: functions + stacks.functions, maximumNodes: maximumNodes)
        for (key, value) in weights {
            guard let stack = stacks.index[Int64(key & Self.stackMask)] else { continue }
            let frames = stacks.frames[stacks.offsets[stack]..<stacks.offsets[stack + 1]]
            if let matching, !frames.contains(where: { matching.contains(Int(stacks.frameFunctions[Int($0)])) }) {
                continue
            }
            header.total = header.total.addingSaturated(value)
            if stacks.isComplete[stack] { header.completeTotal = header.completeTotal.addingSaturated(value) }
            try builder.add(
                groups: groups[Int(key >> Self.stackBits)],
                frames: frames.lazy.map { frame in
                    (stacks.frameFunctions[Int(frame)] &+ offset, stacks.frameLines[Int(frame)])
                },
                value: value)
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
        graph.distinctStacks = stacks.index.count
        graph.firstBucketSeconds = header.firstBucketSeconds
        graph.lastBucketSeconds = header.lastBucketSeconds
        return graph
    }

    private var scannedTotal: Int64 = 0

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
        guard groups.count < Self.maximumGroups else { throw StoreError.tooLarge(nodes: Self.maximumGroups) }
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
