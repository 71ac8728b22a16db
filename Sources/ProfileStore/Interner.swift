import Foundation
import GRDB

/// An interned row: its id, and how long it is guaranteed to stay (`seen` in `Schema`).
struct InternedRow: Sendable {
    var id: Int64
    var seen: Int64
}

/// A function as the store knows it; the texts are ids of strings.
struct FunctionKey: Hashable, Sendable {
    var name: Int64
    var file: Int64
    var module: Int64
    var kind: Int64
}

struct FrameKey: Hashable, Sendable {
    var function: Int64
    var line: Int64
}

struct ProcessKey: Hashable, Sendable {
    var pid: Int64
    var name: Int64
    var executable: Int64
    var container: Int64
    var service: Int64
}

struct SampleTypeKey: Hashable, Sendable {
    var type: Int64
    var unit: Int64
    var periodType: Int64
    var periodUnit: Int64
    var period: Int64
}

struct SeriesKey: Hashable, Sendable {
    var process: Int64
    var threadName: Int64
    var tid: Int64
    var sampleType: Int64
}

/// Finds or makes the ids of what samples refer to. Used on the writer's queue only.
///
/// The caches mirror committed rows: after a transaction that failed, and after rows were removed, `forget` must be
/// called before the next use.
struct Interner: Sendable {
    /// A row's `seen` is moved ahead in steps of this many seconds, so that a hot row is updated once per step.
    static let seenStepSeconds: Int64 = 600
    /// Longer texts are cut: names come from outside.
    static let maximumTextBytes = 4096

    private var strings = BoundedCache<String, InternedRow>(
        capacity: 32_768, maximumBytes: 8 << 20, bytes: { $0.utf8.count })
    private var functions = BoundedCache<FunctionKey, InternedRow>(capacity: 32_768)
    private var frames = BoundedCache<FrameKey, InternedRow>(capacity: 32_768)
    private var stacks = BoundedCache<[UInt8], InternedRow>(
        capacity: 32_768, maximumBytes: 8 << 20, bytes: { $0.count })
    private var processes = BoundedCache<ProcessKey, InternedRow>(capacity: 4096)
    private var sampleTypes = BoundedCache<SampleTypeKey, InternedRow>(capacity: 256)
    private var series = BoundedCache<SeriesKey, InternedRow>(capacity: 8192)

    /// Forgets everything.
    mutating func forget() {
        self = Interner()
    }

    /// Forgets rows that `seen` lies before, because they were removed.
    mutating func forget(seenBefore limit: Int64) {
        strings.removeAll { $0.seen < limit }
        functions.removeAll { $0.seen < limit }
        frames.removeAll { $0.seen < limit }
        stacks.removeAll { $0.seen < limit }
        processes.removeAll { $0.seen < limit }
        sampleTypes.removeAll { $0.seen < limit }
        series.removeAll { $0.seen < limit }
    }

    // MARK: - Texts and stacks, found by hash

    /// - Parameter time: no block that refers to the row may start later (seconds since 1970).
    mutating func string(_ raw: String, at time: Int64, _ database: Database) throws -> Int64 {
        let text = Self.storable(raw)
        if let row = strings[text], row.seen >= time { return row.id }
        let seen = Self.seen(time)
        let hash = Self.hash(text.utf8)
        var row = InternedRow(id: 0, seen: seen)
        let found = try Row.fetchOne(
            database.cachedStatement(sql: "SELECT id, seen FROM string WHERE hash = ? AND text = ?"),
            arguments: [hash, text])
        if let found {
            row = try raise(InternedRow(id: found[0], seen: found[1]), to: seen, table: "string", database)
        } else {
            try database.cachedStatement(sql: "INSERT INTO string (hash, text, seen) VALUES (?, ?, ?)")
                .execute(arguments: [hash, text, seen])
            row.id = database.lastInsertedRowID
        }
        strings[text] = row
        return row.id
    }

    /// - Parameter frameIDs: root first.
    mutating func stack(_ frameIDs: [Int64], isComplete: Bool, at time: Int64, _ database: Database) throws -> Int64 {
        let blob = StackBlob.encode(frameIDs)
        if let row = stacks[blob], row.seen >= time { return row.id }
        let seen = Self.seen(time)
        let hash = Self.hash(blob)
        var row = InternedRow(id: 0, seen: seen)
        let data = Self.databaseValue(blob)
        let found = try Row.fetchOne(
            database.cachedStatement(sql: "SELECT id, seen FROM stack WHERE hash = ? AND frames = ?"),
            arguments: [hash, data])
        if let found {
            row = try raise(InternedRow(id: found[0], seen: found[1]), to: seen, table: "stack", database)
        } else {
            try database.cachedStatement(sql: "INSERT INTO stack (hash, complete, seen, frames) VALUES (?, ?, ?, ?)")
                .execute(arguments: [hash, isComplete ? 1 : 0, seen, data])
            row.id = database.lastInsertedRowID
        }
        stacks[blob] = row
        return row.id
    }

