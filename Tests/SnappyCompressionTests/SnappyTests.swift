import LiveSupport
import TestRandomness
import Testing

@testable import SnappyCompression

/// Against Python's package cramjam.
struct SnappyTests {
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
        let (block, frames) = (Snappy.compress(input), SnappyFrames.compress(input))
        #expect(try Snappy.decompress(block, limitBytes: input.count) == input)
        #expect(try SnappyFrames.decompress(frames, limitBytes: input.count) == input)
        guard !input.isEmpty else { return }
        let error = SnappyError.tooLarge(limitBytes: input.count - 1)
        #expect(throws: error) { try Snappy.decompress(block, limitBytes: input.count - 1) }
        #expect(throws: error) { try SnappyFrames.decompress(frames, limitBytes: input.count - 1) }
        #expect(throws: SnappyError.truncated) { try Snappy.decompress(block.dropLast() + [], limitBytes: 1 << 20) }
        #expect(throws: SnappyError.truncated) {
            try SnappyFrames.decompress(frames.dropLast() + [], limitBytes: 1 << 20)
        }
    }

    @Test(.enabled(if: try PythonCodec.isAvailable()), arguments: inputs.indices)
    func interoperates(index: Int) async throws {
        let input = Self.inputs[index]
        let (block, frames) = (PythonCodec("snappy"), PythonCodec("x-snappy-framed"))
        #expect(try await block.run(.decompress, Snappy.compress(input)) == input)
        #expect(try await frames.run(.decompress, SnappyFrames.compress(input)) == input)
        #expect(try Snappy.decompress(try await block.run(.compress, input), limitBytes: 1 << 20) == input)
        #expect(try SnappyFrames.decompress(try await frames.run(.compress, input), limitBytes: 1 << 20) == input)
    }

    @Test func compresses() {
        #expect(Snappy.compress(Self.inputs[4]).count < Self.inputs[4].count / 15)
        #expect(SnappyFrames.compress(Self.inputs[5]).count < Self.inputs[5].count + 64)
    }

    @Test(arguments: [
        [], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 1], [4, 0x01, 0], [4, 0x01, 9], [8, 0x00, 65, 0x02, 2, 0],
        [1, 0x04, 65, 65], [2, 0x00, 65, 0x01, 1], [5, 0xf0], [5, 0xfc, 0xff, 0xff, 0xff, 0xff],
        [1, 0x03, 1, 0, 0], [4],
    ] as [[UInt8]])
    func refusesBrokenBlocks(bytes: [UInt8]) {
        #expect(throws: SnappyError.self) { try Snappy.decompress(bytes, limitBytes: 1 << 20) }
    }

    /// A length of gigabytes is refused before anything is made.
    @Test func claimsAreNotBelieved() {
        #expect(throws: SnappyError.tooLarge(limitBytes: 100)) {
            try Snappy.decompress([0xff, 0xff, 0xff, 0xff, 0x0f], limitBytes: 100)
        }
    }

    @Test func refusesBrokenFrames() {
        let good = SnappyFrames.compress(Array("hello hello hello".utf8))
        var (wrongSum, wrongKind, wrongName) = (good, good, good)
        wrongSum[14] ^= 1
        wrongKind[10] = 2
        wrongName[5] ^= 1
        for bytes in [wrongSum, wrongKind, wrongName, Array(good.dropFirst(10)), [0xff, 6, 0]] {
            #expect(throws: SnappyError.self) { try SnappyFrames.decompress(bytes, limitBytes: 1 << 20) }
        }
        // Padding and repeated identifiers are no data.
        let padded = good + [0xfe, 2, 0, 0, 9, 9] + good
        #expect((try? SnappyFrames.decompress(padded, limitBytes: 1 << 20))?.count == 34)
    }

    /// RFC 3720, section B.4, and the usual check value.
    @Test func checksums() {
        #expect(CRC32C.sum(Array("123456789".utf8)) == 0xe306_9283)
        #expect(CRC32C.sum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    }
}
