import CBPFInterface

/// Places unwinding tables in the kernel's table arena (abi.h, "Unwinding tables").
///
/// Knows what is free, not what is written: blocks that a new table shares with others are read back from the kernel,
/// so that the tables are not held in memory twice. The order in which a user must do things, so that no lookup ever
/// meets half a table: new rules, `write`, `struct executable`, mappings. For removal: `struct executable` first, then,
/// when no lookup that began before can still run (some milliseconds), `remove`.
public struct TableArena: Sendable {
    /// A piece of the arena, in words.
    struct Extent: Sendable, Equatable {
        var start: UInt32
        var count: UInt32
    }

    /// Where a table lies.
    public struct Placement: Sendable, Equatable {
        /// One for each page that has rows, in the order of pages.
        var rows: [Extent]
        var records: Extent
        /// Counts the arena's placements from 1 on.
        var number: UInt32

        /// Arena word number of the first page's record.
        public var pageRecordsWord: UInt32 { records.start }
    }

    /// There is no room: remove a table that was not used for long, or go on without this one.
    public struct Full: Error, Equatable, Sendable, CustomStringConvertible {
        public var neededWords: Int
        public var freeWords: Int
        public var capacityWords: Int

        /// Whether the table would not fit into the empty arena either.
        public var isHopeless: Bool { neededWords > capacityWords }

        public var description: String {
            "the arena of unwinding tables is full: \(neededWords * 4) bytes needed, \(freeWords * 4) of "
                + "\(capacityWords * 4) free"
        }
    }

    static let blockWords = UInt32(TABLE_BLOCK_WORDS)

    /// Free extents of each block, sorted; no two touch. All starts and counts are even, so that the two words of a
    /// page record never part.
    private var blocks: [[Extent]] = []
    private var freeExtents = FreeExtents()
    private let capacityBlocks: Int
    public private(set) var usedWords = 0
    /// How many tables were inserted so far.
    private var placements: UInt32 = 0

    /// - Parameter capacityBytes: what the arena may grow to; blocks are added as they are needed.
    public init(capacityBytes: Int) {
        let most = Int(TABLE_MAX_CHUNKS) * Int(TABLE_BLOCKS_PER_CHUNK)
        capacityBlocks = min(max(0, capacityBytes / (4 * Int(Self.blockWords))), most)
    }

    public var capacityWords: Int { capacityBlocks * Int(Self.blockWords) }
    public var freeWords: Int { capacityWords - usedWords }
    /// Blocks that the kernel's arena must have before the next `write`.
    public var blockCount: Int { blocks.count }
    /// Chunks that the kernel's arena must have before the next `write`.
    public var chunkCount: Int {
        (blocks.count + Int(TABLE_BLOCKS_PER_CHUNK) - 1) / Int(TABLE_BLOCKS_PER_CHUNK)
    }

    /// Reserves room for a table.
    public mutating func insert(_ table: UnwindTable) throws(Full) -> Placement {
        let rowPages = table.pages.indices.filter { table.pages[$0].rowCount > 0 }
        let needed = rowPages.reduce(2 * table.pages.count) { $0 + Self.rounded(table.pages[$1].rowCount) }
        let full = Full(neededWords: needed, freeWords: freeWords, capacityWords: capacityWords)
        if needed > freeWords { throw full }
        // Large pages first: the small ones then fill what is left at the ends of blocks.
        let order = rowPages.indices.sorted {
            let (left, right) = (table.pages[rowPages[$0]].rowCount, table.pages[rowPages[$1]].rowCount)
            return left == right ? $0 < $1 : left > right
        }
        var placement = Placement(
            rows: .init(repeating: Extent(start: 0, count: 0), count: rowPages.count),
            records: Extent(start: 0, count: 0), number: 0)
        guard let records = allocateRecords(2 * table.pages.count) else { throw full }
        placement.records = records
        for index in order {
            guard let extent = allocate(UInt32(Self.rounded(table.pages[rowPages[index]].rowCount))) else {
                remove(placement)
                throw full
            }
            placement.rows[index] = extent
        }
        placements &+= 1
        placement.number = placements
        return placement
    }

    /// Frees a table's room. See above for when this is allowed.
    public mutating func remove(_ placement: Placement) {
        for extent in placement.rows { release(extent) }
        var records = placement.records
        while records.count > 0 {
            let inBlock = min(records.count, Self.blockWords - records.start % Self.blockWords)
            release(Extent(start: records.start, count: inBlock))
            records = Extent(start: records.start + inBlock, count: records.count - inBlock)
        }
    }

    /// How many words of a block are in use.
    func usedWords(ofBlock block: Int) -> UInt32 {
        blocks[block].reduce(Self.blockWords) { $0 - $1.count }
    }

    private static func rounded(_ words: Int) -> Int { (words + 1) & ~1 }

