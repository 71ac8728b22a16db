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

    /// Where a function ends, by its own entry (FDE) in the form that compilers write: pointers of 4 bytes relative to
    /// where they are.
    func end(ofFunctionAt start: UInt64, in file: ELFFile) -> UInt64? {
        guard let segment = file.segment(ELFSegment.ehFrameHeader), let index = starts.firstIndex(of: start),
            let place = try? file.source.read(at: segment.offset &+ 12 &+ UInt64(index * 8 + 4), count: 4)
        else { return nil }
        let entry = segment.address &+ UInt64(bitPattern: Int64(CodeBytes.signed32(place, at: 0)))
        guard let bytes = try? file.read(atAddress: entry, count: 16) else { return nil }
        // Length, CIE, start, length of the function.
        guard entry &+ 8 &+ UInt64(bitPattern: Int64(CodeBytes.signed32(bytes, at: 8))) == start else { return nil }
        return start &+ UInt64(CodeBytes.word(bytes, at: 12))
    }

    /// The longest range from one start to the next, both of which are in the same range of `code`.
    func largestGap(in code: [Range<UInt64>]) -> Range<UInt64>? {
        var largest: Range<UInt64>?
        var size: UInt64 = 0
        for (start, next) in zip(starts, starts.dropFirst()) {
            let distance = next &- start
            guard distance > size, distance < 1 << 32, code.contains(where: { $0.contains(start) && $0.contains(next) })
            else { continue }
            (largest, size) = (start..<next, distance)
        }
        return largest
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

/// Code without unwinding rules.
public enum CodeGap {
    /// The longest range of ELF addresses from the end of one function that has rules to the start of the next one, within
    /// a segment. Nil when there is no table.
    public static func largest(in file: ELFFile) -> Range<UInt64>? {
        guard let starts = FunctionStarts(file) else { return nil }
        let code = file.executableSegments.compactMap { segment -> Range<UInt64>? in
            let (end, overflow) = segment.address.addingReportingOverflow(segment.memorySize)
            return overflow ? nil : segment.address..<end
        }
        guard let gap = starts.largestGap(in: code) else { return nil }
        let end = starts.end(ofFunctionAt: gap.lowerBound, in: file) ?? gap.lowerBound
        return gap.contains(end) ? end..<gap.upperBound : gap
    }
}
