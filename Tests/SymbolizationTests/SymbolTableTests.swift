import Foundation
import ObjectFiles
import Synchronization
import TestRandomness
import Testing

@testable import Symbolization

/// What readelf says about a function symbol.
private struct Listed {
    var address: UInt64
    var name: String
}

/// Function symbols of `.symtab` and `.dynsym`, without versions. Split as bytes: there are a hundred thousand lines.
private func functions(_ path: String) throws -> [Listed] {
    try run("/usr/bin/readelf", ["-sW", path]).utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
        let columns = line.split(separator: UInt8(ascii: " "))
        guard columns.count >= 8, columns[3].elementsEqual("FUNC".utf8) || columns[3].elementsEqual("IFUNC".utf8),
            !columns[6].elementsEqual("UND".utf8), let address = UInt64(Substring(columns[1]), radix: 16)
        else { return nil }
        return Listed(address: address, name: String(Substring(columns[7].prefix { $0 != UInt8(ascii: "@") })))
    }
}

@Suite struct SymbolTableTests {
    /// Every address at which readelf lists functions resolves to one of their names, and so does each function's last
    /// byte; on shared libraries of this system, and on this test itself.
    @Test func agreesWithReadelf() throws {
        let folder =
            "/usr/lib/"
            + (FileManager.default.fileExists(atPath: "/usr/lib/x86_64-linux-gnu")
                ? "x86_64-linux-gnu" : "aarch64-linux-gnu")
        let libraries = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .filter { $0.contains(".so") }
            .map { URL(fileURLWithPath: folder + "/" + $0).resolvingSymlinksInPath().path }
        var seen: Set<String> = []
        var files = libraries.filter { seen.insert($0).inserted }.filter { (try? ELFFile(FileReader(path: $0))) != nil }
        files = Array(files.prefix(22)) + files.filter { $0.contains("/libc.so") || $0.contains("/libstdc++") }
        files.append("/proc/self/exe")
        #expect(files.count >= 20)
        for path in files {
            let table = try SymbolTable(ELFFile(FileReader(path: path)))
            var listed: [UInt64: [Listed]] = [:]
            for symbol in try functions(path == "/proc/self/exe" ? Bundle.main.executablePath ?? path : path) {
                listed[symbol.address, default: []].append(symbol)
            }
            #expect(path != "/proc/self/exe" || listed.count > 1000)
            #expect(!table.isTruncated)
            for (address, symbols) in listed {
                let found = table.lookup(address)
                guard let name = found?.frames.first?.systemName else {
                    Issue.record("\(path): no symbol at \(String(address, radix: 16)): \(symbols[0].name)")
                    continue
                }
                let plain = String(Substring(name.utf8.prefix { $0 != UInt8(ascii: "@") }))
                if !symbols.contains(where: { $0.name == plain })
                    || found?.functionStart != address
                {
                    Issue.record("\(path): \(name) at \(String(address, radix: 16)), not \(symbols[0].name)")
                }
            }
        }
    }

    /// Rules for ties, zero sizes, nesting, gaps and labels, on a file that an assembler makes.
    @Test func rules() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appendingPathComponent("rules.s")
        try """
        .macro function name, size
        .type \\name, %function
        .size \\name, \\size
        .endm
        .text
        .globl global_name, __global_alias, outer, zero
        .weak weak_name
        local_name: weak_name: __global_alias: global_name:
            .skip 32, 0
        function local_name 32
        function weak_name 32
        function global_name 32
        function __global_alias 32
        .skip 100, 0
        outer: .skip 16, 0
        inner: .skip 16, 0
        label: .skip 32, 0
        function outer 64
        function inner 16
        zero: .skip 64, 0
        .type zero, %function
        after: .skip 8, 0
        $x: .skip 8, 0
        """.write(to: source, atomically: false, encoding: .utf8)
        let object = folder.appendingPathComponent("rules.o").path
        let library = folder.appendingPathComponent("rules.so").path
        _ = try run("/usr/bin/as", ["-o", object, source.path])
        _ = try run("/usr/bin/ld", ["-shared", "-o", library, object])
        let file = try ELFFile(FileReader(path: library))
        let base = try #require(file.section(".text")).address
        let table = try SymbolTable(file)
        func name(_ offset: UInt64) -> String? { table.lookup(base + offset)?.frames.first?.systemName }
        #expect(name(0) == "global_name")
        #expect(name(31) == "global_name")
        #expect(name(32) == nil, "past the end, and aligned: nobody's")
        #expect(name(131) == nil)
        #expect(name(132) == "outer")
        #expect(name(148) == "inner")
        #expect(name(163) == "inner")
        #expect(name(164) == "outer", "after a nested function; labels in sized functions are not functions")
        #expect(name(195) == "outer")
        #expect(name(196) == "zero", "without a size up to the next symbol")
        #expect(name(259) == "zero")
        #expect(name(260) == "after")
        // `$x` is a name like any other on x86_64, and a mapping symbol on arm64.
        #expect(name(268) == (file.machine == .aarch64 ? "after" : "$x"))
        #expect(table.lookup(base - 1) == nil)
        #expect(table.lookup(.max) == nil)

