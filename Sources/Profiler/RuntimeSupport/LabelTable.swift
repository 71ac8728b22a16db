import ObjectFiles

/// An interpreter's loop that jumps from one instruction's code to the next one's by a table of addresses (labels as
/// values) is found by that table, in stripped files too: nothing else has as many addresses within one function.
public enum LabelTable {
    /// ELF addresses of the function that has the longest table, if that has at least `minimum` entries.
    public static func function(in file: ELFFile, atLeast minimum: Int) -> Range<UInt64>? {
        guard let starts = FunctionStarts(file) else { return nil }
        var longest = Longest(starts: starts)
        for (address, value) in relativeRelocations(file) { longest.take(value, at: address) }
        if longest.count < minimum {
            // Addresses that need no relocation, or whose relocations are packed, stand in the file itself.
            for segment in file.segments where segment.type == ELFSegment.load && !segment.isExecutable {
                guard let bytes = try? file.contents(of: segment, limitBytes: segmentLimitBytes) else { continue }
                bytes.withUnsafeBytes { bytes in
                    for offset in stride(from: 0, to: bytes.count - 7, by: 8) {
                        let value = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                        longest.take(value, at: segment.address &+ UInt64(offset))
                    }
                }
            }
        }
        return longest.count >= minimum ? longest.function : nil
    }

    private static let segmentLimitBytes = 16 << 20
    private static let relocationsLimitBytes = 32 << 20

    /// The longest run of words, one right behind the other, that lead into one function.
    private struct Longest {
        let starts: FunctionStarts
        var function: Range<UInt64>?
        var count = 0
        private var present: Range<UInt64>?
        private var presentCount = 0
        private var next: UInt64 = 0

        init(starts: FunctionStarts) { self.starts = starts }

        mutating func take(_ value: UInt64, at address: UInt64) {
            if address == next, let present, present.contains(value) {
                presentCount += 1
            } else {
                present = starts.function(at: value)
                presentCount = present == nil ? 0 : 1
            }
            next = address &+ 8
            if presentCount > count { (function, count) = (present, presentCount) }
        }
    }

    /// Where the loader writes an address of the file itself, and which, by address. R_X86_64_RELATIVE: System V psABI,
    /// table 4.10; R_AARCH64_RELATIVE: ELF for the Arm 64-bit Architecture, "Dynamic relocations".
    private static func relativeRelocations(_ file: ELFFile) -> [(address: UInt64, value: UInt64)] {
        let relative: UInt64 =
            switch file.machine {
            case .x86_64: 8
            case .aarch64: 1027
            }
        guard let section = file.section(".rela.dyn"),
            let bytes = try? file.contents(of: section, limitBytes: relocationsLimitBytes)
        else { return [] }
        var found: [(address: UInt64, value: UInt64)] = []
        bytes.withUnsafeBytes { bytes in
            func word(_ offset: Int) -> UInt64 {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            for offset in stride(from: 0, to: bytes.count - 23, by: 24) where word(offset + 8) == relative {
                found.append((word(offset), word(offset + 16)))
            }
        }
        return found.sorted { $0.address < $1.address }
    }
}
