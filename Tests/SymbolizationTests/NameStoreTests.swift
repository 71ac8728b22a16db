import Foundation
import LiveSupport
import ObjectFiles
import Synchronization
import TestRandomness
import Testing

@testable import Symbolization

/// Names that are kept on disk.
@Suite struct NameStoreTests {
    private static func name(_ text: String, inlined: String? = nil) -> SymbolizedAddress {
        let frames = [inlined, text].compactMap { $0 }.map {
            SymbolizedFrame(
                functionName: $0, systemName: "_Z\($0)", fileName: "/src/größe.c", line: 7, column: 3, startLine: 5,
                language: .cxx)
        }
        return SymbolizedAddress(frames: frames, functionStart: inlined == nil ? 0x1000 : nil)
    }

    private let folder: TemporaryFolder
    private let log = Lines()

    private final class Lines: Sendable {
        let lines = Mutex<[String]>([])
        var count: Int { lines.withLock { $0.count } }
    }

    init() throws { folder = try TemporaryFolder() }

    private func store(limitBytes: Int = 64 << 20) throws -> NameStore {
        let log = self.log
        return try #require(
            NameStore(folder: folder.path(of: "cache/names"), limitBytes: limitBytes) { line in
                log.lines.withLock { $0.append(line) }
            })
    }

    private func file() throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(of: "cache/names"))
        #expect(names.count == 1)
        return folder.path(of: "cache/names/\(try #require(names.first))")
    }

    private let key = NameStore.Key(FileID(high: 1, low: 2), files: DebugFiles())

    @Test func isThereAfterARestart() throws {
        let first = try store()
        #expect(first.load(key).isEmpty)
        first.add([(0x1000, Self.name("one")), (0x1010, Self.name("two", inlined: "within"))], to: key)
        first.add([(.max, Self.name(""))], to: key)
        let expected: [UInt64: SymbolizedAddress] = [
            0x1000: Self.name("one"), 0x1010: Self.name("two", inlined: "within"), .max: Self.name(""),
        ]
        #expect(first.load(key) == expected)
        let second = try store()
        #expect(second.load(key) == expected)
        #expect(second.sizeBytes == first.sizeBytes && first.sizeBytes > 0)
        // Another executable, and this one with a debug file, have names of their own.
        #expect(second.load(NameStore.Key(FileID(high: 1, low: 3), files: DebugFiles())).isEmpty)
        let debugFile = try ELFFile(FileReader(path: "/proc/self/exe"))
        #expect(second.load(NameStore.Key(FileID(high: 1, low: 2), files: DebugFiles(separate: debugFile))).isEmpty)
        #expect(log.count == 0)
    }

    /// Every byte counts: any one that is changed, and any end that is missing, is noticed.
    @Test func damagedFilesAreDropped() throws {
        let whole = try store()
        whole.add([(0x1000, Self.name("one"))], to: key)
        whole.add([(0x2000, Self.name("two"))], to: key)
        let path = try file()
        let bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
        var random = SplitMix64(seed: 1)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= UInt8(1 + random.next() % 255)
            let found = try? NameBlocks.read(damaged)
            #expect(found == nil, "byte \(position)")
        }
        for count in bytes.indices where (try? NameBlocks.read(Array(bytes[..<count]))) != nil {
            // Where a block ends, or before the first.
            let names = try NameBlocks.read(Array(bytes[..<count]))
            #expect(names.count < 2)
        }
        try Data(bytes.dropLast(3)).write(to: URL(fileURLWithPath: path))
        let store = try store()
        #expect(store.load(key).isEmpty)
        #expect(log.count == 1)
        #expect(!FileManager.default.fileExists(atPath: path))
        // It goes on with a new one.
        store.add([(0x1000, Self.name("one"))], to: key)
        #expect(store.load(key).count == 1)
        #expect(log.count == 1)
    }

    @Test func hasABudget() throws {
        let store = try store(limitBytes: 0)
        for number in 0..<40 as Range<UInt64> {
            let names = (0..<1000 as Range<UInt64>).map { (address: $0, name: Self.name("f\(number)_\($0)")) }
            store.add(names, to: NameStore.Key(FileID(high: 0, low: number), files: DebugFiles()))
        }
        #expect(store.sizeBytes <= NameStore.fileLimitBytes)
        #expect(store.sizeBytes > NameStore.fileLimitBytes / 2)
    }

    @Test func needsAFolder() throws {
        let log = self.log
        for folder in ["/proc/none", "names"] {
            #expect(NameStore(folder: folder, limitBytes: 1) { line in log.lines.withLock { $0.append(line) } } == nil)
        }
        #expect(log.count == 2)
    }

    /// The second run opens no file.
    @Test func symbolizersUseIt() throws {
        let path = try #require(
            ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/aarch64-linux-gnu/libstdc++.so.6"]
                .first { FileManager.default.fileExists(atPath: $0) })
        let reader = try FileReader(path: path)
        let text = try #require(ELFFile(reader).section(".text"))
        let id = FileID(high: 5, low: 5)
        let addresses = (0..<500 as Range<UInt64>).map { text.address + text.size / 500 * $0 }
        let first = Symbolizer(store: try store())
        let named = addresses.map { first.symbolize(id, at: .instruction($0)) { reader } }
        first.flush()
        #expect(named.compactMap { $0 }.count > 100)
        let second = Symbolizer(store: try store())
        for (address, expected) in zip(addresses, named) where expected != nil {
            #expect(second.symbolize(id, at: .instruction(address)) { throw BinarySourceError(.truncated) } == expected)
        }
        #expect(second.statistics.failures == 0)
        #expect(log.count == 0)
    }
}
