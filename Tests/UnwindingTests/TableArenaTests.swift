import CBPFInterface
import TestRandomness
import Testing

@testable import Unwinding

/// Stands for the kernel's blocks.
private struct Memory {
    var blocks: [Int: [UInt32]] = [:]

    subscript(word: UInt32) -> UInt32? { blocks[Int(word) / 1024].map { $0[Int(word) % 1024] } }

    /// What the kernel's unwinder does: record, bisection (here a plain scan), rule.
    func rule(_ executable: executable, _ address: UInt64) -> UInt16? {
        guard address >= executable.first_page_address else { return nil }
        let distance = address - executable.first_page_address
        let page = distance >> executable.page_shift
        guard page < executable.page_count else { return nil }
        let record = executable.page_records_word + 2 * UInt32(page)
        guard record / 1024 == (record + 1) / 1024, let first = self[record], let second = self[record + 1] else {
            return nil
        }
        let count = second & 0xffff
        if count == 0 { return UInt16(second >> 16) }
        guard first / 1024 == (first + count - 1) / 1024 else { return nil }
        let low = UInt32(truncatingIfNeeded: distance) & (1 << executable.page_shift - 1)
        let rows = (first..<(first + count)).compactMap { self[$0] }
        return rows.last { $0 & 0xffff <= low }.map { UInt16($0 >> 16) }
    }
}

struct TableArenaTests {
    /// A table with the given rows per page; 0 is a page that follows one rule.
    private func table(_ rowCounts: [Int], salt: UInt32 = 1) -> UnwindTable {
        var table = UnwindTable(
            firstPageAddress: 0x10000, pageShift: 12, pages: [], rows: [], statistics: .init())
        for (page, count) in rowCounts.enumerated() {
            let first = table.rows.count
            for row in 0..<count {
                let rule = (UInt32(row) &* 31 &+ UInt32(page) &+ salt) & 0x3fff
                table.rows.append(rule << 16 | UInt32(row * 4))
            }
            table.pages.append(
                .init(
                    firstRow: UInt32(first),
                    ruleAndRowCount: count == 0 ? (salt + UInt32(page)) << 16 : UInt32(count)))
        }
        return table
    }

    private func write(
        _ table: UnwindTable, _ placement: TableArena.Placement, _ arena: TableArena, _ memory: inout Memory
    ) {
        var written: [Int: [UInt32]] = [:]
        let before = memory
        arena.write(table, at: placement) { (block) -> [UInt32] in
            before.blocks[block] ?? []
        } writeBlock: { (block, words) in
            #expect(words.count == 1024)
            #expect(written[block] == nil, "a block is written once")
            written[block] = words
        }
        memory.blocks.merge(written) { $1 }
    }

    private func expectReadable(_ table: UnwindTable, _ placement: TableArena.Placement, _ memory: Memory) {
        let executable = table.executableRecord(at: placement)
        for page in table.pages.indices {
            for offset in [0, 1, 3, 4, 5, 2047, 4095] as [UInt64] {
                let address = table.firstPageAddress + UInt64(page) << 12 + offset
                #expect(memory.rule(executable, address) == table.rule(at: address))
            }
        }
    }

    @Test func writtenTablesAreReadAsTheyAre() throws {
        var arena = TableArena(capacityBytes: 1 << 20)
        var memory = Memory()
        var tables: [(UnwindTable, TableArena.Placement)] = []
        for (index, counts) in [[3, 0, 1000, 1023, 24], [1], [0, 0], [500, 500, 20, 2], [700]].enumerated() {
            let table = table(counts, salt: UInt32(index * 7))
            let placement = try arena.insert(table)
            write(table, placement, arena, &memory)
            tables.append((table, placement))
        }
        for (table, placement) in tables { expectReadable(table, placement, memory) }
        #expect(arena.usedWords <= arena.blockCount * 1024)
        #expect(arena.chunkCount == 1)
    }

    /// Small pages fill what large ones leave.
    @Test func smallPagesFillBlocks() throws {
        var arena = TableArena(capacityBytes: 1 << 20)
        _ = try arena.insert(table([24, 1000, 24, 1000, 24, 1000]))
        #expect(arena.blockCount == 4)
    }

    @Test func recordsOfHugeExecutablesAreContiguousOverBlocks() throws {
        var arena = TableArena(capacityBytes: 1 << 20)
        var memory = Memory()
        let small = table([10])
        let first = try arena.insert(small)
        write(small, first, arena, &memory)
        let huge = table((0..<1500).map { $0 % 100 == 0 ? 5 : 0 })
        let placement = try arena.insert(huge)
        write(huge, placement, arena, &memory)
        expectReadable(huge, placement, memory)
        expectReadable(small, first, memory)
    }

    @Test func aFullArenaSaysSoAndStaysAsItWas() throws {
        var arena = TableArena(capacityBytes: 3 * 4096)
        let placement = try arena.insert(table([1000, 1000]))
        let used = arena.usedWords
        #expect(throws: TableArena.Full.self) { _ = try arena.insert(self.table([600, 600])) }
        #expect(arena.usedWords == used)
        let huge = #expect(throws: TableArena.Full.self) {
            _ = try arena.insert(self.table([Int](repeating: 1000, count: 4)))
        }
        #expect(huge?.isHopeless == true)
        arena.remove(placement)
        #expect(arena.usedWords == 0)
        _ = try arena.insert(table([600, 600, 1000]))
    }

    /// Random insertions and removals against the contents: nothing is ever overwritten, everything is freed.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func survivesAnyOrderOfInsertionsAndRemovals(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var arena = TableArena(capacityBytes: 64 * 4096)
        var memory = Memory()
        var live: [(UnwindTable, TableArena.Placement)] = []
        var fullCount = 0
        for step in 0..<400 {
            if !live.isEmpty, random.next() % 3 == 0 {
                let victim = live.remove(at: Int(random.next() % UInt64(live.count)))
                arena.remove(victim.1)
            }
            let pages = Int(random.next() % 12) + (random.next() % 50 == 0 ? 700 : 1)
            let counts = (0..<pages).map { _ in
                pages > 100 ? 0 : random.next() % 3 == 0 ? 0 : Int(random.next() % 1022) + 2
            }
            let table = table(counts, salt: UInt32(step))
            do {
                let placement = try arena.insert(table)
                write(table, placement, arena, &memory)
                live.append((table, placement))
            } catch {
                fullCount += 1
            }
        }
        for (table, placement) in live { expectReadable(table, placement, memory) }
        #expect(fullCount > 0, "the test must reach the limit")
        for (_, placement) in live { arena.remove(placement) }
        #expect(arena.usedWords == 0)
        // Everything has grown together again: a table of whole blocks fits.
        let blocks = arena.capacityWords / 1024 - 1
        _ = try arena.insert(self.table([Int](repeating: 1023, count: blocks)))
    }
}
