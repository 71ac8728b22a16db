import Foundation
import ObjectFiles
import TestRandomness
import Testing

@testable import Symbolization

@Suite struct SymbolMutationTests {
    /// Damaged symbol and section tables give wrong names or none, never a trap.
    @Test func damagedSymbolTablesNeverTrap() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("symbol table mutation seed: \(seed)")
        var random = SplitMix64(seed: seed)
        let reader = try FileReader(path: "/bin/ls")
        let original = try reader.read(at: 0, count: Int(reader.size))
        let file = try ELFFile(reader)
        let symbols = try #require(file.section(".dynsym"))
        let sections = original.count - 64 * file.sections.count
        let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
        for _ in 0..<100 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...200, using: &random) {
                let range =
                    Int.random(in: 0..<10, using: &random) == 0
                    ? sections..<original.count : Int(symbols.offset)..<Int(symbols.offset + symbols.size)
                let position = Int.random(in: range, using: &random)
                bytes[position] =
                    Bool.random(using: &random)
                    ? extremes.randomElement(using: &random) ?? 0 : UInt8.random(in: 0...255, using: &random)
            }
            guard let damaged = try? ELFFile(MemorySource(bytes)), let table = try? SymbolTable(damaged) else {
                continue
            }
            for _ in 0..<50 {
                let entry = table.entries.randomElement(using: &random)
                let address = table.base &+ UInt64(entry?.start ?? 0) &+ UInt64.random(in: 0...64, using: &random)
                _ = table.lookup(address)
            }
            _ = table.lookup(0)
            _ = table.lookup(.max)
        }
    }

    /// Damaged names never trap, and stay within the cap.
    @Test func damagedNamesNeverTrap() {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("name mutation seed: \(seed)")
        var random = SplitMix64(seed: seed)
        let names = [
            "_RNvXCs1234_7mycrateINtB2_3FoomENtB2_5Trait3bar", "_RINvC1c1fDINtB2_2TrhEp4ItemmEL_E",
            "_RINvC1c1fFG_RL0_hEuE", "_RINvC1c1fRAhj4_E", "_RINvC1c1fKj5_Kana_Kb1_Kc61_E",
            "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
            "_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE", "_ZNSt6vectorIiSaIiEE9push_backEOi",
            "copy_page.constprop.0.isra.1.cold", "$sSS6appendyySSF",
        ].map { Array($0.utf8) }
        for _ in 0..<4000 {
            var bytes = names.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let position = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[position] = UInt8.random(in: 1...255, using: &random)
                case 1: bytes.remove(at: position)
                default: bytes.insert(bytes.randomElement(using: &random) ?? 0, at: position)
                }
            }
            let name = String(decoding: bytes, as: UTF8.self)
            let length = Demangler.demangle(name).name.utf8.count
            #expect(length <= max(name.utf8.count, Demangler.outputLimitBytes))
        }
    }
}
