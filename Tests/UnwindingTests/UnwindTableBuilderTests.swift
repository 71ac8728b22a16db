import CBPFInterface
import DWARF
import Testing

@testable import Unwinding

struct UnwindTableBuilderTests {
    private let rules = RuleSet()

    private func row(_ address: UInt64, _ offset: Int32) -> CallFrameRow {
        CallFrameRow(
            address: address,
            state: CallFrameState(
                cfa: CFARule(.registerOffset, register: 7, offset: offset),
                returnAddress: RegisterRule(.atCFAOffset, offset: -8), framePointer: RegisterRule(.unspecified)))
    }

    private func add(
        _ rows: [CallFrameRow], _ range: Range<UInt64>, to builder: inout UnwindTableBuilder,
        _ tier: UnwindTableBuilder.Tier = .callFrames
    ) {
        rows.withUnsafeBufferPointer { builder.add($0, range, tier) }
    }

    /// CFA offsets, or the negated fixed rule numbers, at these addresses.
    private func offsets(_ table: UnwindTable, _ addresses: [UInt64]) -> [Int32?] {
        let all = rules.rules()
        return addresses.map { address in
            table.rule(at: address).map { number in
                number < UInt16(UNWIND_RULE_FIRST_FREE) ? -Int32(number) : all[Int(number)].cfa_offset
            }
        }
    }

    private let framePointer = -Int32(UNWIND_RULE_FRAME_POINTER)

