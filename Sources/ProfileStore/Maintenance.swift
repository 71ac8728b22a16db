import Foundation
import GRDB

/// What one round of maintenance did.
public struct MaintenanceResult: Sendable, Equatable {
    /// Sum of the values of all blocks that retention removed.
    public var removedValue: Int64 = 0
    public var removedBlocks = 0
    public var removedInternedRows = 0
    public var compactedBlocks = 0

    public init() {}
}

extension ProfileStore {
    /// Blocks removed in one transaction by the size limit, so that writing is never held up for long.
    private static let maximumSizeRounds = 64

    /// Applies retention by age and size, merges old buckets, and gives free pages back to the file system.
    /// `ingest` calls it now and then.
    @discardableResult
    public func maintain() async throws -> MaintenanceResult {
        let now = clock()
        let pool = try openPool()
        var result = try await pool.write { database in
            try self.writer.withLock { writer in
                writer.lastMaintenance = now
                var result = MaintenanceResult()
                let limit = now - self.configuration.maximumAgeSeconds
                try Retention.removeBlocks(startingBefore: limit, database, &result)
                try Retention.removeUnreferenced(database, &writer.interner, &result)
                result.compactedBlocks = try Compaction.run(
                    before: now - self.configuration.compactAfterSeconds,
                    bucketSeconds: self.configuration.bucketSeconds, database)
                return result
            }
        }
        for _ in 0..<Self.maximumSizeRounds {
            let round = try await pool.write { database -> MaintenanceResult? in
                guard try Retention.usedBytes(database) > self.configuration.maximumSizeBytes,
                    let limit = try Retention.startOfNewerPart(database)
                else { return nil }
                return try self.writer.withLock { writer in
                    var result = MaintenanceResult()
                    try Retention.removeBlocks(startingBefore: limit, database, &result)
                    try Retention.removeUnreferenced(database, &writer.interner, &result)
                    return result
                }
            }
            guard let round else { break }
            result.removedValue = result.removedValue.addingSaturated(round.removedValue)
            result.removedBlocks += round.removedBlocks
            result.removedInternedRows += round.removedInternedRows
        }
        try await pool.writeWithoutTransaction { database in
            // Each step frees one page.
            let cursor = try Row.fetchCursor(database, sql: "PRAGMA incremental_vacuum(8192)")
            while try cursor.next() != nil {}
        }
        return result
    }
}

/// Removal of what is too old or too much.
enum Retention {
    static func usedBytes(_ database: Database) throws -> Int64 {
        let pages = try Int64.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let free = try Int64.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
        let pageSize = try Int64.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        return (pages - free) * pageSize
    }

    /// A time that an eighth of the stored time span lies before; nil when there is nothing to remove.
    static func startOfNewerPart(_ database: Database) throws -> Int64? {
        guard let oldest = try Int64.fetchOne(database, sql: "SELECT min(id) FROM block"),
            let newest = try Int64.fetchOne(database, sql: "SELECT max(id) FROM block")
        else { return nil }
        let first = oldest >> SampleBlock.sequenceBits
        let last = newest >> SampleBlock.sequenceBits
        return first + max(1, (last - first) / 8)
    }

    static func removeBlocks(startingBefore limit: Int64, _ database: Database, _ result: inout MaintenanceResult)
        throws
    {
        let end = SampleBlock.firstRowID(startSeconds: limit)
        let totals = try Int64.fetchCursor(database, sql: "SELECT total FROM block WHERE id < ?", arguments: [end])
        while let total = try totals.next() { result.removedValue = result.removedValue.addingSaturated(total) }
        try database.execute(sql: "DELETE FROM block WHERE id < ?", arguments: [end])
        result.removedBlocks += database.changesCount
    }

    /// Removes interned rows that no block refers to any more (see `Schema`).
    static func removeUnreferenced(
        _ database: Database, _ interner: inout Interner, _ result: inout MaintenanceResult
    ) throws {
        let oldest = try Int64.fetchOne(database, sql: "SELECT min(id) FROM block")
        let limit = oldest.map { $0 >> SampleBlock.sequenceBits } ?? SampleBlock.maximumStartSeconds
        // Rows are touched in steps: nothing to find before the next one.
        let done = try Int64.fetchOne(database, sql: "SELECT value FROM setting WHERE name = 'collected_until'") ?? 0
        guard limit / Interner.seenStepSeconds > done / Interner.seenStepSeconds else { return }
        for table in Schema.internedTables {
            try database.execute(sql: "DELETE FROM \(table) WHERE seen < ?", arguments: [limit])
            result.removedInternedRows += database.changesCount
        }
        interner.forget(seenBefore: limit)
        try database.execute(
            sql: "INSERT OR REPLACE INTO setting (name, value) VALUES ('collected_until', ?)",
            arguments: [oldest == nil ? 0 : limit])
    }
}

/// Merging of old buckets.
enum Compaction {
    /// Merged buckets per run: bounds how long writing waits.
    private static let maximumBuckets: Int64 = 30

    /// - Returns: how many blocks were merged into others.
    static func run(before limit: Int64, bucketSeconds: Int64, _ database: Database) throws -> Int {
        let length = StoreConfiguration.compactedBucketSeconds
        guard bucketSeconds < length else { return 0 }
        let end = limit / length * length
        let oldest = try Int64.fetchOne(database, sql: "SELECT min(id) FROM block") ?? .max
        let done = try Int64.fetchOne(database, sql: "SELECT value FROM setting WHERE name = 'compacted_until'") ?? 0
        var start = max(done, (oldest >> SampleBlock.sequenceBits) / length * length)
        var merged = 0
        var buckets: Int64 = 0
        while start < end, buckets < maximumBuckets {
            merged += try merge(startSeconds: start, database)
            buckets += 1
            // Over a gap in one step.
            let next = try Int64.fetchOne(
                database, sql: "SELECT min(id) FROM block WHERE id >= ?",
                arguments: [SampleBlock.firstRowID(startSeconds: start + length)])
            start = next.map { ($0 >> SampleBlock.sequenceBits) / length * length } ?? end
        }
        if buckets > 0 {
            try database.execute(
                sql: "INSERT OR REPLACE INTO setting (name, value) VALUES ('compacted_until', ?)",
                arguments: [min(start, end)])
        }
        return merged
    }

    private static func merge(startSeconds: Int64, _ database: Database) throws -> Int {
        let length = StoreConfiguration.compactedBucketSeconds
        let range: StatementArguments = [
            SampleBlock.firstRowID(startSeconds: startSeconds),
            SampleBlock.firstRowID(startSeconds: startSeconds + length),
        ]
        var samples: [Int64: [(stack: Int64, value: Int64)]] = [:]
        let rows = try Row.fetchCursor(
            database, sql: "SELECT series, entries FROM block WHERE id >= ? AND id < ?", arguments: range)
        while let row = try rows.next() {
            let series: Int64 = row[0]
            try row.withUnsafeData(atIndex: 1) { data in
                try data?.withUnsafeBytes { bytes in
                    try SampleBlock.forEach(bytes) { samples[series, default: []].append(($0, $1)) }
                }
            }
        }
        try database.execute(sql: "DELETE FROM block WHERE id >= ? AND id < ?", arguments: range)
        let removed = database.changesCount
        var rowID = SampleBlock.firstRowID(startSeconds: startSeconds)
        for series in samples.keys.sorted() {
            guard var entries = samples[series] else { continue }
            let (blob, total) = SampleBlock.encode(&entries)
            try BlockWriter.insert(rowID: rowID, series: series, total: total, blob, database)
            rowID += 1
        }
        return removed - samples.count
    }
}
