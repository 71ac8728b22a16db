import TestRandomness
import Testing

@testable import Symbolization

struct RunTimeCodeTests {
    private static let map = """
        7f0000001000 20 leaf
        0x7f0000001020 10 LazyCompile:*middle file.js:3
        7f0000003000 1000 outer(int, char const*)
        nonsense
        7f0000004000 zz broken
        ffffffffffffffff 10 overflow
        7f0000005000 0 empty

        """

    @Test func perfMap() {
        var map = PerfMap()
        map.append(Array(Self.map.utf8))
        #expect(map.count == 3)
        #expect(map.name(at: 0x7f00_0000_0fff) == nil)
        #expect(map.name(at: 0x7f00_0000_1000) == "leaf")
        #expect(map.name(at: 0x7f00_0000_101f) == "leaf")
        #expect(map.name(at: 0x7f00_0000_1020) == "LazyCompile:*middle file.js:3")
        #expect(map.name(at: 0x7f00_0000_1030) == nil)
        #expect(map.name(at: 0x7f00_0000_3fff) == "outer(int, char const*)")
    }

    /// However the file grows: a line counts once it has its end.
    @Test func perfMapInPieces() {
        let bytes = Array(Self.map.utf8)
        for size in [1, 2, 7, 64] {
            var map = PerfMap()
            for start in stride(from: 0, to: bytes.count, by: size) {
                map.append(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(map.count == 3)
            #expect(map.name(at: 0x7f00_0000_1020) == "LazyCompile:*middle file.js:3")
        }
        var unfinished = PerfMap()
        unfinished.append(Array("1000 10 name".utf8))
        #expect(unfinished.name(at: 0x1000) == nil)
    }

    /// Code is thrown away, and other code put in its place.
    @Test func theLatestNameCounts() {
        var map = PerfMap()
        map.append(Array("1000 100 old\n1200 100 other\n".utf8))
        map.append(Array("1040 20 new\n".utf8))
        #expect(map.name(at: 0x1040) == "new")
        #expect(map.name(at: 0x1060) == "old")
        map.append(Array("1000 300 large\n".utf8))
        #expect(map.name(at: 0x1040) == "large")
        #expect(map.name(at: 0x1250) == "large")
    }

    @Test func aLongLineIsLeftOut() {
        var map = PerfMap()
        map.append(Array("1000 10 \(String(repeating: "x", count: 100_000))".utf8))
        map.append(Array("\n2000 10 next\n".utf8))
        #expect(map.count == 1)
        #expect(map.name(at: 0x2000) == "next")
    }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static let header =
        little(UInt32(0x4a69_5444)) + little(UInt32(1)) + little(UInt32(40)) + little(UInt32(62)) + little(UInt32(0))
        + little(UInt32(7)) + little(UInt64(0)) + little(UInt64(0))

    private static func record(_ kind: UInt32, _ payload: [UInt8]) -> [UInt8] {
        little(kind) + little(UInt32(16 + payload.count)) + little(UInt64(0)) + payload
    }

    private static func load(_ name: String, at address: UInt64, size: UInt64) -> [UInt8] {
        record(
            0,
            little(UInt32(7)) + little(UInt32(7)) + little(address) + little(address) + little(size) + little(UInt64(0))
                + Array(name.utf8) + [0] + [UInt8](repeating: 0x90, count: Int(size)))
    }

    private static func move(from old: UInt64, to new: UInt64, size: UInt64) -> [UInt8] {
        record(
            1,
            little(UInt32(7)) + little(UInt32(7)) + little(new) + little(old) + little(new) + little(size)
                + little(UInt64(0)))
    }

    private static let dump =
        header + load("first", at: 0x1000, size: 0x40) + record(2, [UInt8](repeating: 0, count: 100))
        + load("second", at: 0x2000, size: 20_000) + move(from: 0x1000, to: 0x9000, size: 0x40) + record(3, [])

    @Test(arguments: [1, 3, 100, 1 << 20])
    func jitDump(pieceBytes: Int) {
        var dump = JITDump()
        for start in stride(from: 0, to: Self.dump.count, by: pieceBytes) {
            dump.append(Array(Self.dump[start..<min(start + pieceBytes, Self.dump.count)]))
        }
        #expect(!dump.isBroken)
        #expect(dump.name(at: 0x103f) == "first")
        #expect(dump.name(at: 0x1040) == nil)
        #expect(dump.name(at: 0x2000 + 19_999) == "second")
        #expect(dump.name(at: 0x9010) == "first")
    }

    @Test func whatIsNoJITDumpIsLeftAlone() {
        var dump = JITDump()
        dump.append([UInt8](repeating: 1, count: 100))
        #expect(dump.isBroken)
        dump.append(Self.dump)
        #expect(dump.count == 0)
    }

    /// Any bytes at all: no trap, and no more memory than the bytes deserve.
    @Test func damagedFilesNeverTrap() {
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        var random = SplitMix64(seed: seed)
        for _ in 0..<300 {
            for original in [Self.dump, Array(Self.map.utf8)] {
                var bytes = original
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                var dump = JITDump()
                var map = PerfMap()
                let piece = Int.random(in: 1...bytes.count, using: &random)
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    let part = Array(bytes[start..<min(start + piece, bytes.count)])
                    dump.append(part)
                    map.append(part)
                }
                #expect(dump.sizeBytes < 1 << 20 && map.sizeBytes < 1 << 20, "seed \(seed)")
                for address in [0, 0x1000, 0x2000, UInt64.max] {
                    _ = dump.name(at: address)
                    _ = map.name(at: address)
                }
            }
        }
    }
}
