import ObjectFiles
import Processes

/// The emulator's writable memory, as it was when this was made: where nothing is exported, variables are found by what
/// they hold.
struct BEAMVariables {
    /// More than any emulator has.
    private static let limitBytes: UInt64 = 4 << 20

    private(set) var segments: [(address: UInt64, words: [UInt64])] = []

    init(of file: ELFFile, bias: UInt64, memory: some MemoryReader) {
        for segment in file.segments where segment.type == ELFSegment.load && segment.isWritable {
            let start = (segment.address &+ bias &+ 7) & ~7
            let count = Int(min(segment.memorySize, BEAMVariables.limitBytes))
            guard count > 16, let bytes = try? memory.readBytes(at: start, count: (count - 8) & ~7) else { continue }
            add(bytes, at: start)
        }
    }

    /// Memory that was read otherwise.
    init(_ bytes: [UInt8], at address: UInt64) { add(bytes, at: address) }

    private mutating func add(_ bytes: [UInt8], at address: UInt64) {
        let words = bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count - 7, by: 8).map { offset in
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
        segments.append((address, words))
    }

    /// The first address for which `accept` says so of the `count` words there.
    func firstAddress(ofWords count: Int, where accept: (ArraySlice<UInt64>) -> Bool) -> UInt64? {
        for (address, words) in segments where words.count >= count {
            for index in 0...(words.count - count) where accept(words[index..<(index + count)]) {
                return address &+ UInt64(index) * 8
            }
        }
        return nil
    }
}

/// Whether it may be the address of something in user memory.
func isPointer(_ value: UInt64) -> Bool { value >= 0x1_0000 && value < 1 << 47 && value & 7 == 0 }
