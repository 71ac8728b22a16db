import CBPFInterface
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

    /// As disassembled from shared libraries of Debian, and from musl's start files.
    @Test func framesOfInitAreRecognised() {
        let glibc: [UInt8] = [
            0x48, 0x83, 0xec, 0x08, 0x48, 0x8b, 0x05, 0x85, 0x3f, 0x02, 0x00, 0x48, 0x85, 0xc0, 0x74, 0x02, 0xff, 0xd0,
            0x48, 0x83, 0xc4, 0x08, 0xc3,
        ]
        #expect(StartFiles.frame(glibc, .x86_64) == 4..<22)
        #expect(StartFiles.frame([0xf3, 0x0f, 0x1e, 0xfa] + glibc, .x86_64) == 8..<26)
        #expect(StartFiles.frame([0x50, 0x58, 0xc3], .x86_64) == 1..<2)
        for count in 0..<20 { #expect(StartFiles.frame(Array(glibc.prefix(count)), .x86_64) == nil) }
        #expect(StartFiles.frame([0x55] + glibc, .x86_64) == nil)
        // nop; stp x29, x30, [sp, #-16]!; mov x29, sp; bl; ldp x29, x30, [sp], #16; ret
        let arm64: [UInt8] = [
            0x1f, 0x20, 0x03, 0xd5, 0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0, 0, 0, 0x94,
            0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6,
        ]
        #expect(StartFiles.frame(arm64, .arm64) == 8..<20)
        #expect(StartFiles.frame(Array(arm64.dropFirst(4)), .arm64) == 4..<16)
        for count in 0..<20 { #expect(StartFiles.frame(Array(arm64.prefix(count)), .arm64) == nil) }
    }

    @Test(.enabled(if: access("/lib/x86_64-linux-gnu/libselinux.so.1", R_OK) == 0))
    func initHasRules() throws {
        let file = try ELFFile(FileReader(path: "/lib/x86_64-linux-gnu/libselinux.so.1"))
        let rules = RuleSet()
        let table = try UnwindTable.load(from: file, into: rules)
        let start = try #require(file.section(".init")).address
        let offsets = [0, 3, 4, 21, 22].map { (distance: UInt64) in
            table.rule(at: start + distance).flatMap { rules.rule($0) }?.cfa_offset
        }
        #expect(offsets == [8, 8, 16, 16, 8])
    }

    /// Where a coroutine's function returns to, in the C libraries that are installed.
    @Test(arguments: ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/aarch64-linux-gnu/lib/libc.so.6"])
    func coroutinesEnd(path: String) throws {
        guard access(path, R_OK) == 0 else { return }
        let file = try ELFFile(FileReader(path: path))
        let rules = RuleSet()
        let table = try UnwindTable.load(from: file, into: rules)
        // mov rsp, rbx; mov rdi, [rsp]; test rdi, rdi; je. On arm64 mov x0, x19; cbnz x0, backwards.
        let isARM64 = file.machine == .aarch64
        let code: [UInt8] =
            isARM64
            ? [0xe0, 0x03, 0x13, 0xaa] : [0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c, 0x24, 0x48, 0x85, 0xff, 0x74]
        let text = try #require(file.section(".text"))
        let bytes = try file.read(atAddress: text.address, count: Int(text.size))
        var places: [UInt64] = []
        for index in stride(from: 0, to: bytes.count - 12, by: isARM64 ? 4 : 1) where bytes[index] == code[0] {
            guard bytes[index..<(index + code.count)].elementsEqual(code) else { continue }
            if isARM64, bytes[index + 7] != 0xb5 || bytes[index + 4] & 0x1f != 0 || bytes[index + 11] & 0xfc != 0x14 {
                continue
            }
            // After a nop.
            places.append(text.address + UInt64(isARM64 ? index - 4 : index))
        }
        #expect(!places.isEmpty)
        let isRoot = places.contains { place in
            [place - 1, place, place + 8].allSatisfy { table.rule(at: $0) == UInt16(UNWIND_RULE_END_OF_STACK) }
        }
        #expect(isRoot)
    }

    /// The dynamic loader's code that binds functions: what it calls has saved rbx.
    @Test(.enabled(if: access("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", R_OK) == 0))
    func framesByRBXAreFoundOnceTheyHaveCalled() throws {
        let file = try ELFFile(FileReader(path: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"))
        let rules = RuleSet()
        let table = try UnwindTable.load(from: file, into: rules)
        let text = try #require(file.section(".text"))
        let bytes = try file.read(atAddress: text.address, count: Int(text.size))
        // mov rsi, [rbx + 16]; mov rdi, [rbx + 8]; call
        let code: [UInt8] = [0x48, 0x8b, 0x73, 0x10, 0x48, 0x8b, 0x7b, 0x08, 0xe8]
        let calls = bytes.indices.dropLast(16).filter { bytes[$0] == 0x48 && bytes[$0..<($0 + 9)].elementsEqual(code) }
            .map { text.address + UInt64($0) + 8 }
        // With fxsave, xsave and xsavec.
        #expect(calls.count >= 3)
        for call in calls {
            let before = table.rule(at: call).flatMap { rules.rule($0) }
            #expect(before?.cfa_register == UInt8(X86_RBX))
            let after = try #require(table.rule(at: call + 4).flatMap { rules.rule($0) })
            #expect(UInt32(after.kind) == UNWIND_CFA_DEREFERENCED.rawValue)
            #expect(after.cfa_register == UInt8(X86_RSP))
            #expect(after.cfa_added == before?.cfa_offset)
        }
        // push r13; xor r9d, r9d; push r12; push rbp; push rbx, and without the last one.
        let prologue: [UInt8] = [0x41, 0x55, 0x45, 0x31, 0xc9, 0x41, 0x54, 0x55, 0x53]
        #expect(prologue.withUnsafeBufferPointer { RealignedFrames.savedDistance($0) } == 40)
        #expect(prologue.dropLast().withUnsafeBufferPointer { RealignedFrames.savedDistance($0) } == nil)
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