    @Test func blocksGapsAndPadding() {
        var builder = UnwindTableBuilder(range: 0x11000..<0x12000, architecture: .x86_64)
        // Out of order; 15 bytes of padding before the last, 16 before the second.
        add([row(0x11130, 40)], 0x11130..<0x11140, to: &builder)
        add([row(0x11100, 8), row(0x11101, 16)], 0x11100..<0x11110, to: &builder)
        add([row(0x1114f, 48)], 0x1114f..<0x11200, to: &builder)
        let table = builder.finish(gapRule: .framePointer, into: rules)
        #expect(table.firstPageAddress == 0x10000)
        #expect(table.pages.count == 1)
        #expect(
            offsets(table, [0x10fff, 0x110ff, 0x11100, 0x11101, 0x1110f, 0x11110, 0x1112f, 0x11130, 0x1114e, 0x1114f])
                == [framePointer, framePointer, 8, 16, 16, framePointer, framePointer, 40, 40, 48])
        #expect(offsets(table, [0x11200, 0x11fff, 0xffff, 0x20000]) == [framePointer, framePointer, nil, nil])
    }

    @Test func overlapsAreResolvedByTierThenStartThenOrder() {
        var builder = UnwindTableBuilder(range: 0x10000..<0x10400, architecture: .x86_64)
        add([row(0x10100, 16)], 0x10100..<0x10200, to: &builder)
        // Nested, overlapping the end, equal start.
        add([row(0x10140, 24)], 0x10140..<0x10150, to: &builder)
        add([row(0x101f0, 32), row(0x10208, 40)], 0x101f0..<0x10210, to: &builder)
        add([row(0x10100, 48)], 0x10100..<0x10200, to: &builder)
        builder.add(.signal, 0x10180..<0x10184, .certain)
        builder.add(.endOfStack, 0x10170..<0x10300, .filler)
        let table = builder.finish(gapRule: .framePointer, into: rules)
        let addresses: [UInt64] = [0x10100, 0x10145, 0x1017f, 0x10180, 0x10184, 0x101ff, 0x10200, 0x10208, 0x10210]
        let signal = -Int32(UNWIND_RULE_SIGNAL)
        #expect(
            offsets(table, addresses)
                == [16, 16, 16, signal, 16, 16, 32, 40, -Int32(UNWIND_RULE_END_OF_STACK)])
        #expect(offsets(table, [0x102ff, 0x10300]) == [-Int32(UNWIND_RULE_END_OF_STACK), framePointer])
    }

    @Test func pagesOfOneRuleNeedNoRows() {
        var builder = UnwindTableBuilder(range: 0x40_0000..<0x4f_0000, architecture: .x86_64)
        let empty = builder.finish(gapRule: .framePointer, into: rules)
        #expect(empty.pages.count == 15)
        #expect(empty.rows.isEmpty)
        #expect(empty.pageShift == UInt8(TABLE_MAX_PAGE_SHIFT))
        #expect(empty.rule(at: 0x4e_ffff) == UInt16(UNWIND_RULE_FRAME_POINTER))

        // One function over a page's border: its rule is carried over.
        builder = UnwindTableBuilder(range: 0x40_0000..<0x4f_0000, architecture: .x86_64)
        add([row(0x41_8000, 8)], 0x41_8000..<0x43_8000, to: &builder)
        let table = builder.finish(gapRule: .framePointer, into: rules)
        #expect(table.pages.map(\.rowCount) == [0, 2, 0, 2] + [Int](repeating: 0, count: 11))
        #expect(
            offsets(table, [0x41_7fff, 0x41_8000, 0x42_8000, 0x43_7fff, 0x43_8000])
                == [framePointer, 8, 8, 8, framePointer])
        #expect(table.wordCount == 2 * 15 + 4)
    }

    @Test func densePagesMakeAllPagesSmaller() {
        // 4096 rows in 64 KiB: one each 16 bytes. Pages of 8 KiB have 512.
        var builder = UnwindTableBuilder(range: 0x10000..<0x20000, architecture: .x86_64)
        add((0..<4096).map { row(0x10000 + $0 * 16, Int32($0 % 2) * 8 + 8) }, 0x10000..<0x20000, to: &builder)
        let table = builder.finish(gapRule: .framePointer, into: rules)
        #expect(table.pageShift == 13)
        #expect(table.pages.allSatisfy { $0.rowCount == 512 })
        #expect(table.statistics.degradedPages == 0)
        for index in 0..<4096 as Range<UInt64> {
            #expect(offsets(table, [0x10000 + index * 16 + 15]) == [Int32(index % 2) * 8 + 8])
        }
    }

    /// A row at each byte: the smallest page cannot hold them.
    @Test func pagesThatAreTooDenseAreInvalidAndCounted() {
        var builder = UnwindTableBuilder(range: 0x10000..<0x11000, architecture: .x86_64)
        add((0..<1024).map { row(0x10400 + $0, Int32($0 % 2) * 8 + 8) }, 0x10400..<0x10800, to: &builder)
        let table = builder.finish(gapRule: .framePointer, into: rules)
        #expect(table.pageShift == UInt8(TABLE_MIN_PAGE_SHIFT))
        #expect(table.statistics.degradedPages == 1)
        #expect(offsets(table, [0x103ff, 0x10400, 0x107ff, 0x10800]) == [framePointer, 0, 0, framePointer])
    }

    @Test func rulesThatFindNoRoomAreInvalid() {
        let small = RuleSet(limit: Int(UNWIND_RULE_FIRST_FREE) + 1)
        var builder = UnwindTableBuilder(range: 0x10000..<0x10100, architecture: .x86_64)
        add([row(0x10000, 8), row(0x10010, 16), row(0x10020, 24), row(0x10030, 8)], 0x10000..<0x10100, to: &builder)
        let table = builder.finish(gapRule: .framePointer, into: small)
        #expect(table.statistics.refusedRules == 2)
        #expect([0x10000, 0x10010, 0x10020, 0x10030].map { table.rule(at: $0) } == [5, 0, 0, 5])
        // The two invalid rows have become one.
        #expect(table.rows.count == 3)
    }

    @Test(arguments: [0..<0, 0..<UInt64.max, (UInt64.max - 100)..<UInt64.max, 0x1000..<0x1001] as [Range<UInt64>])
    func anyRangeIsBounded(range: Range<UInt64>) {
        var builder = UnwindTableBuilder(range: range, architecture: .x86_64)
        builder.add(.signal, (UInt64.max - 50)..<UInt64.max, .certain)
        builder.add(.endOfStack, 0..<UInt64.max, .filler)
        let table = builder.finish(gapRule: .framePointer, into: rules)
        #expect(table.pages.count <= 1 << 18)
        #expect(table.statistics.limitExceeded == (range == 0..<UInt64.max))
        #expect(range.isEmpty || table.rule(at: range.lowerBound) == UInt16(UNWIND_RULE_END_OF_STACK))
    }
}
