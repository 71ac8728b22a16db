import TestRandomness
import Testing

@testable import Processes

struct MapsParserTests {
    private func parse(_ text: String) -> MapsParser { MapsParser(parsing: Array(text.utf8)) }

    @Test func keepsExecutableMappingsOnly() {
        let parser = parse(
            """
            55e0c5a00000-55e0c5a02000 r--p 00000000 fe:00 1055 /usr/bin/cat
            55e0c5a02000-55e0c5a07000 r-xp 00002000 fe:00 1055                       /usr/bin/cat
            7f0000000000-7f0000001000 rwxp 00000000 00:00 0
            7f0000002000-7f0000003000 rwxp 00000000 00:00 0 \

            7ffd1a3f0000-7ffd1a411000 rw-p 00000000 00:00 0                          [stack]
            7ffd1a5d5000-7ffd1a5d9000 r--p 00000000 00:00 0                          [vvar]
            7ffd1a5d9000-7ffd1a5db000 r-xp 00000000 00:00 0                          [vdso]
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]

            """)
        #expect(
            parser.mappings == [
                Mapping(
                    start: 0x55e0_c5a0_2000, end: 0x55e0_c5a0_7000, fileOffset: 0x2000,
                    file: MappedFileIdentity(deviceMajor: 0xfe, deviceMinor: 0, inode: 1055), kind: .file,
                    path: "/usr/bin/cat"),
                Mapping(start: 0x7f00_0000_0000, end: 0x7f00_0000_1000, kind: .anonymous),
                Mapping(start: 0x7f00_0000_2000, end: 0x7f00_0000_3000, kind: .anonymous),
                Mapping(start: 0x7ffd_1a5d_9000, end: 0x7ffd_1a5d_b000, kind: .vdso, path: "[vdso]"),
            ])
        #expect(parser.malformedLines == 0)
    }

    /// Paths as programs choose them.
    @Test(arguments: [
        ("/a b/c", "/a b/c"),
        ("/lib/x.so (deleted)", "/lib/x.so"),
        ("/memfd:jit (deleted)", "/memfd:jit"),
        (#"/new\012line"#, "/new\nline"),
        (#"/tab\011and\back"#, #"/tab\011and\back"#),
        ("/\u{00e4}\u{6f22}", "/\u{00e4}\u{6f22}"),
        ("/tail ", "/tail "),
        (#"/end\01"#, #"/end\01"#),
    ]) func decodesPaths(written: String, path: String) throws {
        let parser = parse("1000-2000 r-xp 00000000 08:01 7 \(written)\n")
        #expect(try #require(parser.mappings.first).path == path)
    }

    @Test(arguments: [
        ("0", "", MappingKind.anonymous), ("0", "[anon:v8]", .anonymous), ("0", "[heap]", .anonymous),
        ("0", "[stack]", .anonymous), ("0", "[vdso]", .vdso), ("9", "/dev/zero (deleted)", .anonymous),
        ("9", "/anon_hugepage (deleted)", .anonymous), ("9", "[vdso]", .file), ("9", "/SYSV00000000 (deleted)", .file),
    ]) func tellsKinds(inode: String, path: String, kind: MappingKind) {
        #expect(parse("1000-2000 rwxs 00000000 00:05 \(inode) \(path)\n").mappings.map(\.kind) == [kind])
    }

    @Test(arguments: [
        "garbage", "", "1000-2000", "1000 2000 r-xp 0 08:01 7 /x", "g000-2000 r-xp 0 08:01 7 /x",
        "1000-2000 r-x", "1000-2000 r-xp 0 08:01 /x", "1000-2000 r-xp 0 0801 7 /x",
        "11111111111111111-2000 r-xp 0 08:01 7 /x", "1000-2000 r-xp 0 100000000:01 7 /x", "-2000 r-xp 0 08:01 7 /x",
        "1000-2000 r-xp 0 08:01 99999999999999999999 /x", "1000-2000 r-xp 0 08:01 7/x",
    ]) func countsMalformedLines(line: String) {
        let parser = parse("\(line)\n1000-2000 r-xp 00000000 08:01 7 /x\n")
        #expect(parser.malformedLines == 1)
        #expect(parser.mappings.count == 1)
    }

    @Test func dropsACutOffLineAndEmptyRanges() {
        #expect(parse("1000-2000 r-xp 00000000 08:01 7 /x").mappings.isEmpty)
        #expect(parse("2000-2000 r-xp 00000000 08:01 7 /x\n3000-2000 r-xp 0 08:01 7 /x\n").mappings.isEmpty)
    }

    @Test func boundsTheNumberOfMappings() {
        let text = (0..<10).map { "\($0)000-\($0)800 r-xp 00000000 08:01 7 /x\n" }.joined()
        let parser = MapsParser(parsing: Array(text.utf8), limit: 4)
        #expect(parser.mappings.count == 4)
        #expect(parser.droppedMappings == 6)
    }

    /// Bytes changed at random never trap, and what is kept stays well-formed.
    @Test func survivesMutation() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        let original = Array(
            """
            55e0c5a02000-55e0c5a07000 r-xp 00002000 fe:00 1055                       /usr/bin/cat (deleted)
            7ffd1a5d9000-7ffd1a5db000 r-xp 00000000 00:00 0                          [vdso]
            7f0000002000-7f0000003000 rwxp 00000000 00:00 0 \\012

            """.utf8)
        for _ in 0..<3000 {
            var text = original
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text[index] = UInt8.random(in: 0 ... .max, using: &random)
                case 1: text.remove(at: index)
                default: text.insert(Array("0f \n-:x\\".utf8).randomElement(using: &random) ?? 0, at: index)
                }
                if text.isEmpty { text = original }
            }
            let parser = MapsParser(parsing: text)
            #expect(parser.mappings.allSatisfy { $0.start < $0.end }, "seed \(seed)")
        }
    }
}
