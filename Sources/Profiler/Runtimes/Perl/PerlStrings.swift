import CBPFInterface
import Processes

/// Reads names, and tells them apart as `BPF/runtimes/perl.bpf.c` does.
struct PerlStrings<Memory: MemoryReader> {
    let memory: Memory
    let layout: PerlLayout

    /// More than any name has, in bytes.
    static var nameLimit: Int { 1024 }
    static var fileNameLimit: Int { 4096 }

    /// The text of a HEK (hv.h): hash, length, bytes, a zero byte, flags. Bytes are UTF-8 where the flags say so, else
    /// Latin-1.
    ///
    /// - Returns: with the checksum of its hash and length; nil when it cannot be read.
    func name(at address: UInt64) -> (text: String, checksum: UInt64)? {
        guard let head = try? memory.read(at: address, as: UInt64.self) else { return nil }
        let length = Int(Int32(truncatingIfNeeded: Int64(bitPattern: head) >> 32))
        guard length >= 0, length <= PerlStrings.nameLimit,
            let bytes = try? memory.readBytes(at: address &+ 8, count: length + 2)
        else { return nil }
        let isUTF8 = bytes[length + 1] & 1 != 0
        return (PerlStrings.text(bytes.prefix(length), isUTF8: isUTF8), PerlStrings.folded(head))
    }

    /// The name of a package, by its stash (HV).
    func package(at stash: UInt64) -> String? {
        // sv_any; its type in the lowest byte of the flags; the array of entries.
        guard let body = try? memory.read(at: stash, as: UInt64.self), body != 0,
            let flags = try? memory.read(at: stash &+ 12, as: UInt32.self), flags & 0xff == 12
        else { return nil }
        var auxiliary = body &+ UInt64(layout.bodyAuxiliary)
        if !layout.auxiliaryIsInBody {
            guard let array = try? memory.read(at: stash &+ 16, as: UInt64.self), array != 0,
                let last = try? memory.read(at: body &+ UInt64(layout.bodyMaximum), as: UInt64.self), last < 1 << 32
            else { return nil }
            auxiliary = array &+ (last + 1) * 8
        }
        guard var name = try? memory.read(at: auxiliary, as: UInt64.self),
            let count = try? memory.read(at: auxiliary &+ UInt64(layout.auxiliaryNameCount), as: Int32.self)
        else { return nil }
        // With a count it leads to an array, whose first is the name (HvNAME_HEK_NN, hv.h).
        if count != 0 { name = (try? memory.read(at: name, as: UInt64.self)) ?? 0 }
        return name == 0 ? nil : self.name(at: name)?.text
    }

    /// A file's name, with the checksum of its first bytes; nil when it cannot be read.
    func fileName(at address: UInt64) -> (text: String, checksum: UInt64)? {
        guard let bytes = try? memory.readCString(at: address, limit: PerlStrings.fileNameLimit) else { return nil }
        return (String(decoding: bytes, as: UTF8.self), PerlStrings.checksum(of: bytes, at: address))
    }

    /// Of as many bytes as the kernel side looks at: it does not read across a page's end.
    static func checksum(of bytes: [UInt8], at address: UInt64) -> UInt64 {
        let count = min(Int(PERL_TEXT_BYTES), 4096 - Int(address & 4095))
        var sum: UInt64 = 0
        for word in 0..<(Int(PERL_TEXT_BYTES) / 8) {
            let part = bytes.prefix(count).dropFirst(word * 8).prefix(8)
            sum = sum &* 31 &+ part.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        return folded(sum)
    }

    static var checksumMask: UInt64 { 1 << UInt64(PERL_CHECKSUM_BITS) - 1 }

    static func folded(_ sum: UInt64) -> UInt64 {
        var sum = sum
        sum ^= sum >> 40
        sum ^= sum >> 20
        return sum & checksumMask | 1
    }

    private static func text(_ bytes: ArraySlice<UInt8>, isUTF8: Bool) -> String {
        if isUTF8 || bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        // Latin-1: code points below 256.
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}

extension PerlStrings: Sendable where Memory: Sendable {}
