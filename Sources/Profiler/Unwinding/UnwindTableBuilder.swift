import CBPFInterface
import DWARF

/// Collects rows in any order and turns them into an `UnwindTable`.
///
/// Rows come in blocks, a block being a range of code whose first row is at its start. Where blocks overlap, a tier
/// decides, then the lower start, then the order of arrival: the block that comes first keeps its whole range.
struct UnwindTableBuilder {
    enum Tier: Int, CaseIterable {
        /// What was recognised in the code and is certain: signal trampolines, entry stubs.
        case certain
        /// Call frame information.
        case callFrames
        /// What fills the places that have neither.
        case filler
        /// What following the code's instructions found, where there is nothing else.
        case swept
    }

    /// 64 bytes of text a row is the average; this serves some 500 MB of text.
    static let rowLimit = 8 << 20
    /// Linkers place code within 2 GiB, because that is how far calls reach.
    static let rangeLimitBytes: UInt64 = 1 << 32
    /// In bytes this is 2 MiB of page records; pages of 1 KiB then serve 256 MiB of code.
    static let pageLimit: UInt64 = 1 << 18
    /// Compilers align functions to 16 bytes; what lies between is never executed and may follow the row before.
    static let paddingBytes: UInt64 = 15

    private struct Block {
        /// Distance from `base`.
        var start: UInt64
        var end: UInt64
        var firstRow: UInt32
        var rowCount: UInt32
    }

    private let architecture: CallFrameArchitecture
    private let range: Range<UInt64>
    /// Distances, of rows and blocks, are from here: the start of the range, rounded down to the largest page.
    private let base: UInt64
    private var tiers: [[Block]] = .init(repeating: [], count: Tier.allCases.count)
    private var isSorted: [Bool] = .init(repeating: true, count: Tier.allCases.count)
    /// Distance << 16 | rule in the table's own numbering.
    private var blockRows: [UInt64] = []
    private var rules: TableRules
    private(set) var limitExceeded = false

    /// - Parameter range: ELF addresses of the executable's code.
    init(range: Range<UInt64>, architecture: CallFrameArchitecture) {
        self.architecture = architecture
        base = range.lowerBound & ~(UInt64(1) << UInt64(TABLE_MAX_PAGE_SHIFT) - 1)
        let limit = base.addingReportingOverflow(Self.rangeLimitBytes)
        let end = limit.overflow ? range.upperBound : min(range.upperBound, limit.partialValue)
        limitExceeded = end != range.upperBound
        self.range = range.lowerBound..<max(end, range.lowerBound)
        rules = TableRules(architecture: architecture)
    }

    /// Makes room for the rows of so many bytes of call frame information, which need some ten bytes each.
    mutating func reserve(forCallFrameBytes bytes: UInt64) {
        blockRows.reserveCapacity(Int(min(bytes / 10, 1 << 20)))
    }

    /// Adds a block of one rule.
    mutating func add(_ rule: unwind_rule, _ addresses: Range<UInt64>, _ tier: Tier) {
        let number = rules.number(of: rule)
        guard let block = newBlock(addresses) else { return }
        blockRows.append(block.start << 16 | UInt64(number))
        add(block, tier)
    }