        // Without section headers and `.symtab` the exported names are found by PT_DYNAMIC.
        var bytes = try FileReader(path: library).read(at: 0, count: Int(file.source.size))
        bytes.replaceSubrange(40..<48, with: [UInt8](repeating: 0, count: 8))
        bytes.replaceSubrange(60..<64, with: [UInt8](repeating: 0, count: 4))
        let stripped = try ELFFile(MemorySource(bytes))
        #expect(stripped.sections.isEmpty && stripped.symbolTable() == nil)
        let exported = try SymbolTable(stripped)
        #expect(exported.lookup(base + 132)?.frames.first?.systemName == "outer")
        #expect(exported.lookup(base + 148)?.frames.first?.systemName == "outer")
        #expect(exported.lookup(base + 200)?.frames.first?.systemName == "zero")
        #expect(stripped.dynamicSymbolTable()?.count == file.dynamicSymbolTable()?.count)
        #expect(stripped.dynamicSymbolTable() == file.dynamicSymbolTable())
    }
}

@Suite struct SymbolizerTests {
    /// This very function is found by the address of a call in it, through the whole chain.
    @Test func namesOwnFunctions() throws {
        let reader = try FileReader(path: "/proc/self/exe")
        let id = try FileID(contentsOf: reader)
        let file = try ELFFile(reader)
        let symbolizer = Symbolizer()
        let entry = symbolizer.symbolize(id, at: .instruction(file.entryAddress)) { reader }
        #expect(entry?.frames.first?.functionName == "_start")
        #expect(entry?.functionStart == file.entryAddress)
        // A return address at the very beginning belongs to what lies before.
        let before = symbolizer.symbolize(id, at: .returnAddress(file.entryAddress)) { reader }
        #expect(before?.functionStart != file.entryAddress)
        #expect(symbolizer.statistics.executables == 1)
        symbolizer.forget(id)
        #expect(symbolizer.statistics.executables == 0 && symbolizer.statistics.sizeBytes == 0)
    }

    private struct FixedSource: SymbolSource {
        var match: SymbolMatch?
        var sizeBytes: Int
        func lookup(_ address: UInt64) -> SymbolMatch? { match }
    }

    @Test func mergesSources() throws {
        let lines = FixedSource(
            match: SymbolMatch(
                frames: [
                    .init(systemName: "_Z5innerv", fileName: "a.cpp", line: 7), .init(systemName: "", line: 9),
                ], functionStart: 16), sizeBytes: 1)
        let names = FixedSource(
            match: SymbolMatch(frames: [.init(systemName: "_Z5outerv", startLine: 3)], functionStart: 16), sizeBytes: 1)
        let symbolizer = Symbolizer(sources: { _, _ in [lines, names] })
        let reader = try FileReader(path: "/proc/self/exe")
        let found = symbolizer.symbolize(FileID(high: 1, low: 1), at: .instruction(20)) { reader }
        #expect(
            found?.frames == [
                SymbolizedFrame(
                    functionName: "inner()", systemName: "_Z5innerv", fileName: "a.cpp", line: 7, language: .cxx),
                SymbolizedFrame(
                    functionName: "outer()", systemName: "_Z5outerv", line: 9, startLine: 3, language: .cxx),
            ])
    }

    /// Has memory from the first question on until it is to give it back.
    private final class Held: SymbolSource {
        let isHeld = Mutex(false)
        let bytes: Int
        init(_ bytes: Int) { self.bytes = bytes }
        var sizeBytes: Int { isHeld.withLock { $0 ? bytes : 0 } }
        func lookup(_ address: UInt64) -> SymbolMatch? {
            isHeld.withLock { $0 = true }
            return nil
        }
        func releaseMemory() { isHeld.withLock { $0 = false } }
    }

    /// Asks for an address in each of the executables, one after the other, and says which of them hold memory then.
    private func held(_ sizes: [Int], capacityBytes: Int, order: [Int]) throws -> (held: [Int], Symbolizer.Statistics) {
        let sources = sizes.map { Held($0) }
        let next = Mutex(0)
        let symbolizer = Symbolizer(
            capacityBytes: capacityBytes, sources: { _, _ in [sources[next.withLock { $0 }]] })
        let reader = try FileReader(path: "/proc/self/exe")
        for (address, number) in order.enumerated() {
            next.withLock { $0 = number }
            let id = FileID(high: UInt64(number), low: 7)
            _ = symbolizer.symbolize(id, at: .instruction(UInt64(address))) { reader }
        }
        return (sources.indices.filter { sources[$0].isHeld.withLock { $0 } }, symbolizer.statistics)
    }

    private static let overheadBytes = 16 << 10

    @Test func staysWithinItsBounds() throws {
        let capacity = 3 * 100_000 + 5 * Self.overheadBytes
        let (held, statistics) = try held(
            [100_000, 100_000, 100_000, 100_000, 100_000], capacityBytes: capacity, order: [0, 1, 2, 0, 3, 4])
        #expect(held == [0, 3, 4], "those used longest ago have given theirs back")
        #expect(statistics.sizeBytes == capacity)
        #expect(statistics.evictions == 2)
        #expect(statistics.executables == 5)
    }

    /// One that takes more than half of the room lets the others be, and does not stay.
    @Test func anOversizedOneDoesNotPushOutOthers() throws {
        let (held, statistics) = try held(
            [50_000, 50_000, 900_000, 50_000], capacityBytes: 400_000, order: [0, 1, 2, 2, 3, 0])
        #expect(held == [0, 1, 3])
        #expect(statistics.sizeBytes == 3 * 50_000 + 4 * Self.overheadBytes)
        let (latest, _) = try self.held([50_000, 900_000], capacityBytes: 400_000, order: [0, 1])
        #expect(latest == [0, 1], "it stays while it is asked for")
    }

    @Test func whatCannotBeOpenedIsAskedForAgain() throws {
        let symbolizer = Symbolizer(sources: { _, _ in [FixedSource(match: nil, sizeBytes: 1000)] })
        let reader = try FileReader(path: "/proc/self/exe")
        struct Gone: Error {}
        let id = FileID(high: 1, low: 0)
        _ = symbolizer.symbolize(id, at: .instruction(1)) { throw Gone() }
        #expect(symbolizer.statistics.failures == 1)
        _ = symbolizer.symbolize(id, at: .instruction(1)) { reader }
        _ = symbolizer.symbolize(id, at: .instruction(2)) { throw Gone() }
        #expect(symbolizer.statistics.failures == 1, "cached: not opened again")
    }
}

