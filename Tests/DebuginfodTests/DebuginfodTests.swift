import Debuginfod
import Foundation
import LiveSupport
import ObjectFiles
import Synchronization
import Testing

/// The client against a server in Python: what is there, what is not, and servers that behave badly.
@Suite(.enabled(if: try Live.has(.tool("python3"), .tool("gcc"), .tool("objcopy"))), .serialized, .timeLimit(.minutes(2)))
struct DebuginfodTests {
    /// A server, what it has, and a cache.
    private final class World: Sendable {
        let folder: TemporaryFolder
        let server: ChildProcess
        let port: String
        let log = Mutex<[String]>([])

        init() async throws {
            let folder = try TemporaryFolder()
            mkdir(folder.path(of: "served"), 0o755)
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/server.py"
            let server = try ChildProcess(["python3", script, folder.path(of: "served")])
            port = try #require(try await onThread { try server.readLine() })
            self.folder = folder
            self.server = server
        }

        /// Serves the debug file of a new program.
        func serveDebugFile(_ number: Int = 0) async throws -> BuildID {
            let source = folder.path(of: "a.c")
            try "int number = \(number); int main(void) { return number; }\n"
                .write(toFile: source, atomically: false, encoding: .utf8)
            let program = folder.path(of: "a")
            try await Command.run(["gcc", "-g", "-Wl,--build-id", source, "-o", program])
            let id = try #require(try ELFFile(FileReader(path: program)).gnuBuildID())
            try await Command.run(["objcopy", "--only-keep-debug", program, folder.path(of: "served/\(id)")])
            return id
        }

        func client(_ ways: String..., change: (inout DebuginfodSettings) -> Void = { _ in }) -> DebuginfodClient {
            var settings = DebuginfodSettings(
                urls: ways.map { "http://127.0.0.1:\(port)/\($0)" }, cacheFolder: folder.path(of: "cache/debuginfod"))
            change(&settings)
            return DebuginfodClient(settings) { line in self.log.withLock { $0.append(line) } }
        }

        /// What the server says of its next answers.
        func answers(_ count: Int) async throws -> [String] {
            try await onThread { [server] in try (0..<count).compactMap { _ in try server.readLine() } }
        }

        func cached(_ id: BuildID) -> String { folder.path(of: "cache/debuginfod/\(id)/debuginfo") }

        /// Files in the cache that were begun and not finished.
        var leftovers: [String] {
            let names = FileManager.default.enumerator(atPath: folder.path(of: "cache"))?.allObjects as? [String] ?? []
            return names.filter { $0.contains("debuginfo.") }
        }
    }

    private static func file(_ client: DebuginfodClient, _ id: BuildID) async -> String? {
        await withCheckedContinuation { continuation in
            client.debugFile(of: id) { continuation.resume(returning: $0) }
        }
    }

    private static let unknown = BuildID(bytes: Array(repeating: 0xab, count: 20))

    @Test func fetchesOnceAndKeeps() async throws {
        let world = try await World()
        let id = try await world.serveDebugFile()
        let path = try #require(await Self.file(world.client("ok/"), id))
        #expect(path == world.cached(id))
        #expect(
            FileManager.default.contents(atPath: path)
                == FileManager.default.contents(atPath: world.folder.path(of: "served/\(id)")))
        #expect(try await world.answers(1) == ["/ok/buildid/\(id)/debuginfo 1 1073741824"])
        // Another client, as after a restart: the server is not asked, it need not even have it any longer.
        unlink(world.folder.path(of: "served/\(id)"))
        #expect(await Self.file(world.client("ok"), id) == path)
        #expect(world.log.withLock { $0 }.isEmpty)
    }

    @Test func remembersWhatServersDoNotHave() async throws {
        let world = try await World()
        let client = world.client("ok", "late")
        #expect(await Self.file(client, Self.unknown) == nil)
        #expect(try await world.answers(2).map { $0.prefix(5) } == ["/ok/b", "/late"])
        var status = stat()
        #expect(stat(world.cached(Self.unknown), &status) == 0 && status.st_size == 0)
        #expect(await Self.file(client, Self.unknown) == nil)
        // Not for ever.
        #expect(await Self.file(world.client("ok") { $0.missingFor = .zero }, Self.unknown) == nil)
        #expect(try await world.answers(1).count == 1)
        #expect(world.log.withLock { $0 }.isEmpty)
    }

    @Test func asksTheNextServer() async throws {
        let world = try await World()
        let id = try await world.serveDebugFile()
        #expect(await Self.file(world.client("broken", "wrong", "ok"), id) == world.cached(id))
        #expect(world.log.withLock { $0 }.count == 2)
        #expect(world.leftovers.isEmpty)
    }

    /// A failure is no answer: nothing is remembered of it.
    @Test(arguments: ["broken", "wrong", "slow"])
    func failuresAreToldAndNotRemembered(way: String) async throws {
        let world = try await World()
        let id = try await world.serveDebugFile()
        let client = world.client(way) { $0.timeout = .milliseconds(1500) }
        #expect(await Self.file(client, id) == nil)
        #expect(world.log.withLock { $0 }.count == 1)
        #expect(!FileManager.default.fileExists(atPath: world.cached(id)))
        #expect(world.leftovers.isEmpty)
        #expect(await Self.file(world.client("ok"), id) == world.cached(id))
    }

    @Test(arguments: ["endless", "large"])
    func tooLargeIsNotFetched(way: String) async throws {
        let world = try await World()
        let id = try await world.serveDebugFile()
        #expect(await Self.file(world.client(way) { $0.fileLimitBytes = 1 << 20 }, id) == nil)
        #expect(world.leftovers.isEmpty)
        #expect(!(await Self.file(world.client(way) { $0.fileLimitBytes = 1 << 20 }, id) != nil))
    }

    @Test func fewAtATime() async throws {
        let world = try await World()
        let client = world.client("late")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<8 as Range<UInt8> {
                // Two ask for the same: one question.
                for _ in 0..<2 {
                    group.addTask {
                        _ = await Self.file(client, BuildID(bytes: Array(repeating: number, count: 20)))
                    }
                }
            }
        }
        let answers = try await world.answers(8)
        #expect(Set(answers.map { $0.split(separator: " ")[0] }).count == 8)
        #expect(answers.allSatisfy { ["1", "2"].contains($0.split(separator: " ")[1]) })
    }

    @Test func theCacheHasABudget() async throws {
        let world = try await World()
        var ids: [BuildID] = []
        for number in 0..<3 {
            let id = try await world.serveDebugFile(number)
            ids.append(id)
            let size = try FileReader(path: world.folder.path(of: "served/\(id)")).size
            #expect(await Self.file(world.client("ok") { $0.cacheLimitBytes = Int(size) * 5 / 2 }, id) != nil)
            // The clock of files counts seconds here.
            var times = [timespec(tv_sec: 1000 + number, tv_nsec: 0), timespec(tv_sec: 1000 + number, tv_nsec: 0)]
            utimensat(AT_FDCWD, world.cached(id), &times, 0)
        }
        #expect(ids.map { FileManager.default.fileExists(atPath: world.cached($0)) } == [false, true, true])
    }
}
