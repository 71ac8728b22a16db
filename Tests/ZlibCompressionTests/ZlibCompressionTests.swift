import LiveSupport
import Testing
import ZlibCompression

struct ZlibCompressionTests {
    static let inputs: [[UInt8]] = [
        [], [0], Array("hello hello hello".utf8), [UInt8](repeating: 7, count: 1_000_000),
        (0..<300_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) },
    ]

    @Test(arguments: ZlibFormat.allCases) func restoresWhatItCompressed(_ format: ZlibFormat) throws {
        for input in Self.inputs {
            let packed = try input.compressed(format)
            #expect(try packed.decompressed(format, limitBytes: input.count) == input)
        }
        #expect(try Self.inputs[3].compressed(format).count < 2_000)
    }

    /// Pieces of any size give one compressed form, also one without any.
    @Test(arguments: [1, 7, 4096, 200_000])
    func streamsPieceByPiece(size: Int) throws {
        for input in Self.inputs where size > 1 || input.count < 100 {
            var stream = try ZlibStream(.gzip, level: 1)
            var packed: [UInt8] = []
            var rest = input[...]
            while !rest.isEmpty {
                try stream.append(rest.prefix(size), to: &packed)
                rest = rest.dropFirst(size)
            }
            try stream.append([], to: &packed)
            try stream.finish(to: &packed)
            #expect(try packed.decompressed(.gzip, limitBytes: input.count) == input)
        }
    }

    @Test func refusesBombs() throws {
        let packed = try [UInt8](repeating: 0, count: 10_000_000).compressed(.gzip)
        #expect(throws: ZlibError.tooLarge(limitBytes: 1_000_000)) {
            try packed.decompressed(.gzip, limitBytes: 1_000_000)
        }
    }

    @Test func refusesDamagedAndTruncatedData() throws {
        let packed = try Self.inputs[4].compressed(.gzip)
        for count in [0, 1, 9, 100, packed.count - 1] {
            #expect(throws: ZlibError.truncated) {
                try Array(packed[..<count]).decompressed(.gzip, limitBytes: .max)
            }
        }
        var damaged = packed
        damaged[packed.count - 6] ^= 1
        #expect(throws: ZlibError.invalidData) { try damaged.decompressed(.gzip, limitBytes: .max) }
        #expect(throws: ZlibError.invalidData) { try packed.decompressed(.zlib, limitBytes: .max) }
    }

    /// `gzip` itself must read it.
    @Test func gzipReadsIt() async throws {
        guard try Live.has(.tool("gzip"), .tool("sha1sum")) else { return }
        let packed = try Self.inputs[3].compressed(.gzip)
        let text = packed.map { "\\x" + (($0 < 16 ? "0" : "") + String($0, radix: 16)) }.joined()
        let output = try await Command.run(["bash", "-c", "printf '\(text)' | gzip -dc | wc -c"])
        #expect(output == "1000000\n")
    }
}
