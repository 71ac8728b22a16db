import CBPFInterface

extension TableArena {
    /// A piece of a table and where it goes, within one block.
    private struct Segment {
        var word: UInt32
        var count: UInt32
        /// Index in `rows`, or with `isRecords` of the first record word.
        var source: Int
        var isRecords: Bool
    }

    /// Writes a table to where it was placed, whole blocks at a time, each block once.
    ///
    /// - Parameters:
    ///   - readBlock: the present words of a block that holds other tables too, `TABLE_BLOCK_WORDS` of them.
    ///   - writeBlock: stores a block's words. Block b lies in chunk b / TABLE_BLOCKS_PER_CHUNK.
    public func write<Failure: Error>(
        _ table: UnwindTable, at placement: Placement,
        readBlock: (_ block: Int) throws(Failure) -> [UInt32],
        writeBlock: (_ block: Int, _ words: [UInt32]) throws(Failure) -> Void
    ) throws(Failure) {
        let records = recordWords(of: table, placement)
        let segments = segments(of: table, placement)
        var words: [UInt32] = []
        var index = 0
        while index < segments.count {
            let block = segments[index].word / Self.blockWords
            var end = index
            var ownWords: UInt32 = 0
            while end < segments.count, segments[end].word / Self.blockWords == block {
                // Room is reserved in pairs of words.
                ownWords += (segments[end].count + 1) & ~1
                end += 1
            }
            if usedWords(ofBlock: Int(block)) > ownWords {
                words = try readBlock(Int(block))
            } else {
                words = []
            }
            if words.count != Int(Self.blockWords) { words = .init(repeating: 0, count: Int(Self.blockWords)) }
            for segment in segments[index..<end] {
                let offset = Int(segment.word % Self.blockWords)
                for place in 0..<Int(segment.count) {
                    words[offset + place] =
                        segment.isRecords ? records[segment.source + place] : table.rows[segment.source + place]
                }
            }
            try writeBlock(Int(block), words)
            index = end
        }
    }

    private func recordWords(of table: UnwindTable, _ placement: Placement) -> [UInt32] {
        var words: [UInt32] = []
        words.reserveCapacity(2 * table.pages.count)
        var rowPages = placement.rows.makeIterator()
        for page in table.pages {
            words.append(page.rowCount > 0 ? rowPages.next()?.start ?? 0 : 0)
            words.append(page.ruleAndRowCount)
        }
        return words
    }

    private func segments(of table: UnwindTable, _ placement: Placement) -> [Segment] {
        var segments: [Segment] = []
        for (page, extent) in zip(table.pages.lazy.filter { $0.rowCount > 0 }, placement.rows) {
            segments.append(
                Segment(
                    word: extent.start, count: UInt32(page.rowCount), source: Int(page.firstRow), isRecords: false))
        }
        var done: UInt32 = 0
        while done < placement.records.count {
            let word = placement.records.start + done
            let count = min(placement.records.count - done, Self.blockWords - word % Self.blockWords)
            segments.append(Segment(word: word, count: count, source: Int(done), isRecords: true))
            done += count
        }
        return segments.sorted { $0.word < $1.word }
    }
}

extension UnwindTable {
    /// The kernel's record of an executable whose table was written to `placement`.
    public func executableRecord(at placement: TableArena.Placement) -> executable {
        var record = executable()
        record.table = placement.number
        record.first_page_address = firstPageAddress
        record.page_records_word = placement.pageRecordsWord
        record.page_count = UInt32(pages.count)
        record.page_shift = pageShift
        record.go = goLabels
        record.state = UInt8(EXECUTABLE_HAS_TABLE.rawValue)
        return record
    }
}