    /// Adds a function's rows.
    mutating func add(_ rows: UnsafeBufferPointer<CallFrameRow>, _ addresses: Range<UInt64>, _ tier: Tier) {
        guard !rows.isEmpty, let block = newBlock(addresses) else { return }
        // Appending to an array row by row costs more than all the rest.
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: rows.count) { packed in
            var count = 0
            var last = UInt64.max
            for row in rows {
                let rule = UInt64(rules.number(of: row.state))
                if rule != last, row.address >= range.lowerBound, row.address < range.upperBound {
                    packed.initializeElement(at: count, to: (row.address &- base) << 16 | rule)
                    count &+= 1
                    last = rule
                }
            }
            blockRows.append(contentsOf: UnsafeBufferPointer(rebasing: packed[..<count]))
        }
        add(block, tier)
    }

    /// Adds a block of rules, each from its address on; sorted, the first at the block's start.
    mutating func add(_ rows: [(address: UInt64, rule: unwind_rule)], _ addresses: Range<UInt64>, _ tier: Tier) {
        guard let first = rows.first, first.address <= max(addresses.lowerBound, range.lowerBound),
            let block = newBlock(addresses)
        else { return }
        var last = UInt64.max
        for row in rows where row.address < range.upperBound {
            let rule = UInt64(rules.number(of: row.rule))
            if rule == last { continue }
            blockRows.append((max(row.address, range.lowerBound) &- base) << 16 | rule)
            last = rule
        }
        add(block, tier)
    }

    /// The places that no block covers, in ascending order; those that are more than padding.
    mutating func gaps() -> [Range<UInt64>] {
        sortTiers()
        var cursors = [Int](repeating: 0, count: tiers.count)
        var gaps: [Range<UInt64>] = []
        var position = range.lowerBound - base
        let end = range.upperBound - base
        while position < end {
            var next = end
            var isCovered = false
            for tier in tiers.indices {
                while cursors[tier] < tiers[tier].count, tiers[tier][cursors[tier]].end <= position {
                    cursors[tier] += 1
                }
                guard cursors[tier] < tiers[tier].count else { continue }
                let block = tiers[tier][cursors[tier]]
                if block.start <= position {
                    position = block.end
                    isCovered = true
                    break
                }
                next = min(next, block.start)
            }
            if isCovered { continue }
            if next - position > Self.paddingBytes { gaps.append((base + position)..<(base + next)) }
            position = next
        }
        return gaps
    }

    private mutating func sortTiers() {
        for tier in tiers.indices where !isSorted[tier] {
            // Equal starts keep the order of arrival, which is that of their rows.
            tiers[tier].sort { ($0.start, $0.firstRow) < ($1.start, $1.firstRow) }
            isSorted[tier] = true
        }
    }

    /// The block of rows that are appended next; nil if there is no room for it.
    private mutating func newBlock(_ addresses: Range<UInt64>) -> Block? {
        let clamped = addresses.clamped(to: range)
        guard !clamped.isEmpty else { return nil }
        guard blockRows.count < Self.rowLimit else {
            limitExceeded = true
            return nil
        }
        return Block(
            start: clamped.lowerBound - base, end: clamped.upperBound - base, firstRow: UInt32(blockRows.count),
            rowCount: 0)
    }

    /// Adds a block whose rows, of which no two neighbours have the same rule, were appended.
    private mutating func add(_ block: Block, _ tier: Tier) {
        var block = block
        block.rowCount = UInt32(blockRows.count - Int(block.firstRow))
        if block.rowCount == 0 { return }
        if let last = tiers[tier.rawValue].last, last.start > block.start { isSorted[tier.rawValue] = false }
        tiers[tier.rawValue].append(block)
    }

    /// Makes the table. Code that no block covers follows `gapRule`.
    consuming func finish(gapRule: unwind_rule, into ruleSet: RuleSet) -> UnwindTable {
        let gap = rules.number(of: gapRule)
        sortTiers()
        var merger = Merger(gapRule: gap)
        merger.rows.reserveCapacity(blockRows.count)
        merger.cover(
            0, range.lowerBound - base, range.upperBound - base, tiers: tiers, blockRows: blockRows)
        let rows = merger.rows
        blockRows = []
        tiers = []
        return Self.pages(rows, range: range, base: base, rules: rules.all, limitExceeded, ruleSet)
    }

    /// Lays the tiers over each other.
    private struct Merger {
        var rows: [UInt64] = []
        private var cursors = [Int](repeating: 0, count: Tier.allCases.count)
        private var lastRule: UInt64 = .max
        private let gapRule: UInt64

        init(gapRule: UInt16) { self.gapRule = UInt64(gapRule) }

        /// Covers `from..<to` with the blocks of `tier`, and what they leave with the tiers below.
        mutating func cover(
            _ tier: Int, _ from: UInt64, _ to: UInt64, tiers: borrowing [[Block]], blockRows: borrowing [UInt64]
        ) {
            if tier == cursors.count {
                if to - from > UnwindTableBuilder.paddingBytes || rows.isEmpty { append(from, gapRule) }
                return
            }
            var position = from
            while cursors[tier] < tiers[tier].count {
                let block = tiers[tier][cursors[tier]]
                if block.end <= position {
                    cursors[tier] += 1
                    continue
                }
                if block.start >= to { break }
                if block.start > position {
                    cover(tier + 1, position, block.start, tiers: tiers, blockRows: blockRows)
                    position = block.start
                }
                let end = min(block.end, to)
                append(block, position, end, blockRows)
                position = end
                if block.end > to { break }
                cursors[tier] += 1
            }
            if position < to { cover(tier + 1, position, to, tiers: tiers, blockRows: blockRows) }
        }

        private mutating func append(_ block: Block, _ from: UInt64, _ to: UInt64, _ blockRows: [UInt64]) {
            var index = Int(block.firstRow)
            let end = index + Int(block.rowCount)
            if from > block.start {
                // The last row that is not above `from`.
                var count = Int(block.rowCount)
                while count > 1 {
                    let half = count / 2
                    if blockRows[index + half] >> 16 <= from {
                        index += half
                        count -= half
                    } else {
                        count = half
                    }
                }
            }
            append(from, blockRows[index] & 0xffff)
            let rest = index + 1
            if rest == end { return }
            // Nearly all blocks come whole.
            var wholeEnd = end
            while wholeEnd > rest, blockRows[wholeEnd - 1] >> 16 >= to { wholeEnd -= 1 }
            if wholeEnd == rest { return }
            rows.append(contentsOf: blockRows[rest..<wholeEnd])
            lastRule = blockRows[wholeEnd - 1] & 0xffff
        }

        @inline(__always)
        private mutating func append(_ distance: UInt64, _ rule: UInt64) {
            if rule == lastRule { return }
            rows.append(distance << 16 | rule)
            lastRule = rule
        }
    }
}