    /// At most a block, in one block.
    private mutating func allocate(_ count: UInt32) -> Extent? {
        guard count > 0 else { return Extent(start: 0, count: 0) }
        var found = freeExtents.take(atLeast: count, in: blocks)
        if found == nil, blocks.count < capacityBlocks {
            addBlock()
            found = freeExtents.take(atLeast: count, in: blocks)
        }
        guard let found else { return nil }
        return carve(found, count)
    }

    /// Takes the first `count` words of a free extent.
    private mutating func carve(_ extent: Extent, _ count: UInt32) -> Extent? {
        let block = Int(extent.start / Self.blockWords)
        guard let index = blocks[block].firstIndex(of: extent) else { return nil }
        if extent.count == count {
            blocks[block].remove(at: index)
        } else {
            let rest = Extent(start: extent.start + count, count: extent.count - count)
            blocks[block][index] = rest
            freeExtents.add(rest)
        }
        usedWords += Int(count)
        return Extent(start: extent.start, count: count)
    }

    private mutating func addBlock() {
        let extent = Extent(start: UInt32(blocks.count) * Self.blockWords, count: Self.blockWords)
        blocks.append([extent])
        freeExtents.add(extent)
    }

    private func isFree(_ block: Int) -> Bool { blocks[block].first?.count == Self.blockWords }

    /// Records are contiguous over as many blocks as they need.
    private mutating func allocateRecords(_ count: Int) -> Extent? {
        if count <= Int(Self.blockWords) { return allocate(UInt32(count)) }
        let needed = (count + Int(Self.blockWords) - 1) / Int(Self.blockWords)
        guard needed <= capacityBlocks else { return nil }
        var run = 0
        var block = 0
        while run < needed {
            if block == blocks.count {
                guard blocks.count < capacityBlocks else { return nil }
                addBlock()
            }
            run = isFree(block) ? run + 1 : 0
            block += 1
        }
        let first = block - needed
        var left = UInt32(count)
        for block in first..<(first + needed) {
            let part = min(left, Self.blockWords)
            _ = carve(blocks[block][0], part)
            left -= part
        }
        return Extent(start: UInt32(first) * Self.blockWords, count: UInt32(count))
    }

    private mutating func release(_ extent: Extent) {
        guard extent.count > 0 else { return }
        let block = Int(extent.start / Self.blockWords)
        var merged = extent
        var index = blocks[block].firstIndex { $0.start > extent.start } ?? blocks[block].count
        if index < blocks[block].count, blocks[block][index].start == extent.start + extent.count {
            merged.count += blocks[block][index].count
            blocks[block].remove(at: index)
        }
        if index > 0, blocks[block][index - 1].start + blocks[block][index - 1].count == extent.start {
            index -= 1
            merged = Extent(
                start: blocks[block][index].start, count: blocks[block][index].count + merged.count)
            blocks[block].remove(at: index)
        }
        blocks[block].insert(merged, at: index)
        usedWords -= Int(extent.count)
        freeExtents.add(merged)
        freeExtents.compactIfStale(blocks)
    }
}

/// Free extents by size. Entries of extents that are gone are dropped when they are met.
private struct FreeExtents: Sendable {
    /// By half the size in words.
    private var bySize: [[TableArena.Extent]] = .init(repeating: [], count: Int(TABLE_BLOCK_WORDS) / 2 + 1)
    private var isNonEmpty = [UInt64](repeating: 0, count: Int(TABLE_BLOCK_WORDS) / 128 + 1)
    private var count = 0

    mutating func add(_ extent: TableArena.Extent) {
        let size = Int(extent.count / 2)
        bySize[size].append(extent)
        isNonEmpty[size >> 6] |= 1 << UInt64(size & 63)
        count += 1
    }

    /// The smallest extent that has `words`. It must be used: it is no longer listed here.
    mutating func take(atLeast words: UInt32, in blocks: [[TableArena.Extent]]) -> TableArena.Extent? {
        var size = Int((words + 1) / 2)
        while let next = nextSize(from: size) {
            size = next
            while let extent = bySize[size].popLast() {
                count -= 1
                if blocks[Int(extent.start / TableArena.blockWords)].contains(extent) {
                    if bySize[size].isEmpty { clear(size) }
                    return extent
                }
            }
            clear(size)
        }
        return nil
    }

    private mutating func clear(_ size: Int) { isNonEmpty[size >> 6] &= ~(1 << UInt64(size & 63)) }

    private func nextSize(from size: Int) -> Int? {
        var word = size >> 6
        guard word < isNonEmpty.count else { return nil }
        var bits = isNonEmpty[word] & (~0 << UInt64(size & 63))
        while bits == 0 {
            word += 1
            guard word < isNonEmpty.count else { return nil }
            bits = isNonEmpty[word]
        }
        return word << 6 + bits.trailingZeroBitCount
    }

    /// Keeps the entries of extents that are gone from piling up.
    mutating func compactIfStale(_ blocks: [[TableArena.Extent]]) {
        let live = blocks.count * 4 + 4096
        guard count > 2 * live else { return }
        self = FreeExtents()
        for extents in blocks { extents.forEach { add($0) } }
    }
}
