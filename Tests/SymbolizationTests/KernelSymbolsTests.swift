import Foundation
import ObjectFiles
import Testing

@testable import Symbolization

@Suite struct KernelSymbolsTests {
    private static let listing = """
        0000000000000000 A fixed_percpu_data
        ffffffff81000000 T _stext
        ffffffff81000000 T _text
        ffffffff81000000 t __startup
        ffffffff81000000 T startup
        ffffffff81000100 W weak_function
        ffffffff81000100 t local_function
        ffffffff81000200 T __sys_open
        ffffffff81000200 T open_file
        ffffffff81000280 D some_data
        ffffffff81001000 T _etext
        ffffffff82000000 T _sinittext
        ffffffff82000010 t freed_after_boot
        ffffffffc0001000 t ext_first\t[ext4]
        ffffffffc0001040 T ext_second\t[ext4]
        ffffffffc0002000 d ext_data\t[ext4]
        ffffffffc0005000 t tap_open\t[tap]
        ffffffffc0009000 t ext_init\t[ext4]
        ffffffffc0100000 t bpf_prog_0123456789abcdef_probe\t[bpf]
        ffffffffc0201000 t ftrace_trampoline\t[__builtin__ftrace]
        ffffffffc0200000 t bpf_prog_fedcba9876543210\t[bpf]
        """

    private struct Fixture {
        let folder: URL
        var paths = KernelSymbolizer.Paths()

