import ObjectFiles
import Symbolization

@testable import Unwinding

enum GoFunctionsTargets {
    static let all = [
        FuzzTarget("go-functions") { bytes in
            // The table by itself in a file, and as a file.
            for image in [ELFImage.build([(".gopclntab", bytes)]), bytes] {
                guard let file = try? ELFFile(MemorySource(image)), let table = GoFunctionTable(file) else { continue }
                for address in [0, 0x1000, 0x1040, 0x40_1000, 0x45_0000, 0x48_0000, .max] as [UInt64] {
                    for step in 0..<8 as Range<UInt64> { _ = table.lookup(address &+ step &* 97) }
                }
            }
        },
        // Rules of unwinding by the same table; a file as it is, or one that has the table.
        FuzzTarget("go-frames", seeds: { Corpus.files(of: "go-functions") }) { bytes in
            for isARM64 in [false, true] {
                let image = ELFImage.build([(".gopclntab", bytes)], isARM64: isARM64)
                guard let file = try? ELFFile(MemorySource(image)) else { continue }
                _ = try? UnwindTable.load(from: file, into: RuleSet())
            }
        },
        FuzzTarget("go-code", seeds: { code }) { bytes in
            _ = X86GoCode.goroutine(bytes)
            _ = X86GoCode.current(bytes)
            _ = X86GoCode.changesStacks(bytes)
            _ = X86GoCode.kept(bytes)
            for rows: [(distance: UInt64, depth: Int32)] in [[], [(0, 0), (4, 8)], [(0, .min), (1, .max)]] {
                _ = X86GoCode.framePointerPlace(bytes, rows)
                _ = X86GoCode.framePointer(bytes, rows)
            }
            _ = ARM64GoCode.goroutine(bytes)
            _ = ARM64GoCode.current(bytes)
            _ = ARM64GoCode.changesStacks(bytes)
        },
    ]

    /// mov %fs:-8, %rax; cmp 0xc0(%rbx), %rax; mov 56(%rdx), %rsp; mov %rdi, 8(%rsp); mov %rbp, 16(%rsp); and for arm64
    /// mrs x0, tpidr_el0; movz x27, #16; ldr x6, [x4, #192]; mov sp, x1.
    private static let code: [[UInt8]] = [
        [0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff, 0x48, 0x3b, 0x83, 0xc0, 0, 0, 0, 0x48, 0x8b, 0x62, 56]
            + [0x48, 0x89, 0x7c, 0x24, 8, 0x48, 0x89, 0x3c, 0x24, 0x48, 0x89, 0x6c, 0x24, 16, 0x48, 0x8d, 0x6c, 0x24, 16],
        [0x40, 0xd0, 0x3b, 0xd5, 0x1b, 2, 0x80, 0xd2, 0x86, 0x60, 0x40, 0xf9, 0x3f, 0, 0, 0x91],
    ]
}
