import ObjectFiles
import TestRandomness
import Testing

@Suite struct ELFMutationTests {
    /// Damaged files give errors or nonsense, never a trap. Most damage goes where the structure is: headers, tables,
    /// notes, dynamic section.
    @Test func damagedFilesNeverTrap() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("ELF mutation seed: \(seed)")
        var random = SplitMix64(seed: seed)
        let reader = try FileReader(path: "/bin/ls")
        let original = try reader.read(at: 0, count: Int(reader.size))
        let file = try ELFFile(reader)
        var targets: [Range<Int>] = [0..<64, 64..<(64 + 56 * file.segments.count)]
        let sectionTable = original.count - 64 * file.sections.count
        targets.append(max(0, sectionTable - 512)..<original.count)
        for name in [".dynamic", ".gnu.hash", ".dynsym", ".note.gnu.build-id", ".shstrtab"] {
            if let section = file.section(name) {
                targets.append(Int(section.offset)..<Int(section.offset + section.size))
            }
        }
        let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xfe, 0xff]
        var accepted = 0
        var refused = 0
        for _ in 0..<2000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let range = targets.randomElement(using: &random) ?? 0..<64
                let position = Int.random(in: range, using: &random)
                let value =
                    Bool.random(using: &random)
                    ? extremes.randomElement(using: &random) ?? 0 : UInt8.random(in: 0...255, using: &random)
                let width = [1, 1, 2, 4, 8].randomElement(using: &random) ?? 1
                for byte in position..<min(position + width, bytes.count) { bytes[byte] = value }
            }
            if Int.random(in: 0..<8, using: &random) == 0 {
                bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            }
            do throws(ELFError) {
                let damaged = try ELFFile(MemorySource(bytes))
                exercise(damaged, &random)
                accepted += 1
            } catch {
                refused += 1
            }
        }
        // Neither outcome may be the only one, or the test would not reach the code behind the header.
        #expect(accepted > 200 && refused > 20)
    }

    private func exercise(_ file: ELFFile, _ random: inout SplitMix64) {
        _ = file.gnuBuildID()
        _ = file.goBuildID()
        _ = file.dynamicSection()
        for section in file.sections { _ = try? file.contents(of: section, limitBytes: 1 << 16) }
        for address in [0, file.entryAddress, .max, UInt64.random(in: 0...UInt64.max, using: &random)] {
            _ = file.fileRange(ofAddress: address)
            _ = try? file.read(atAddress: address, count: 64)
            _ = file.elfAddress(forFileOffset: address)
            _ = file.elfAddress(ofMappingAt: address)
            _ = file.loadBias(mappingStart: address, fileOffset: address, pageSizeBytes: 65536)
        }
        for table in [file.symbolTable(), file.dynamicSymbolTable()] {
            guard let table else { continue }
            _ = try? file.forEachSymbol(in: table, limit: 10_000) { _ = $0.kind }
        }
    }
}