@Suite struct ARM64SymbolTableTests {
    /// Mapping symbols mark code and data in arm64 objects; they never name anything.
    @Test func mappingSymbols() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appendingPathComponent("rules.s").path
        try """
        .text
        .globl first
        .type first, %function
        first: nop
        .word 17
        nop
        .size first, . - first
        handwritten: nop
        .word 18
        nop
        """.write(toFile: source, atomically: false, encoding: .utf8)
        let object = folder.appendingPathComponent("rules.o").path
        let library = folder.appendingPathComponent("rules.so").path
        _ = try run("/usr/bin/env", ["clang", "--target=aarch64-linux-gnu", "-c", "-o", object, source])
        _ = try run("/usr/bin/env", ["ld.lld", "-shared", "-o", library, object])
        let file = try ELFFile(FileReader(path: library))
        #expect(file.machine == .aarch64)
        // The linker keeps them, or this test would show nothing.
        #expect(try run("/usr/bin/readelf", ["-sW", library]).contains("$d"))
        let text = try #require(file.section(".text")).address
        let table = try SymbolTable(file)
        #expect(
            (0..<24).map { table.lookup(text + $0)?.frames.first?.systemName }
                == Array(repeating: "first", count: 12) + Array(repeating: "handwritten", count: 12))
    }
}

/// A table made for some addresses names these as the whole table does.
@Suite struct WantedSymbolsTests {
    @Test(arguments: ["/proc/self/exe", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3"])
    func agreesWithTheWholeTable(path: String) throws {
        guard access(path, R_OK) == 0 else { return }
        let file = try ELFFile(FileReader(path: path))
        let whole = try SymbolTable(file)
        let ranges = file.sections.filter { $0.isExecutable && $0.isAllocated && $0.size > 0 }
            .map { $0.address..<($0.address + $0.size) }
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        var random = SplitMix64(seed: seed)
        for count in [1, 3, 100, 5000] {
            let addresses = (0..<count).map { _ in
                UInt64.random(in: ranges[Int.random(in: 0..<ranges.count, using: &random)], using: &random)
            }
            let part = try SymbolTable(file, wanted: addresses)
            let different = addresses.filter {
                part.lookup($0)?.frames.map(\.systemName) != whole.lookup($0)?.frames.map(\.systemName)
                    || part.lookup($0)?.functionStart != whole.lookup($0)?.functionStart
            }
            #expect(different.isEmpty, "seed \(seed): \(different.prefix(3).map { String($0, radix: 16) })")
            #expect(part.count <= 6 * count + 64, "no more than is needed")
        }
    }

    @Test func aLargeFileKeepsOnlyWhatIsAskedFor() throws {
        let file = try ELFFile(FileReader(path: "/proc/self/exe"))
        let whole = try SymbolTable(file)
        let table = LazySymbolTable(file, debugFile: nil, largeCount: 10)
        let start = try #require(file.section(".text")).address
        let addresses = (0..<100).map { start + UInt64($0) * 1000 }
        table.announce(addresses)
        for address in addresses { #expect(table.lookup(address)?.frames.map(\.systemName) == whole.lookup(address)?.frames.map(\.systemName)) }
        #expect(table.sizeBytes > 0 && table.sizeBytes < whole.sizeBytes / 4)
        // Not announced, and named all the same.
        #expect(table.lookup(start + 77_777)?.frames.map(\.systemName) == whole.lookup(start + 77_777)?.frames.map(\.systemName))
        table.releaseMemory()
        #expect(table.sizeBytes == 0)
    }
}
