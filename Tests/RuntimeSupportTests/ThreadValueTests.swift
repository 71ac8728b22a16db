import Processes
import Testing

@testable import RuntimeSupport

/// What is decoded, against code as C libraries and interpreters have it (disassembled with objdump).
@Suite struct ThreadValueTests {
    // glibc 2.31: cmp; ja; lea 0x31(%rdi),%eax; shl $4,%rax; mov %fs:0x10,%rdx; add; mov 8(%rax),%r8.
    private static let glibc231: [UInt8] = [
        0x83, 0xff, 0x1f, 0x77, 0x3b, 0x8d, 0x47, 0x31, 0x48, 0xc1, 0xe0, 0x04, 0x64, 0x48, 0x8b, 0x14, 0x25, 0x10, 0, 0,
        0, 0x48, 0x01, 0xd0, 0x4c, 0x8b, 0x40, 0x08, 0x4d, 0x85, 0xc0,
    ]
    // glibc 2.36 to 2.42: mov %edi,%eax; add $0x31,%rax; shl $4,%rax; add %fs:0x10,%rax; mov 8(%rax),%rdx.
    private static let glibc236: [UInt8] = [
        0x83, 0xff, 0x1f, 0x77, 0x3b, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x31, 0x48, 0xc1, 0xe0, 0x04, 0x64, 0x48, 0x03, 0x04,
        0x25, 0x10, 0, 0, 0, 0x48, 0x8b, 0x50, 0x08, 0x48, 0x85, 0xd2,
    ]
    // musl: mov %fs:0,%rax; mov 0x80(%rax),%rax; mov %edi,%edi; mov (%rax,%rdi,8),%rax; ret.
    private static let musl: [UInt8] = [
        0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8b, 0x80, 0x80, 0, 0, 0, 0x89, 0xff, 0x48, 0x8b, 0x04, 0xf8,
        0xc3,
    ]

    @Test(arguments: [glibc231, glibc236]) func glibcKeepsPairsBehindTheThread(_ code: [UInt8]) throws {
        let data = try #require(ThreadSpecificData.decodeX86(code))
        #expect(data.offsets(of: 0) == [0x318])
        #expect(data.offsets(of: 31) == [0x318 + 31 * 16])
        // struct pthread: specific_1stblock[32] at 0x310, then pointers to further blocks of 32 pairs.
        #expect(data.offsets(of: 32) == [0x510 + 8, 8])
        #expect(data.offsets(of: 65) == [0x510 + 16, 24])
        #expect(data.offsets(of: 1024) == nil)
    }

    @Test func muslKeepsAnArray() throws {
        let data = try #require(ThreadSpecificData.decodeX86(Self.musl))
        #expect(data.offsets(of: 0) == [0x80, 0])
        #expect(data.offsets(of: 5) == [0x80, 40])
    }

    @Test func otherCodeIsNotUnderstood() {
        #expect(ThreadSpecificData.decodeX86([]) == nil)
        #expect(ThreadSpecificData.decodeX86([UInt8](repeating: 0x90, count: 96)) == nil)
        #expect(ThreadSpecificData.decodeARM64([UInt8](repeating: 0, count: 95)) == nil)
    }

    // CPython 3.15: endbr64; mov %fs:0xffffffffffffffd8,%rax; ret.
    @Test func localExecutableModelHasAnOffset() {
        let code: [UInt8] = [0xf3, 0x0f, 0x1e, 0xfa, 0x64, 0x48, 0x8b, 0x04, 0x25, 0xd8, 0xff, 0xff, 0xff, 0xc3]
        let offsets = ThreadLocalVariable.offsets(
            accessor: 0x1000, code: code, machine: .x86_64, bias: 0, memory: RecordedMemory())
        #expect(offsets == [-40])
    }

    // mov 0x20(%rip),%rax; mov %fs:(%rax),%rax; ret: the offset lies in the global offset table.
    @Test func initialExecutableModelReadsTheOffset() {
        let code: [UInt8] = [0x48, 0x8b, 0x05, 0x20, 0, 0, 0, 0x64, 0x48, 0x8b, 0x00, 0xc3]
        var memory = RecordedMemory()
        memory.add([0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], at: 0x50_1027)
        let offsets = ThreadLocalVariable.offsets(
            accessor: 0x1000, code: code, machine: .x86_64, bias: 0x50_0000, memory: memory)
        #expect(offsets == [-16])
    }

