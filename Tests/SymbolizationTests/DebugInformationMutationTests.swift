import DWARF
import Foundation
import ObjectFiles
import TestRandomness
import Testing

@testable import Symbolization

@Suite struct DebugInformationMutationTests {
    /// Damaged debugging information gives wrong answers or none, never a trap, and never takes long.
    @Test(arguments: [
        SourceProgram(source: "inlined.c", compiler: "gcc", flags: ["-O2", "-g", "-gdwarf-4", "-ffunction-sections"]),
        SourceProgram(source: "inlined.c", compiler: "gcc", flags: ["-O2", "-g", "-gdwarf-5"]),
        SourceProgram(source: "inlined.c", compiler: "clang", flags: ["-O2", "-g", "-gdwarf-5"]),
        SourceProgram(source: "inlined.c", compiler: "gcc", flags: ["-O2", "-g", "-gdwarf-5", "-gz"]),
    ])
    func damagedSectionsNeverTrap(_ program: SourceProgram) throws {
        guard SourceProgram.tool(program.compiler) != nil else { return }
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("debugging information mutation seed: \(seed)")
        var random = SplitMix64(seed: seed)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = try program.build(in: folder)
        let original = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        let file = try ELFFile(MemorySource(original))
        let sections = file.sections.filter { $0.name.hasPrefix(".debug_") && $0.size > 0 }
        #expect(sections.count >= 6)
        let headers = original.count - 64 * file.sections.count
        let text = try #require(file.section(".text"))
        let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
        var answers = 0
        for _ in 0..<600 {
            var bytes = original
            let section = try #require(sections.randomElement(using: &random))
            var range = Int(section.offset)..<Int(section.offset + section.size)
            // Mostly the heads of things: that is where sizes and offsets are.
            if Bool.random(using: &random) { range = range.prefix(64).startIndex..<range.prefix(64).endIndex }
            if Int.random(in: 0..<10, using: &random) == 0 { range = headers..<original.count }
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: range, using: &random)] =
                    Bool.random(using: &random)
                    ? extremes.randomElement(using: &random) ?? 0 : UInt8.random(in: 0...255, using: &random)
            }
            guard let damaged = try? ELFFile(MemorySource(bytes)) else { continue }
            let cache = DebugPartCache(capacityBytes: 64 << 10)
            guard let information = DebugInformation(damaged, cache: cache) else { continue }
            for _ in 0..<40 {
                let address = text.address &+ UInt64.random(in: 0..<text.size, using: &random)
                if information.lookup(address) != nil { answers += 1 }
            }
            _ = information.lookup(0)
            _ = information.lookup(.max)
        }
        #expect(answers > 1000)
    }
}
