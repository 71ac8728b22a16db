import ObjectFiles

/// Where the functions of an executable begin, by the table that exception handling searches: it is there in stripped
/// files too, and has an entry for each part of a function that was split.
///
/// `.eh_frame_hdr`: Linux Standard Base Core, "Exception Frame Header".
struct FunctionStarts {
    /// Sorted ELF addresses.
    private let starts: [UInt64]

    /// More than any interpreter has.
    private static let limit = 1 << 20

    /// Nil when there is no table, or not in the form that linkers write.
    init?(_ file: ELFFile) {
        guard let segment = file.segment(ELFSegment.ehFrameHeader),
            let head = try? file.source.read(at: segment.offset, count: 12),
            // Version 1; the table's entries are pairs of 4-byte numbers relative to the table's own address.
            head[0] == 1, head[2] == 0x03, head[3] == 0x3b
        else { return nil }
        let count = Int(CodeBytes.word(head, at: 8))
        guard count > 0, count <= FunctionStarts.limit,
            let table = try? file.source.read(at: segment.offset &+ 12, count: count * 8)
        else { return nil }
        starts = (0..<count).map { index in
            segment.address &+ UInt64(bitPattern: Int64(CodeBytes.signed32(table, at: index * 8)))
        }
        for index in 1..<max(1, count) where starts[index - 1] > starts[index] { return nil }
    }

    /// From the start of the function, or part of one, that holds the address, to the next one's.
    func function(at address: UInt64) -> Range<UInt64>? {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, low < starts.count else { return nil }
        return starts[low - 1]..<starts[low]
    }
}
