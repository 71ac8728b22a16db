import Testing

@testable import V8Runtime

@Suite struct V8PositionsTests {
    /// Node 20.18's table of `function leaf(n) {…}`, optimised by TurboFan, from its memory.
    private static let optimised: [UInt8] = [
        0x00, 0x00, 0x00, 0x00, 0x1e, 0x00, 0x00, 0x00, 0x03, 0x70, 0x4f, 0xa8, 0x02, 0x2b, 0xd3, 0x01, 0x8f, 0x01, 0x48,
        0x17, 0x78, 0x09, 0x0f, 0x13, 0x43, 0x07, 0x68, 0x07, 0xd3, 0x01, 0x17, 0xb8, 0x02, 0x43, 0x8b, 0x03, 0x5d, 0x54,
    ]

    @Test func positionsOfOptimisedCode() throws {
        let table = Array(Self.optimised.dropFirst(8))
        // Zig-zag: 3 is -2, so the code's offset grows by 1 from -1 on, where no statement begins; 0x70 is 56.
        #expect(V8Positions.position(in: table, at: 0)?.offset == 27)
        #expect(V8Positions.position(in: table, at: 38)?.offset == 27)
        // 0x4f is -40: 39 bytes on; 0xa8 0x02 is 148.
        #expect(V8Positions.position(in: table, at: 39)?.offset == 101)
        #expect(V8Positions.position(in: [], at: 5) == nil)
    }

    /// Node 26.7's table of `deep` in recursion.js, from its memory: the bytes of its bytecode that begin statements and
    /// calls, and where these are in the file.
    @Test func positionsWithFlags() {
        let table: [UInt8] = [
            0x02, 0x9c, 0x04, 0x07, 0x2c, 0x06, 0x18, 0x1b, 0x1c, 0x0e, 0x1c, 0x13, 0x20, 0x07, 0x0c, 0x16, 0x38, 0x12, 0x1b,
            0x16, 0x3c, 0x0f, 0x10,
        ]
        // The function, `if`, `return leaf(n)`, the call in it, the second `return`, the call in that.
        for (code, position) in [(-1, 134), (0, 145), (7, 158), (10, 165), (14, 173), (15, 176), (24, 183), (32, 202)] {
            #expect(V8Positions.position(in: table, at: code, hasFlags: true)?.offset == position)
        }
    }

    @Test func inlinedPositionsNameTheirCall() {
        let position = V8Positions.Position(3 << 31 | (41 + 1) << 1)
        #expect(position.offset == 41)
        #expect(position.inlining == 2)
        #expect(V8Positions.Position(1).offset == nil)
        #expect(V8Positions.Position(0).inlining == nil)
    }

    @Test func baselineCodeLeadsToItsBytecode() throws {
        // Four prefixes; a bytecode of one operand, one of two.
        let sizes = try #require(
            V8BytecodeSizes([1, 1, 1, 1, 2, 3] + [1, 1, 1, 1, 3, 5] + [1, 1, 1, 1, 5, 9]))
        let bytecode: [UInt8] = [4, 0, 5, 0, 0, 0, 4, 0, 0, 4, 0]
        #expect(sizes.size(at: 0, in: bytecode) == 2)
        #expect(sizes.size(at: 5, in: bytecode) == 4)  // Wide
        #expect(sizes.size(at: 11, in: bytecode) == nil)
        // A prologue of 10 bytes, then code of 20, 200, 7 and 1.
        let table: [UInt8] = [10, 20, 0xc8, 0x01, 7, 1]
        let wanted: [(Int, Int?)] = [(0, 0), (9, 0), (10, 0), (29, 0), (30, 2), (229, 2), (230, 5), (237, 9), (238, nil)]
        for (code, offset) in wanted {
            #expect(V8Positions.bytecodeOffset(in: table, at: code, bytecode: bytecode, sizes: sizes) == offset)
        }
    }

    @Test func anyBytesAreRead() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let table = (0..<Int.random(in: 0...40, using: &generator)).map { _ in UInt8.random(in: 0...255) }
            _ = V8Positions.position(in: table, at: Int.random(in: 0...4000))
            if let sizes = V8BytecodeSizes([1, 1, 1, 1, 2, 3] + [1, 1, 1, 1, 3, 5] + [1, 1, 1, 1, 5, 9]) {
                _ = V8Positions.bytecodeOffset(in: table, at: .random(in: 0...4000), bytecode: table, sizes: sizes)
            }
        }
    }
}
