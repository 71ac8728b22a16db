import Testing

@testable import V8Runtime

/// Of a function that Maglev compiled, from the memory of Node 24.19.
@Suite struct V8FrameTranslationTests {
    private static let translation = bytes(
        """
        0e000202013a020004260428032706270725270025280c0e170202015802000431270027012e250e0004040158020004260428032706270727\
        012525250130000203260626082701260a25260c260c27010e2a0404302812280e28143001100002032f28142e14001d0725260e0e00040401\
        58020004260428032812280e28142525250110000203260626082814260a14021e1a25260e0e2a0202018a010200042f27062707270827002e\
        28140e00020201a201020004260428032706270725252528160e170202360e1c020201030200042f260a280a30250e00020201460200042604\
        2803281025252525250e140202019601020004350e1f040401580200042f2812280e2814300148000203260626082814260a1e18261025250e\
        0004040158020004260428032812280e28142525250148000203260626082814260a1e1c1e1e25250e29020201a8010200042f281028121e1e\
        30
        """)
    private static let safepoints = bytes(
        """
        100000000e000000a3000000070000002d0009950a0000da020a990a00002a060b9d0a0000be060000000101d50600000003070108000000063f\
        45080ca10a051a91080da50a0600ba080000000300db0800000003029809000000077fd5090ea90a061f060a000000061f600a000000061fcccc
        """)
    /// What V8 itself wrote beside each: the innermost function's instruction, and where its description begins.
    private static let ways = [
        (29, 0), (44, 23), (24, 39), (8, 81), (8, 109), (69, 151), (81, 173), (81, 196), (-1, 201), (35, 217), (75, 237),
        (36, 248), (36, 284), (84, 325),
    ]

    private static func bytes(_ text: String) -> [UInt8] {
        let digits = Array(text)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
    }

    @Test func innermostInstructionsAreThoseThatV8States() throws {
        #expect(Self.translation.count == 343)
        for (offset, start) in Self.ways {
            let frames = try #require(V8FrameTranslation.frames(in: Self.translation, at: start), "at \(start)")
            #expect(frames.first?.bytecodeOffset == offset, "at \(start)")
            // Both have one outermost function, the second of those that the code refers to.
            #expect(frames.last?.function == 1)
            #expect(frames.last?.bytecode == 0)
        }
    }

    @Test func inlinedFunctionsComeFirst() throws {
        // Written in full, by reference to an earlier description in part, and both.
        for start in [39, 81, 109, 248, 284] {
            let frames = try #require(V8FrameTranslation.frames(in: Self.translation, at: start))
            #expect(frames.map(\.function) == [0, 1])
            #expect(frames.map(\.bytecode) == [1, 0])
            #expect(frames[1].bytecodeOffset == 44)
        }
    }

    @Test func returnsLeadToTheirDescriptions() throws {
        let table = try #require(V8SafepointTable(Self.safepoints, codeBytes: 2732))
        #expect(table.returns.map(\.offset) == [0x2d, 0x2da, 0x62a, 0x845, 0x891, 0x9d5])
        // The calls of the code, behind its eight checks.
        #expect(table.returns.map(\.number) == [8, 9, 10, 11, 12, 13])
        #expect(V8SafepointTable(Self.safepoints, codeBytes: 100) == nil)
        #expect(V8SafepointTable(Array(Self.safepoints.prefix(20)), codeBytes: 2732) == nil)
    }

    @Test func checksLeadToTheirExits() {
        // cmp %rax,%rbx; jne +0x10; nop; ja -0x20, and b.eq +8; nop; b.hi -12.
        let x86: [UInt8] = [0x48, 0x39, 0xc3, 0x0f, 0x85, 0x10, 0, 0, 0, 0x90, 0x0f, 0x87, 0xe0, 0xff, 0xff, 0xff]
        #expect(V8Checks.all(in: x86, .x86_64).map { [$0.offset, $0.target] } == [[3, 9 + 16], [10, 16 - 32]])
        let arm: [UInt8] = [0x40, 0, 0, 0x54, 0x1f, 0x20, 0x03, 0xd5, 0xa8, 0xff, 0xff, 0x54]
        #expect(V8Checks.all(in: arm, .aarch64).map { [$0.offset, $0.target] } == [[0, 8], [8, -4]])
    }

    @Test func anyBytesAreRead() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<4000 {
            var bytes = Self.translation
            for _ in 0..<Int.random(in: 1...40, using: &generator) {
                bytes[.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let start = Int.random(in: -3...bytes.count + 3, using: &generator)
            #expect((V8FrameTranslation.frames(in: bytes, at: start)?.count ?? 0) <= 64)
            var table = Self.safepoints
            for _ in 0..<4 { table[.random(in: table.indices, using: &generator)] = .random(in: 0...255, using: &generator) }
            _ = V8SafepointTable(table, codeBytes: .random(in: 0...5000, using: &generator))
        }
    }
}