    // lea 0x20(%rip),%rdi; call; mov 0x10(%rax),%rax: module and offset lie in the global offset table.
    @Test func generalDynamicModelGoesByTheThreadsVector() {
        let code: [UInt8] = [
            0x66, 0x48, 0x8d, 0x3d, 0x20, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x48, 0x8b, 0x80, 0x10, 0, 0, 0, 0xc3,
        ]
        var memory = RecordedMemory()
        memory.add([3, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0], at: 0x1028)
        let offsets = ThreadLocalVariable.offsets(
            accessor: 0x1000, code: code, machine: .x86_64, bias: 0, memory: memory)
        #expect(offsets == [8, 48, 0x50])
    }

    // mrs x0, tpidr_el0; add x0, x0, #0, lsl 12; add x0, x0, #0x28; ldr x0, [x0]; ret.
    @Test func arm64LocalExecutableModelHasAnOffset() {
        let words: [UInt32] = [0xd53b_d040, 0x9140_0000, 0x9100_a000, 0xf940_0000, 0xd65f_03c0]
        let code = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        let offsets = ThreadLocalVariable.offsets(
            accessor: 0x1000, code: code, machine: .aarch64, bias: 0, memory: RecordedMemory())
        #expect(offsets == [0x28])
    }

    // Ruby 3.1: mrs x1, tpidr_el0; stp; mov; adrp x0, 0x37f000; ldr x2, [x0, #1000]; add x0, x0, #1000; blr x2;
    // ldr x0, [x1, x0]; …
    private static let descriptorCode: [UInt8] = [
        0x41, 0xd0, 0x3b, 0xd5, 0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x00, 0x0c, 0x00, 0xb0, 0x02, 0xf4, 0x41,
        0xf9, 0x00, 0xa0, 0x0f, 0x91, 0x40, 0x00, 0x3f, 0xd6, 0x20, 0x68, 0x60, 0xf8, 0xfd, 0x7b, 0xc1, 0xa8, 0x00, 0x18,
        0x40, 0xf9, 0x00, 0x08, 0x40, 0xf9, 0xc0, 0x03, 0x5f, 0xd6,
    ]

    private static func descriptorOffsets(_ memory: RecordedMemory, isMusl: Bool = false) -> [Int64]? {
        ThreadLocalVariable.offsets(
            accessor: 0x1febf0, code: descriptorCode, machine: .aarch64, bias: 0x10_0000, memory: memory, isMusl: isMusl)
    }

    @Test func arm64DescriptorHasTheOffset() {
        var memory = RecordedMemory()
        memory.add([1, 2, 3, 4, 5, 6, 7, 0, 0x18, 0x01, 0, 0, 0, 0, 0, 0], at: 0x10_0000 + 0x37f3e8)
        #expect(Self.descriptorOffsets(memory) == [0x118])
        #expect(Self.descriptorOffsets(RecordedMemory()) == nil)
    }

    @Test func arm64DescriptorOfWhatWasLoadedLateLeadsToModuleAndOffset() {
        var memory = RecordedMemory()
        memory.add([1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0x40, 0x12, 0, 0, 0], at: 0x10_0000 + 0x37f3e8)
        memory.add([5, 0, 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0, 0], at: 0x12_4000_0000)
        #expect(Self.descriptorOffsets(memory) == [0, 80, 0x30])
        #expect(Self.descriptorOffsets(memory, isMusl: true) == [-8, 40, 0x30])
    }

    @Test func muslHasOneWordForEachModule() {
        let code: [UInt8] = [
            0x66, 0x48, 0x8d, 0x3d, 0x20, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x48, 0x8b, 0x00, 0xc3,
        ]
        var memory = RecordedMemory()
        memory.add([3, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0], at: 0x1028)
        let offsets = ThreadLocalVariable.offsets(
            accessor: 0x1000, code: code, machine: .x86_64, bias: 0, memory: memory, isMusl: true)
        #expect(offsets == [8, 24, 0x40])
    }
}
