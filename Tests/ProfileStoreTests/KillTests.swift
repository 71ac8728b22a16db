import Foundation
import GRDB
import Logging
import ProfileStore
import SyntheticProfiles
import Testing

/// A process that is killed while it writes leaves a whole database behind.
struct KillTests {
    @Test func killInTheMiddleOfWritingLosesNothingThatWasAcknowledged() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        var acknowledged: Int64 = 0
        let rounds: Int64 = 6
        for round in 0..<rounds {
            acknowledged += try await Self.writeAndKill(temporary.directory, afterMilliseconds: 150 + round * 37)
        }
        let store = try ProfileStore(
            temporary.configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let graph = try await store.flameGraph(SampleFilter(fromSeconds: 0, toSeconds: .max))
        await store.close()
        // Each message is kept whole or not at all; each kill may hit one that was written but not yet acknowledged.
        #expect(acknowledged > 0)
        #expect(graph.total % 50 == 0)
        #expect((acknowledged * 50...(acknowledged + rounds) * 50).contains(graph.total))
        #expect(!FileManager.default.fileExists(atPath: "\(temporary.directory)/profiles.sqlite.damaged"))
        let database = try DatabaseQueue(path: "\(temporary.directory)/profiles.sqlite")
        try await database.read { (database) throws in
            #expect(try String.fetchOne(database, sql: "PRAGMA integrity_check") == "ok")
        }
    }

    /// - Returns: how many messages the writer said were stored.
    private static func writeAndKill(_ directory: String, afterMilliseconds: Int64) async throws -> Int64 {
        let writer = Process()
        writer.executableURL = try productsDirectory().appendingPathComponent("ProfileStoreWriter")
        writer.arguments = [directory]
        let output = Pipe()
        writer.standardOutput = output
        try writer.run()
        // The first line says that it is at work.
        var lines = try await read(output.fileHandleForReading, toEnd: false)
        try await Task.sleep(for: .milliseconds(afterMilliseconds))
        kill(writer.processIdentifier, SIGKILL)
        lines += try await read(output.fileHandleForReading, toEnd: true)
        writer.waitUntilExit()
        return Int64(lines.filter { $0 == UInt8(ascii: "\n") }.count)
    }

    /// On a thread of its own, because pipes block.
    private static func read(_ handle: FileHandle, toEnd: Bool) async throws -> Data {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result { try toEnd ? handle.readToEnd() ?? Data() : handle.read(upToCount: 2) ?? Data() })
            }
        }
    }

    /// Where the test bundle lies, and the executables with it.
    private static func productsDirectory() throws -> URL {
        let bundle = try #require(ProcessInfo.processInfo.arguments.first { $0.hasSuffix(".xctest") })
        return URL(fileURLWithPath: bundle).deletingLastPathComponent()
    }
}
