import Glibc
import ObjectFiles
import TestRandomness
import Testing

@testable import Unwinding

/// Damages real files at random and expects neither a trap nor an endless loop. OTELCOL_FUZZ_ROUNDS makes it longer,
/// OTELCOL_FUZZ_SEED repeats a run.
struct HostileFileTests {
    private static func setting(_ name: String, _ fallback: UInt64) -> UInt64 {
        getenv(name).flatMap { UInt64(String(cString: $0)) } ?? fallback
    }

    @Test(arguments: [
        "/usr/lib/x86_64-linux-gnu/libm.so.6", "/bin/true", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
    ])
    func damagedFilesGiveSomeTable(path: String) throws {
        guard access(path, R_OK) == 0 else { return }
        let source = try FileReader(path: path)
        let original = try source.read(at: 0, count: Int(source.size))
        let frames = try #require(try ELFFile(MemorySource(original)).section(".eh_frame"))
        let seed = Self.setting("OTELCOL_FUZZ_SEED", UInt64.random(in: 0...UInt64(UInt32.max)))
        var random = SplitMix64(seed: seed)
        let rules = RuleSet()
        var loaded = 0
        for round in 0..<Self.setting("OTELCOL_FUZZ_ROUNDS", 12) {
            var bytes = original
            // Few changes let most of the file be read, many reach deep into what is wrong.
            let count = 1 + Int(random.next() % (round % 2 == 0 ? 3 : 64))
            for _ in 0..<count {
                // Mostly in the frames, their header and the file's headers.
                let index: Int =
                    switch random.next() % 8 {
                    case 0: Int(random.next() % UInt64(bytes.count))
                    case 1: Int(random.next() % 1024)
                    case 2: max(0, Int(frames.offset) - 1 - Int(random.next() % 64))
                    default: Int(frames.offset + random.next() % frames.size)
                    }
                let values: [UInt8] = [0, 0xff, 0x7f, 0x80, UInt8(truncatingIfNeeded: random.next())]
                bytes[min(index, bytes.count - 1)] = values[Int(random.next() % 5)]
            }
            if round % 5 == 4 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            if round % 3 == 2, bytes.count > 64 {
                for index in 40..<48 { bytes[index] = 0 }
            }
            guard let file = try? ELFFile(MemorySource(bytes)),
                let table = try? UnwindTable.load(from: file, into: rules)
            else { continue }
            loaded += 1
            // Any lookup works, and all rules exist.
            for _ in 0..<100 {
                let address = table.firstPageAddress &+ random.next() % 0x40_0000
                let rule = table.rule(at: address)
                #expect(rule.map { Int($0) < rules.count } ?? true, "\(path), seed \(seed), round \(round)")
            }
        }
        #expect(loaded > 0, "\(path), seed \(seed)")
    }
}
