import CBPFInterface
import Processes

@testable import PerlRuntime

/// Perl's names, packages and stacks, as its processes have them in their memory.
enum PerlTargets {
    static let all = [
        // A name (HEK) at the input's beginning, a package (HV) at 256, a file's name at 512.
        FuzzTarget("perl-names", seeds: { [names] }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let perl = AttachedPerl(memory: memory, layout: layout, places: places)
                for file in [base + 512, 0] as [UInt64] {
                    // Without checksums: the kernel side could not read them.
                    _ = perl.functions(of: [base, base + 256, file, line])
                    _ = perl.functions(of: [base + 8, 0, file, line])
                }
            }
        },
        // A stack info at the input's beginning, a statement at 1024.
        FuzzTarget("perl-stacks", seeds: { [stacks] }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let interpreter = PerlInterpreter(memory: memory, layout: layout)
                try? interpreter.check(stackInfo: base, currentCop: base + 1024)
                _ = interpreter.topEnvironmentOffset(of: base)
            }
        },
    ]

    private static let base: UInt64 = 0x10000
    private static let line: UInt64 = 7 << (2 * UInt64(PERL_CHECKSUM_BITS))
    private static let places = AttachedPerl<RecordedMemory>.Places(
        interpreter: [], op: 0, currentCop: 0, stackInfo: 0, topEnvironment: 0)
    private static let layouts: [PerlLayout] = [28, 32, 34, 36, 42].compactMap {
        PerlLayout(PerlVersion(revision: 5, version: $0, subversion: 0))
    }

    private static func recorded(_ bytes: [UInt8]) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(bytes, at: base)
        return memory
    }

    private static func filled(_ count: Int, _ words: [Int: UInt64]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        for (position, value) in words {
            for index in 0..<8 { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        return bytes
    }

    /// A name of six bytes; a hash whose body, at 320, leads to that name; a file's name.
    private static let names: [UInt8] = {
        let text: UInt64 = 0x6666_6574_6168
        return filled(
            1024,
            [
                0: 6 << 32 | 0x1234, 8: text, 256: base + 320, 264: 12 << 32 | 1, 272: base + 384, 320 + 24: 7,
                320 + 32: base, 320 + 40: base, 384 + 64: base, 512: text,
            ])
    }()

    /// One context, of a subroutine, at the statement.
    private static let stacks = filled(
        2048, [8: base + 64, 16: 0, 24: 1 << 32, 32: 0, 40: 1, 64: 9, 80: base + 1024, 1024: base + 1024, 1060: 7])
}