    // MARK: - Rows found by their columns

    mutating func function(_ key: FunctionKey, at time: Int64, _ database: Database) throws -> Int64 {
        if let row = functions[key], row.seen >= time { return row.id }
        let row = try intern(
            Self.functionTable, [key.name, key.file, key.module, key.kind], at: time, database)
        functions[key] = row
        return row.id
    }

    mutating func frame(_ key: FrameKey, at time: Int64, _ database: Database) throws -> Int64 {
        if let row = frames[key], row.seen >= time { return row.id }
        let row = try intern(
            Self.frameTable, [key.function, key.line], at: time, database)
        frames[key] = row
        return row.id
    }

    mutating func process(_ key: ProcessKey, at time: Int64, _ database: Database) throws -> Int64 {
        if let row = processes[key], row.seen >= time { return row.id }
        let row = try intern(
            Self.processTable, [key.pid, key.name, key.executable, key.container, key.service], at: time, database)
        processes[key] = row
        return row.id
    }

    mutating func sampleType(_ key: SampleTypeKey, at time: Int64, _ database: Database) throws -> Int64 {
        if let row = sampleTypes[key], row.seen >= time { return row.id }
        let row = try intern(
            Self.sampleTypeTable, [key.type, key.unit, key.periodType, key.periodUnit, key.period], at: time, database)
        sampleTypes[key] = row
        return row.id
    }

    mutating func series(_ key: SeriesKey, at time: Int64, _ database: Database) throws -> Int64 {
        if let row = series[key], row.seen >= time { return row.id }
        let row = try intern(
            Self.seriesTable, [key.process, key.threadName, key.tid, key.sampleType], at: time, database)
        series[key] = row
        return row.id
    }

    /// A table whose rows are found by certain columns, and its statements.
    private struct Table {
        let name: String
        let select: String
        let insert: String

        init(_ name: String, columns: [String]) {
            self.name = name
            let condition = columns.map { "\($0) = ?" }.joined(separator: " AND ")
            select = "SELECT id, seen FROM \(name) WHERE \(condition)"
            let marks = columns.map { _ in "?, " }.joined()
            insert = "INSERT INTO \(name) (\(columns.joined(separator: ", ")), seen) VALUES (\(marks)?)"
        }
    }

    private static let functionTable = Table("function", columns: ["name", "file", "module", "kind"])
    private static let frameTable = Table("frame", columns: ["function", "line"])
    private static let processTable = Table("process", columns: ["pid", "name", "executable", "container", "service"])
    private static let sampleTypeTable = Table(
        "sample_type", columns: ["type", "unit", "period_type", "period_unit", "period"])
    private static let seriesTable = Table("series", columns: ["process", "thread_name", "tid", "sample_type"])

    private func intern(_ table: Table, _ values: [Int64], at time: Int64, _ database: Database) throws -> InternedRow {
        let seen = Self.seen(time)
        let found = try Row.fetchOne(
            database.cachedStatement(sql: table.select), arguments: StatementArguments(values))
        if let found {
            return try raise(InternedRow(id: found[0], seen: found[1]), to: seen, table: table.name, database)
        }
        try database.cachedStatement(sql: table.insert).execute(arguments: StatementArguments(values + [seen]))
        return InternedRow(id: database.lastInsertedRowID, seen: seen)
    }

    private func raise(_ row: InternedRow, to seen: Int64, table: String, _ database: Database) throws -> InternedRow {
        guard row.seen < seen else { return row }
        try database.cachedStatement(sql: "UPDATE \(table) SET seen = ? WHERE id = ?")
            .execute(arguments: [seen, row.id])
        return InternedRow(id: row.id, seen: seen)
    }

    // MARK: - Helpers

    /// The next step boundary at or after `time`.
    static func seen(_ time: Int64) -> Int64 {
        (time / seenStepSeconds + 1) * seenStepSeconds
    }

    /// Cut to `maximumTextBytes`, and without NUL, at which SQLite's text functions stop.
    static func storable(_ text: String) -> String {
        var result = text
        if result.utf8.count > maximumTextBytes {
            result = String(decoding: result.utf8.prefix(maximumTextBytes), as: UTF8.self)
        }
        if result.utf8.contains(0) {
            result = String(String.UnicodeScalarView(result.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
        }
        return result
    }

    /// FNV-1a 64. Only narrows the search: equality is always checked on the content.
    static func hash(_ bytes: some Sequence<UInt8>) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Int64(bitPattern: hash)
    }

    static func databaseValue(_ bytes: [UInt8]) -> DatabaseValue {
        Foundation.Data(bytes).databaseValue
    }
}
