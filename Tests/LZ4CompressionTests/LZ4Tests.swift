import LiveSupport
import TestRandomness
import Testing

@testable import LZ4Compression

/// Against Python's package cramjam.
struct LZ4Tests {
    /// Nothing, less than a copy needs, what repeats, what does not, both by turns, and more than a block of it.
    static let inputs: [[UInt8]] = {
        var random = SplitMix64(seed: 7)
        let noise = (0..<70_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let text = Array(String(repeating: "the same again, ", count: 10_000).utf8)
        let mixed = (0..<40).flatMap { noise[($0 * 1000)..<($0 * 1000 + 300)] + text.prefix(700) }
        return [
            [], [7], Array("abcabcabcab".utf8), Array("abcdefghijklmnopqr".utf8), text, noise, mixed,
            [UInt8](repeating: 0, count: 200_000), Array(noise.prefix(60)), Array(noise.prefix(61)),
            Array(noise.prefix(257)),
        ]
    }()

    @Test(arguments: inputs.indices)
    func readsBack(index: Int) throws {
        let input = Self.inputs[index]
        let frame = LZ4.compress(input)
        #expect(try LZ4.decompress(frame, limitBytes: input.count) == input)
        // Several frames are one content; what is to be passed over is none.
        let skippable: [UInt8] = [0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]
        #expect(try LZ4.decompress(frame + skippable + frame, limitBytes: 1 << 20) == input + input)
        #expect(throws: LZ4Error.truncated) { try LZ4.decompress(frame.dropLast() + [], limitBytes: 1 << 20) }
        guard !input.isEmpty else { return }
        #expect(throws: LZ4Error.tooLarge(limitBytes: input.count - 1)) {
            try LZ4.decompress(frame, limitBytes: input.count - 1)
        }
    }

    @Test(.enabled(if: try PythonCodec.isAvailable()), arguments: inputs.indices)
    func interoperates(index: Int) async throws {
        let (input, python) = (Self.inputs[index], PythonCodec("lz4"))
        #expect(try await python.run(.decompress, LZ4.compress(input)) == input)
        #expect(try LZ4.decompress(try await python.run(.compress, input), limitBytes: 1 << 20) == input)
    }

    @Test func compresses() {
        #expect(LZ4.compress(Self.inputs[4]).count < Self.inputs[4].count / 50)
        #expect(LZ4.compress(Self.inputs[5]).count < Self.inputs[5].count + 64)
    }

    @Test(arguments: [4, 5, 6, 12, 30])
    func refusesBrokenFrames(position: Int) {
        var frame = LZ4.compress(Array("hello hello hello hello hello, and once more hello".utf8))
        frame[position] ^= 1
        #expect(throws: LZ4Error.self) { try LZ4.decompress(frame, limitBytes: 1 << 20) }
    }

    @Test(arguments: [[], [4, 0x22, 0x4d], Array("no frame at all".utf8), [0x50, 0x2a, 0x4d, 0x18, 255, 255, 255, 255]])
    func refusesOtherBytes(bytes: [UInt8]) {
        #expect(throws: LZ4Error.self) { try LZ4.decompress(bytes, limitBytes: 1 << 20) }
    }

    /// From the specification's own implementation.
    @Test func hashes() {
        #expect(XXHash32.hash([]) == 0x02cc_5d05)
        #expect(XXHash32.hash(Array("abc".utf8)[...]) == 0x32d1_53ff)
        #expect(XXHash32.hash(Array("Nobody inspects the spammish repetition".utf8)[...]) == 0xe229_3b2f)
    }
}
