import Foundation
import GRDB
import Logging
import ProfileStore
import SyntheticProfiles
import Testing

/// Restart, retention, compaction, damage, and death in the middle of writing.
struct DurabilityTests {
    private let start: Int64 = 1_799_990_000

    private func everything(_ store: ProfileStore) async throws -> FlameGraph {
        try await store.flameGraph(SampleFilter(fromSeconds: 0, toSeconds: .max))
    }

    @Test func sumsSurviveRestartAndCompaction() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        temporary.clock.seconds = start + 1800
        var store = try temporary.open()
        let model = Model(count: 2000, from: start, lengthSeconds: 1800, seed: 3)
        let messages = model.messages(batch: 400)
        for message in messages.prefix(3) { try await store.ingest(message) }
        await store.close()
        store = try temporary.open()
        for message in messages.dropFirst(3) { try await store.ingest(message) }
        let expected = Model.paths(model.samples)
        #expect(try await everything(store).paths() == expected)

        temporary.clock.seconds = start + 10_000
        let result = try await store.maintain()
        #expect(result.compactedBlocks > 0)
        #expect(result.removedValue == 0)
        #expect(try await everything(store).paths() == expected)
        let firstMinutes = model.samples.filter { $0.seconds < start / 60 * 60 + 600 }
        let window = SampleFilter(fromSeconds: start / 60 * 60, toSeconds: start / 60 * 60 + 600)
        #expect(try await store.flameGraph(window).paths() == Model.paths(firstMinutes))
        await store.close()
    }

    @Test func ageRemovesWholeBucketsAndWhatTheyReferTo() async throws {
        let temporary = TemporaryStore { $0.maximumAgeSeconds = 3600 }
        defer { temporary.remove() }
        let store = try temporary.open()
        temporary.clock.seconds = start + 100
        let old = Model(count: 500, from: start, lengthSeconds: 100, seed: 1)
        for message in old.messages(batch: 100) { try await store.ingest(message) }
        temporary.clock.seconds = start + 7300
        var builder = ProfileMessageBuilder()
        builder.add(
            [Frame("young")], process: .init(pid: 9, executablePath: "/bin/young"), threadName: "t", tid: 9,
            timestampsUnixNano: [UInt64(start + 7200) * 1_000_000_000])
        try await store.ingest(builder.message())
        try await store.maintain()
        #expect(try await everything(store).paths() == [["young"]: 1])

        // Nothing of the old names is left, and the young one can be written again.
        try await store.ingest(builder.message())
        #expect(try await everything(store).paths() == [["young"]: 2])
        await store.close()
        let database = try DatabaseQueue(path: "\(temporary.directory)/profiles.sqlite")
        try await database.read { (database) throws in
            #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM stack") == 1)
            #expect(try String.fetchAll(database, sql: "SELECT text FROM string WHERE text LIKE 'f_'") == [])
            #expect(try Int.fetchOne(database, sql: "PRAGMA auto_vacuum") == 2)
            #expect(try String.fetchOne(database, sql: "PRAGMA integrity_check") == "ok")
        }
    }

    @Test func sizeRemovesTheOldestFirst() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let store = try temporary.open()
        var host = SyntheticHost(seed: 5)
        for round in 0..<6 as Range<Int64> {
            let from = UInt64(start + round * 1200)
            temporary.clock.seconds = start + round * 1200 + 1200
            try await store.ingest(host.message(distinctStacks: 300, window: from..<from + 1200))
        }
        let before = try await everything(store).total
        var limited = temporary.configuration
        limited.maximumSizeBytes = try await store.status().sizeBytes * 2 / 3
        store.apply(limited)
        let result = try await store.maintain()
        let graph = try await everything(store)
        let status = try await store.status()
        #expect(status.sizeBytes <= limited.maximumSizeBytes)
        #expect(graph.total > 0)
        #expect(graph.total + result.removedValue == before)
        #expect(result.removedInternedRows > 0)
        #expect(try #require(status.oldestSeconds) > start)
        #expect(try #require(status.newestSeconds) >= start + 6900)
        await store.close()
    }

    @Test func damagedDatabaseIsMovedAside() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        var store = try temporary.open()
        let model = Model(count: 500, from: start, lengthSeconds: 60, seed: 2)
        for message in model.messages(batch: 500) { try await store.ingest(message) }
        await store.close()
        let path = "\(temporary.directory)/profiles.sqlite"
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        // Page 1's header stays, so that it is still a SQLite database of ours; its tables are not.
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data(repeating: 0xA5, count: 200_000))
        try file.close()
        store = try temporary.open()
        #expect(try await everything(store).total == 0)
        for message in model.messages(batch: 500) { try await store.ingest(message) }
        #expect(try await everything(store).total == 500)
        #expect(FileManager.default.fileExists(atPath: "\(path).damaged"))
        await store.close()
        try Data(repeating: UInt8(ascii: "x"), count: 5000).write(to: URL(fileURLWithPath: path))
        store = try temporary.open()
        #expect(try await everything(store).total == 0)
        await store.close()
    }

    @Test func databasesOfOthersAreLeftAlone() throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        try FileManager.default.createDirectory(atPath: temporary.directory, withIntermediateDirectories: true)
        let path = "\(temporary.directory)/profiles.sqlite"
        do {
            let other = try DatabaseQueue(path: path)
            try other.write { try $0.execute(sql: "CREATE TABLE precious (id INTEGER)") }
            try other.close()
        }
        #expect(throws: StoreError.foreignDatabase(path: path)) { try temporary.open() }
    }

    @Test func aSecondOpenerIsToldWhoHoldsTheStore() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let store = try temporary.open()
        #expect(throws: StoreError.inUse(directory: temporary.directory, owner: "\(getpid())")) {
            try temporary.open()
        }
        await store.close()
        let again = try temporary.open()
        await again.close()
        await #expect(throws: StoreError.closed) { try await again.status() }
    }

    @Test func registrySharesAStore() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let registry = ProfileStoreRegistry()
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let reader = try await registry.open(
            StoreConfiguration(directory: temporary.directory + "/./x/.."), writes: false, logger: logger)
        var configuration = StoreConfiguration(directory: temporary.directory)
        configuration.maximumAgeSeconds = 77
        let writer = try await registry.open(configuration, writes: true, logger: logger)
        #expect(reader === writer)
        #expect(reader.configuration.maximumAgeSeconds == 77)
        await registry.close(writer)
        _ = try await reader.status()
        await registry.close(reader)
        await #expect(throws: StoreError.closed) { try await reader.status() }
    }
}
