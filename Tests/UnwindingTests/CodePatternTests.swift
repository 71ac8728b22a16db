import Glibc
import ObjectFiles
import Testing

@testable import Unwinding

struct CodePatternTests {
    /// As disassembled from the C libraries' start files.
    @Test func entryStubsOfX86AreRecognised() {
        let glibc: [UInt8] = [
            0x31, 0xed, 0x49, 0x89, 0xd1, 0x5e, 0x48, 0x89, 0xe2, 0x48, 0x83, 0xe4, 0xf0, 0x50, 0x54, 0x45, 0x31, 0xc0,
            0x31, 0xc9, 0x48, 0x8d, 0x3d, 1, 2, 3, 4, 0xff, 0x15, 1, 2, 3, 4, 0xf4,
        ]
        #expect(EntryStub.x86Length(glibc) == 33)
        #expect(EntryStub.x86Length([0xf3, 0x0f, 0x1e, 0xfa] + glibc) == 37)
        let musl: [UInt8] = [
            0x48, 0x31, 0xed, 0x48, 0x89, 0xe7, 0x48, 0x8d, 0x35, 1, 2, 3, 4, 0x48, 0x83, 0xe4, 0xf0, 0xe8, 1, 2, 3, 4,
        ]
        #expect(EntryStub.x86Length(musl) == 22)
        for count in musl.indices { #expect(EntryStub.x86Length(Array(musl.prefix(count))) == nil) }
        // ld.so, which does not clear the frame pointer, and an ordinary function.
        #expect(EntryStub.x86Length([0x48, 0x89, 0xe7, 0xe8, 1, 2, 3, 4]) == 8)
        #expect(EntryStub.x86Length([0x55, 0x48, 0x89, 0xe5, 0xe8, 1, 2, 3, 4]) == nil)
        #expect(EntryStub.x86Length([0x5e, 0xe8, 1, 2, 3, 4]) == nil)
    }

    @Test func entryStubsOfARM64AreRecognised() {
        func bytes(_ words: [UInt32]) -> [UInt8] {
            words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        }
        // mov x29, #0; mov x30, #0; mov x0, sp; b
        #expect(EntryStub.arm64Length(bytes([0xd280_001d, 0xd280_001e, 0x9100_03e0, 0x1400_0010])) == 16)
        // bti c first; bl; bl
        #expect(
            EntryStub.arm64Length(bytes([0xd503_245f, 0xd280_001d, 0xd280_001e, 0x9400_0001, 0x9400_0002, 0])) == 20)
        #expect(EntryStub.arm64Length(bytes([0xd280_001d, 0x9100_03e0, 0x9400_0001])) == nil)
        #expect(EntryStub.arm64Length([1, 2, 3]) == nil)
    }

    /// Without its section headers a file gives the same table, but for the procedure linkage table's filler.
    @Test(arguments: ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"])
    func sectionHeadersAreNotNeeded(path: String) throws {
        let source = try FileReader(path: path)
        var bytes = try source.read(at: 0, count: Int(source.size))
        let rules = RuleSet()
        let whole = try UnwindTable.load(from: ELFFile(MemorySource(bytes)), into: rules)
        // e_shoff, e_shnum, e_shstrndx
        for index in [40, 41, 42, 43, 44, 45, 46, 47, 60, 61, 62, 63] { bytes[index] = 0 }
        let stripped = try ELFFile(MemorySource(bytes))
        try #require(stripped.sections.isEmpty)
        let table = try UnwindTable.load(from: stripped, into: rules)
        #expect(table == whole)
    }

    /// The kernel's own shared object, as it is in this process.
    @Test func theVDSOHasATable() throws {
        let pipe = try #require(fopen("/proc/self/maps", "r"))
        defer { fclose(pipe) }
        var bytes: [UInt8] = []
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), pipe) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.contains("[vdso]") else { continue }
            let range = text.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            let start = try #require(UnsafeRawPointer(bitPattern: range[0]))
            bytes = [UInt8](UnsafeRawBufferPointer(start: start, count: Int(range[1] - range[0])))
        }
        try #require(!bytes.isEmpty)
        let table = try UnwindTable.load(from: ELFFile(MemorySource(bytes)), into: RuleSet())
        #expect(table.statistics.callFrames.functions > 3)
        #expect(!table.statistics.callFrames.isTruncated)
        #expect(table.rows.count > 10)
    }
}