extension UnwindTableBuilder {
    /// Cuts sorted rows (distance from `base` << 16 | rule) into pages.
    private static func pages(
        _ rows: [UInt64], range: Range<UInt64>, base: UInt64, rules: [unwind_rule], _ limitExceeded: Bool,
        _ ruleSet: RuleSet
    ) -> UnwindTable {
        var statistics = UnwindTable.Statistics()
        statistics.limitExceeded = limitExceeded
        let numbers = numbers(rows, rules, ruleSet, &statistics)
        let shift = pageShift(rows, range: range)
        let maximum = Int(TABLE_MAX_ROWS_PER_PAGE)
        let first = (range.lowerBound - base) >> shift
        let count = range.isEmpty ? 0 : ((range.upperBound - 1 - base) >> shift) - first + 1
        var table = UnwindTable(
            firstPageAddress: base + first << shift, pageShift: UInt8(shift), pages: [], rows: [],
            statistics: statistics)
        table.pages.reserveCapacity(Int(count))
        // A page starts with a row, whether one of those given is there or not.
        table.rows = [UInt32](unsafeUninitializedCapacity: rows.count + Int(count)) { packed, packedCount in
            var index = 0
            // The rule that holds at the page's start, from the page before. No code lies before the first row.
            var carried = rows.first.map { UInt32(numbers[Int($0 & 0xffff)]) } ?? UInt32(UNWIND_RULE_INVALID)
            for page in first..<(first + count) {
                let start = page << shift
                let end = start + 1 << shift
                let firstRow = packedCount
                var pageRule = carried
                if index < rows.count, rows[index] >> 16 == start {
                    pageRule = UInt32(numbers[Int(rows[index] & 0xffff)])
                    index += 1
                }
                carried = pageRule
                packed.initializeElement(at: packedCount, to: pageRule << 16)
                packedCount += 1
                while index < rows.count {
                    let row = rows[index]
                    if row >> 16 >= end { break }
                    let rule = UInt32(numbers[Int(row & 0xffff)])
                    // Different rules may have become one where the rule set was full.
                    if rule != carried {
                        packed.initializeElement(
                            at: packedCount, to: rule << 16 | UInt32(truncatingIfNeeded: row >> 16 &- start))
                        packedCount += 1
                        carried = rule
                    }
                    index += 1
                }
                let rowCount = packedCount - firstRow
                var record = UnwindTable.Page(firstRow: UInt32(firstRow), ruleAndRowCount: UInt32(rowCount))
                if rowCount == 1 || rowCount > maximum {
                    packedCount = firstRow
                    record = UnwindTable.Page(
                        firstRow: 0,
                        ruleAndRowCount: rowCount == 1 ? pageRule << 16 : UInt32(UNWIND_RULE_INVALID) << 16)
                    if rowCount > maximum { table.statistics.degradedPages += 1 }
                }
                table.pages.append(record)
            }
        }
        return table
    }

    /// The set's numbers of the table's own rules, those only that are used.
    private static func numbers(
        _ rows: [UInt64], _ rules: [unwind_rule], _ ruleSet: RuleSet, _ statistics: inout UnwindTable.Statistics
    ) -> [UInt16] {
        var isUsed = [Bool](repeating: false, count: rules.count)
        for row in rows { isUsed[Int(row & 0xffff)] = true }
        let used = rules.indices.filter { isUsed[$0] }
        var numbers = [UInt16](repeating: UInt16(UNWIND_RULE_INVALID), count: rules.count)
        let invalid = PackedRule(.invalid)
        for (index, number) in zip(used, ruleSet.numbers(for: used.map { rules[$0] })) {
            numbers[index] = number
            if number == UInt16(UNWIND_RULE_INVALID), PackedRule(rules[index]) != invalid {
                statistics.refusedRules += 1
            }
        }
        statistics.distinctRules = used.count
        return numbers
    }

    /// The largest page of which none has too many rows, or the smallest that gives a bounded number of pages.
    private static func pageShift(_ rows: [UInt64], range: Range<UInt64>) -> UInt64 {
        var smallest = UInt64(TABLE_MIN_PAGE_SHIFT)
        while (range.upperBound - range.lowerBound) >> smallest > pageLimit { smallest += 1 }
        var shift = UInt64(TABLE_MAX_PAGE_SHIFT)
        while shift > smallest {
            var page = UInt64.max
            var count = 0
            var fits = true
            for row in rows {
                let distance = row >> 16
                if distance >> shift != page {
                    page = distance >> shift
                    // Without a row at its start, a page has the one carried over.
                    count = distance & (1 << shift - 1) == 0 ? 0 : 1
                }
                count += 1
                if count > Int(TABLE_MAX_ROWS_PER_PAGE) {
                    fits = false
                    break
                }
            }
            if fits { break }
            shift -= 1
        }
        return shift
    }
}
