import BinaryReading

/// The units of one set of sections, decoded where they are asked for.
final class DebugUnits: Sendable {
    private static let unitLimit = 4 << 20

    let sections: DebugSections
    /// Offsets of all units in `.debug_info`, ascending.
    let starts: [UInt64]
    /// The file that several files share entries with (dwz).
    let supplementary: DebugUnits?
    /// For split units: the unit that stands for them in the linked file.
    private let skeleton: UnitContext?
    private let owner: DebugPartCache.Owner

    init(
        _ sections: DebugSections, supplementary: DebugUnits? = nil, skeleton: UnitContext? = nil,
        _ cache: DebugPartCache
    ) {
        self.sections = sections
        self.supplementary = supplementary
        self.skeleton = skeleton
        owner = cache.owner()
        starts = Self.findUnits(sections.information)
    }

    var sizeBytes: Int { starts.count * 8 + (supplementary?.sizeBytes ?? 0) + 1024 }

    private static func findUnits(_ section: DebugSection) -> [UInt64] {
        var starts: [UInt64] = []
        var offset: UInt64 = 0
        while offset < section.size, starts.count < unitLimit,
            let head = try? section.bytes(at: offset, upTo: 12, "unit length"),
            let (length, is64Bit) = try? head.withByteReader({ (reader) throws(ReadError) in
                try reader.readInitialLength("unit length")
            })
        {
            let start = offset + (is64Bit ? 12 : 4)
            guard start <= section.size, length <= section.size - start else { break }
            // What linkers put between units is zeros.
            if length > 0 { starts.append(offset) }
            offset = start + length
        }
        return starts
    }

    /// The start of the unit that has the byte at `offset` of `.debug_info`.
    func unitStart(containing offset: UInt64) -> UInt64? {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? starts[low - 1] : nil
    }

    func index(ofUnitAt offset: UInt64) -> Int? {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < offset { low = middle + 1 } else { high = middle }
        }
        return low < starts.count && starts[low] == offset ? low : nil
    }

    func context(at start: UInt64) throws(ReadError) -> UnitContext {
        try owner.part(.context, start, sizeBytes: { $0.sizeBytes }) { () throws(ReadError) in
            try uncachedContext(at: start)
        }
    }

    /// For looking at all units once.
    func uncachedContext(at start: UInt64) throws(ReadError) -> UnitContext {
        try UnitContext(UnitHeader(sections.information, at: start), sections, skeleton: skeleton)
    }

    func abbreviations(of context: UnitContext) throws(ReadError) -> Abbreviations {
        // Several units may share a list; their encodings are equal wherever compilers do that.
        let offset = context.header.abbreviationsOffset
        let encoding = context.encoding
        let variant = UInt64(encoding.version) << 2 | (encoding.is64Bit ? 2 : 0) | (encoding.addressBytes == 8 ? 1 : 0)
        return try owner.part(.abbreviations, offset << 5 | variant, sizeBytes: { $0.sizeBytes }) {
            () throws(ReadError) in
            try Abbreviations(sections.abbreviations, at: offset, encoding)
        }
    }

    func entries(of context: UnitContext) throws(ReadError) -> UnitEntries {
        try owner.part(.entries, context.header.offset, sizeBytes: { $0.sizeBytes }) { () throws(ReadError) in
            try UnitEntries(context, abbreviations(of: context))
        }
    }

    /// The names of the function whose entry is at `entry` from the header of the unit `entries`, as texts.
    func texts(of entry: UInt64, in entries: UnitEntries) -> FunctionTexts {
        owner.part(.names, entries.context.header.offset &+ entry, sizeBytes: { $0.name.utf8.count + 64 }) {
            FunctionTexts(names(of: entry, in: entries))
        }
    }

    func lines(of context: UnitContext) throws(ReadError) -> LineTable {
        try owner.part(.lines, context.header.offset, sizeBytes: { $0.sizeBytes }) { () throws(ReadError) in
            try LineTable(context)
        }
    }
}