        init(_ listing: String) throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent("module/ext4/notes"), withIntermediateDirectories: true)
            paths.symbols = folder.appendingPathComponent("kallsyms").path
            paths.modules = folder.appendingPathComponent("modules").path
            paths.kernelNotes = folder.appendingPathComponent("notes").path
            paths.moduleFolder = folder.appendingPathComponent("module").path
            try write(listing, "kallsyms")
            try write("ext4 8192 2 jbd2,mbcache, Live 0xffffffffc0001000\n", "modules")
            let note: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8)
            try Data(note + (0..<20)).write(to: folder.appendingPathComponent("notes"))
            try Data(note + (100..<120)).write(
                to: folder.appendingPathComponent("module/ext4/notes/.note.gnu.build-id"))
        }

        func write(_ text: String, _ name: String) throws {
            try text.write(to: folder.appendingPathComponent(name), atomically: false, encoding: .utf8)
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }
    }

    @Test func rules() throws {
        let fixture = try Fixture(Self.listing)
        defer { fixture.remove() }
        let symbols = try KernelSymbols(paths: fixture.paths)
        func name(_ address: UInt64) -> String? { symbols.lookup(address)?.name }
        #expect(name(0xffffffff81000000) == "startup")
        #expect(name(0xffffffff810000ff) == "startup")
        #expect(name(0xffffffff81000100) == "weak_function")
        #expect(name(0xffffffff81000200) == "open_file")
        #expect(name(0xffffffff81000fff) == "open_file", "data is not code")
        #expect(name(0xffffffff81001000) == nil)
        #expect(name(0xffffffff82000010) == nil)
        #expect(name(0xffffffff80ffffff) == nil)
        #expect(name(0) == nil && name(.max) == nil)
        #expect(symbols.textRange == 0xffffffff81000000..<0xffffffff81001000)
        let kernel = try #require(symbols.lookup(0xffffffff81000123)).module
        #expect(kernel.name == "vmlinux" && kernel.kind == .kernel)
        #expect(kernel.buildID?.hex == "000102030405060708090a0b0c0d0e0f10111213")
        #expect(kernel.fileID == FileID(kernelBuildIDHex: "000102030405060708090a0b0c0d0e0f10111213"))

        let ext4 = try #require(symbols.lookup(0xffffffffc0001045))
        #expect(ext4.name == "ext_second" && ext4.start == 0xffffffffc0001040)
        #expect(ext4.module.name == "ext4" && ext4.module.start == 0xffffffffc0001000)
        #expect(ext4.module.end == 0xffffffffc0003000 && ext4.module.kind == .loadable)
        #expect(ext4.module.buildID?.bytes.first == 100)
        #expect(name(0xffffffffc0002fff) == "ext_second")
        #expect(name(0xffffffffc0003000) == nil)
        let tap = try #require(symbols.lookup(0xffffffffc0005010)).module
        #expect(tap.name == "tap" && tap.buildID == nil && tap.fileID == .unknownKernel)
        #expect(name(0xffffffffc0009000) == "tap_open", "a second appearance of a module is ignored")
        #expect(name(0xffffffffc0100001) == "bpf_prog_0123456789abcdef_probe")
        #expect(name(0xffffffffc0200001) == "bpf_prog_fedcba9876543210")
        #expect(symbols.module(containing: 0xffffffffc0200001)?.kind == .bpf)
        #expect(symbols.module(containing: 0xffffffffc0201001)?.kind == .builtIn)
    }

    /// However the reads fall, lines come out whole.
    @Test func chunks() throws {
        let bytes = Array(Self.listing.utf8)
        var whole = KernelSymbolsParser()
        try bytes.withUnsafeBytes { try whole.parse($0) }
        try whole.finish()
        for size in [1, 2, 3, 7, 16, 40, 100] {
            var parser = KernelSymbolsParser()
            for start in stride(from: 0, to: bytes.count, by: size) {
                try Array(bytes[start..<min(start + size, bytes.count)]).withUnsafeBytes { try parser.parse($0) }
            }
            try parser.finish()
            #expect(parser.found.map(\.address) == whole.found.map(\.address))
            #expect(parser.names == whole.names && parser.moduleNames == whole.moduleNames)
            #expect(parser.lineCount == 21)
        }
    }

    @Test func errors() throws {
        let fixture = try Fixture("0000000000000000 T _text\n0000000000000000 t start\n")
        defer { fixture.remove() }
        let path = fixture.paths.symbols
        #expect(throws: KernelSymbolsError(kind: .addressesHidden, path: path)) {
            try KernelSymbols(paths: fixture.paths)
        }
        try fixture.write("", "kallsyms")
        #expect(throws: KernelSymbolsError(kind: .malformed, path: path)) { try KernelSymbols(paths: fixture.paths) }
        try fixture.write(String(repeating: "x", count: 5000), "kallsyms")
        #expect(throws: KernelSymbolsError(kind: .limitExceeded, path: path)) {
            try KernelSymbols(paths: fixture.paths)
        }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: KernelSymbolsError(kind: .unreadable(errno: 2), path: path)) {
            try KernelSymbols(paths: fixture.paths)
        }
    }

    @Test func reloads() throws {
        let fixture = try Fixture(Self.listing)
        defer { fixture.remove() }
        let kernel = try KernelSymbolizer(paths: fixture.paths)
        #expect(try !kernel.reloadIfChanged())
        #expect(kernel.lookup(0xffffffffc0300000) == nil)
        try fixture.write(Self.listing + "\nffffffffc0300000 t new\t[new]\n", "kallsyms")
        #expect(try !kernel.reloadIfChanged(), "a miss alone waits")
        #expect(try kernel.reloadIfChanged(missInterval: .zero))
        #expect(kernel.lookup(0xffffffffc0300000)?.name == "new")
        #expect(try !kernel.reloadIfChanged(missInterval: .zero))
        try fixture.write("new 4096 0 - Live 0xffffffffc0300000\n", "modules")
        #expect(try kernel.reloadIfChanged())
        #expect(kernel.lookup(0xffffffffc0301000) == nil)
        try fixture.write("", "modules")
        try fixture.write("", "kallsyms")
        #expect(throws: KernelSymbolsError.self) { try kernel.reloadIfChanged() }
        #expect(kernel.lookup(0xffffffffc0300000)?.name == "new", "earlier symbols stay")
    }

    /// On the running kernel: each line of code in `/proc/kallsyms` resolves to a name of its address.
    @Test func runningKernel() throws {
        let text = try run("/bin/cat", ["/proc/kallsyms"])
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"))
        if !lines.prefix(1000).contains(where: { !$0.starts(with: "0000000000000000".utf8) }) {
            #expect(throws: KernelSymbolsError(kind: .addressesHidden, path: "/proc/kallsyms")) { try KernelSymbols() }
            return
        }
        let symbols = try KernelSymbols()
        let range = try #require(symbols.textRange)
        var names: [UInt64: [String]] = [:]
        for line in lines {
            let columns = line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
            guard columns.count == 3, let type = columns[1].first, "tTwW".utf8.contains(type),
                let address = UInt64(Substring(columns[0]), radix: 16), range.contains(address)
            else { continue }
            // One address of eight is enough, with all of its names.
            if address >> 4 & 7 == 0 { names[address, default: []].append(String(Substring(columns[2]))) }
        }
        #expect(names.count > 2_000)
        var wrong = 0
        for (address, expected) in names {
            guard let found = symbols.lookup(address), found.start == address, expected.contains(found.name) else {
                wrong += 1
                continue
            }
        }
        // The markers are not names: at most the first address can differ.
        #expect(wrong <= 1)
    }
}
