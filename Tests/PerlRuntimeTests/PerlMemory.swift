import CBPFInterface
import Processes

@testable import PerlRuntime

/// Memory as Perl lays it out, made up.
struct PerlMemory {
    private(set) var memory = RecordedMemory()

    mutating func add(_ words: [UInt64], at address: UInt64) { memory.add(PerlMemory.bytes(words), at: address) }
    mutating func add(bytes: [UInt8], at address: UInt64) { memory.add(bytes, at: address) }

    /// hash, length, bytes, zero byte, flags.
    mutating func addName(_ bytes: [UInt8], isUTF8: Bool = false, hash: UInt32 = 0x1234_5678, at address: UInt64) {
        let head = PerlMemory.bytes([UInt64(bytes.count) << 32 | UInt64(hash)])
        memory.add(head + bytes + [0, isUTF8 ? 1 : 0], at: address)
    }

    /// A stack info with its contexts right behind it, each of a kind and at a statement, which is added as well.
    ///
    /// - Parameter contexts: innermost last.
    mutating func addStack(
        at address: UInt64, previous: UInt64, type: Int32, contexts: [(kind: UInt8, cop: UInt64)], layout: PerlLayout
    ) {
        let array = address + 64
        var info = [UInt8](repeating: 0, count: 64)
        info.replaceSubrange(8..<24, with: PerlMemory.bytes([array, previous]))
        for (offset, value) in [(32, Int32(contexts.count - 1)), (layout.stackInfoType, type)] {
            let bytes = PerlMemory.bytes([UInt64(UInt32(bitPattern: value))])
            info.replaceSubrange(offset..<(offset + 4), with: bytes[..<4])
        }
        for (kind, cop) in contexts {
            var context = [UInt8](repeating: 0, count: layout.contextBytes)
            context[0] = kind
            context.replaceSubrange(16..<24, with: PerlMemory.bytes([cop]))
            info += context
        }
        memory.add(info, at: address)
    }

    static func bytes(_ words: [UInt64]) -> [UInt8] {
        words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
    }

    static func layout(_ version: UInt8) -> PerlLayout {
        guard let layout = PerlLayout(PerlVersion(revision: 5, version: version, subversion: 0)) else {
            preconditionFailure("5.\(version) is not known")
        }
        return layout
    }
}
