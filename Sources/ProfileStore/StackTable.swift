import Foundation
import GRDB

/// The stacks of a query with their frames and functions, loaded by ascending ids.
struct StackTable {
    /// Index of a stack by its id; stacks missing from the database are left out.
    private(set) var index: [Int64: Int] = [:]
    private(set) var isComplete: [Bool] = []
    /// Frames of all stacks end to end, root first, as indices into `frameFunctions`; stack i lies between `offsets[i]`
    /// and `offsets[i + 1]`.
    private(set) var frames: [Int32] = []
    private(set) var offsets: [Int] = [0]
    private(set) var frameFunctions: [Int32] = []
    private(set) var frameLines: [Int32] = []
    private(set) var functions: [FlameGraph.Function] = []

    /// - Parameter ids: in any order; more than once does no harm.
    init(ids: [Int64], _ database: Database) throws {
        let ids = Self.ascending(ids)
        var frameIndex = IntegerTable(minimumCapacity: 4096)
        var frameIDs: [Int64] = []
        index.reserveCapacity(ids.count)
        try Self.load(ids, "SELECT id, complete, frames FROM stack WHERE", database) { row in
            index[row[0]] = isComplete.count
            isComplete.append(row[1] != 0)
            try row.withUnsafeData(atIndex: 2) { data in
                try data?.withUnsafeBytes { bytes in
                    try StackBlob.forEach(bytes) { id in
                        let (position, isNew) = frameIndex.find(UInt64(bitPattern: id), orInsert: Int64(frameIDs.count))
                        if isNew { frameIDs.append(id) }
                        frames.append(Int32(truncatingIfNeeded: position))
                    }
                }
            }
            offsets.append(frames.count)
        }
        try loadFrames(frameIDs, database)
    }

    private mutating func loadFrames(_ ids: [Int64], _ database: Database) throws {
        var functionOfFrame: [Int64: (function: Int64, line: Int64)] = [:]
        functionOfFrame.reserveCapacity(ids.count)
        try Self.load(Self.ascending(ids), "SELECT id, function, line FROM frame WHERE", database) { row in
            functionOfFrame[row[0]] = (row[1], row[2])
        }
        let functionIDs = Self.ascending(functionOfFrame.values.map(\.function))
        var functionIndex: [Int64: Int32] = [:]
        functionIndex.reserveCapacity(functionIDs.count)
        let sql = """
            SELECT f.id, n.text, s.text, m.text, k.text FROM function f JOIN string n ON n.id = f.name
            JOIN string s ON s.id = f.file JOIN string m ON m.id = f.module JOIN string k ON k.id = f.kind WHERE f.
            """
        try Self.load(functionIDs, sql, database) { row in
            functionIndex[row[0]] = Int32(functions.count)
            functions.append(FlameGraph.Function(name: row[1], file: row[2], module: row[3], kind: row[4]))
        }
        // Nothing refers to a missing row unless the database is damaged; such frames show as unknown.
        var unknown: Int32?
        for id in ids {
            if let frame = functionOfFrame[id], let function = functionIndex[frame.function] {
                frameFunctions.append(function)
                frameLines.append(Int32(clamping: frame.line))
            } else {
                if unknown == nil {
                    unknown = Int32(functions.count)
                    functions.append(FlameGraph.Function(name: "[unknown]", kind: ""))
                }
                frameFunctions.append(unknown ?? 0)
                frameLines.append(0)
            }
        }
    }

    /// Sorted, each once.
    private static func ascending(_ ids: [Int64]) -> [Int64] {
        var result = ids.sorted()
        var count = 0
        for id in result where count == 0 || result[count - 1] != id {
            result[count] = id
            count += 1
        }
        result.removeSubrange(count...)
        return result
    }

    /// Rows by ascending ids: one scan where most rows between the first and the last are wanted, else one look-up each.
    private static func load(
        _ ids: [Int64], _ sql: String, _ database: Database, _ body: (Row) throws -> Void
    ) throws {
        guard let first = ids.first, let last = ids.last else { return }
        let column = sql.hasSuffix(".") ? "id" : " id"
        if last - first < Int64(ids.count) * 4 {
            let rows = try Row.fetchCursor(
                database, sql: "\(sql)\(column) BETWEEN ? AND ?\(sql.hasSuffix(".") ? " ORDER BY f.id" : "")",
                arguments: [first, last])
            var next = 0
            while let row = try rows.next() {
                let id: Int64 = row[0]
                while next < ids.count, ids[next] < id { next += 1 }
                if next < ids.count, ids[next] == id { try body(row) }
            }
        } else {
            let statement = try database.makeStatement(sql: "\(sql)\(column) = ?")
            for id in ids {
                let rows = try Row.fetchCursor(statement, arguments: [id])
                if let row = try rows.next() { try body(row) }
            }
        }
    }
}
