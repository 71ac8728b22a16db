import BinaryReading
import Foundation
import TestRandomness
import Testing

@testable import ObjectFiles

/// What the `xz` tool makes of `bytes` with each of the options.
private func xz(_ bytes: [UInt8], _ options: [String]) throws -> [[UInt8]] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(bytes).write(to: folder.appendingPathComponent("in"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let commands = options.indices.map { "xz -c \(options[$0]) <in >out\($0)" }
    process.arguments = ["-c", "cd '\(folder.path)' && " + commands.joined(separator: " && ")]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "xz \(options)")
    return try options.indices.map { try [UInt8](Data(contentsOf: folder.appendingPathComponent("out\($0)"))) }
}

private func xz(_ bytes: [UInt8], _ options: String) throws -> [UInt8] { try xz(bytes, [options])[0] }

@Suite struct XZTests {
    private static let options = [
        "-0", "-6", "-9e", "--check=none", "--check=crc32", "--check=sha256", "--block-size=30000",
        "-T2 --block-size=50000", "--lzma2=preset=6,lc=0,lp=0,pb=0", "--lzma2=preset=6,lc=1,lp=3,pb=4",
        "--lzma2=preset=6,lc=4,lp=0,pb=2", "--lzma2=preset=6,lc=0,lp=4,pb=0", "--lzma2=dict=4KiB,mf=hc3,nice=273",
    ]

    /// Inputs of many kinds: code, text, runs, noise, noise between text, each in full and cut.
    private static func inputs() throws -> [[UInt8]] {
        var random = SplitMix64(seed: 7)
        let noise = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let code = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "/bin/ls")))
        let text = Array((0..<5000).map { "line \($0 * $0 % 977) of a text\n" }.joined().utf8)
        let runs = (0..<150_000).map { UInt8($0 / 35_000) }
        var mixed: [UInt8] = []
        for index in 0..<20 { mixed += text[(index * 900)...].prefix(7000) + noise[(index * 4000)...].prefix(5000) }
        let patterns = (0..<50_000).map { (index: Int) -> UInt8 in
            UInt8(truncatingIfNeeded: index & 3 == 0 ? index >> 8 : index & 3)
        }
        return [[], [65], [0, 0], code, text, runs, noise, mixed, patterns, Array(code.prefix(70_001))]
    }

    @Test func unpacksWhatTheToolPacked() throws {
        for input in try Self.inputs() {
            for (options, packed) in zip(Self.options, try xz(input, Self.options)) {
                let unpacked = try XZ.decompress(packed, limitBytes: input.count)
                #expect(unpacked == input, "\(input.count) bytes with \(options)")
            }
        }
    }

    @Test func streamsAfterEachOtherAndPadding() throws {
        let first = try xz(Array("first".utf8), "")
        let second = try xz(Array("second".utf8), "--check=sha256")
        let zeros = [UInt8](repeating: 0, count: 8)
        #expect(try XZ.decompress(first + second, limitBytes: 11) == Array("firstsecond".utf8))
        #expect(try XZ.decompress(first + zeros + second + zeros, limitBytes: 11) == Array("firstsecond".utf8))
        #expect(throws: ReadError.self) { try XZ.decompress(first + [0, 0], limitBytes: 11) }
    }

    @Test func refusesMoreThanTheLimitAndOtherFilters() throws {
        // A megabyte of zeros in a few hundred bytes.
        let bomb = try xz([UInt8](repeating: 0, count: 1 << 20), "-9")
        let error = #expect(throws: ReadError.self) { try XZ.decompress(bomb, limitBytes: 1 << 20 - 1) }
        #expect(error?.kind == .limitExceeded)
        #expect(try XZ.decompress(bomb, limitBytes: 1 << 20).count == 1 << 20)
        let filtered = try xz(Array("delta".utf8), "--delta=dist=1 --lzma2")
        #expect(throws: ReadError.self) { try XZ.decompress(filtered, limitBytes: 100) }
    }

    /// Every single bit that is turned is noticed: all bytes are under a check of some kind.
    @Test func noticesEveryTurnedBit() throws {
        let packed = try xz(Array("some text that repeats, some text that repeats, and ends".utf8), "--block-size=30")
        for position in packed.indices {
            for bit in 0..<8 {
                var damaged = packed
                damaged[position] ^= 1 << UInt8(bit)
                #expect(throws: ReadError.self, "byte \(position), bit \(bit)") {
                    try XZ.decompress(damaged, limitBytes: 1000)
                }
            }
        }
        for count in packed.indices {
            #expect(throws: ReadError.self) { try XZ.decompress(Array(packed.prefix(count)), limitBytes: 1000) }
        }
    }

    /// Damaged LZMA2 data, not caught by a check before it is decoded, never traps and stays within the limit.
    @Test func damagedDataNeverTraps() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("xz mutation seed: \(seed)")
        var random = SplitMix64(seed: seed)
        let originals = try Self.inputs()[3...].map { Array($0.prefix(40_000)) }.flatMap {
            try xz($0, ["--check=none", "--lzma2=preset=0,lc=1,lp=3,pb=4"])
        }
        var refused = 0
        for _ in 0..<1500 {
            var bytes = originals.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // After the headers; the first chunk's own header is hit often.
                let range = Int.random(in: 0..<3, using: &random) == 0 ? 24..<40 : 24..<bytes.count
                bytes[Int.random(in: range, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do throws(ReadError) {
                #expect(try XZ.decompress(bytes, limitBytes: 100_000).count <= 100_000)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1000)
    }

    /// Values that zlib and xz publish for "123456789".
    @Test func checksums() {
        let bytes = Array("123456789".utf8)
        #expect(CRC32.of(bytes) == 0xcbf4_3926)
        #expect(bytes.withUnsafeBytes { CRC64.of($0) } == 0x995d_c9bb_df19_39fa)
    }
}
