import BinaryReading

/// Which unit has an address: 16 bytes for each run of addresses of one unit.
struct UnitIndex: Sendable {
    private struct Entry {
        /// Distance from `base`.
        var start: UInt32
        var end: UInt32
        /// The largest `end` of this entry and all before it.
        var reach: UInt32
        /// Index of the unit in `DebugUnits.starts`.
        var unit: UInt32
    }

    private struct Candidate {
        var range: AddressRange
        var unit: UInt32
    }

    private static let rangeLimit = 8 << 20
    /// Units that do not tell their addresses are searched for functions, up to this many bytes of them.
    private static let scanLimitBytes: UInt64 = 64 << 20

    private let base: UInt64
    private let entries: [Entry]

    var sizeBytes: Int { entries.count * MemoryLayout<Entry>.stride }
    var isEmpty: Bool { entries.isEmpty }

    /// By `.debug_aranges`, and for units that it does not have by their first entries.
    /// - Parameter code: where code can be; ranges that begin elsewhere are of discarded code.
    init(_ units: DebugUnits, code: [AddressRange]) {
        var candidates: [Candidate] = []
        var known = [Bool](repeating: false, count: units.starts.count)
        // What comes before damage is good.
        try? Self.readAddressRanges(units, &known, &candidates)
        var scanned: UInt64 = 0
        for (number, start) in units.starts.enumerated() where !known[number] {
            guard let context = try? units.uncachedContext(at: start), !context.header.isTypeUnit,
                context.tag == DebugTag.compileUnit || context.tag == DebugTag.skeletonUnit
            else { continue }
            if !context.extent.isEmpty {
                try? context.forEachRange(of: context.extent) { range in
                    candidates.append(Candidate(range: range, unit: UInt32(clamping: number)))
                    return candidates.count < Self.rangeLimit
                }
            } else if context.lineProgram != nil, context.splitName == nil {
                scanned += context.header.end - context.header.offset
                guard scanned <= Self.scanLimitBytes, let entries = try? units.entries(of: context) else { continue }
                candidates += entries.functions.map { Candidate(range: $0.range, unit: UInt32(clamping: number)) }
            }
            if candidates.count >= Self.rangeLimit { break }
        }
        candidates.removeAll { candidate in !code.contains { $0.contains(candidate.range.start) } }
        (base, entries) = Self.merged(candidates)
    }

    /// Neighbours of one unit become one entry.
    private static func merged(_ unsorted: [Candidate]) -> (UInt64, [Entry]) {
        let candidates = unsorted.sorted {
            ($0.range.start, $0.range.end, $0.unit) < ($1.range.start, $1.range.end, $1.unit)
        }
        let base = candidates.first?.range.start ?? 0
        var entries: [Entry] = []
        for candidate in candidates {
            guard let start = UInt32(exactly: candidate.range.start - base) else { break }
            let end = UInt32(clamping: candidate.range.end - base)
            if let last = entries.last, last.unit == candidate.unit {
                entries[entries.count - 1].end = max(last.end, end)
                entries[entries.count - 1].reach = max(last.reach, end)
            } else {
                entries.append(
                    Entry(start: start, end: end, reach: max(entries.last?.reach ?? 0, end), unit: candidate.unit))
            }
        }
        return (base, entries)
    }

    /// Indexes of the units that may have the address, the likeliest first.
    func units(at address: UInt64) -> [Int] {
        guard address >= base, let distance = UInt32(exactly: address - base) else { return [] }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].start <= distance { low = middle + 1 } else { high = middle }
        }
        var found: [Int] = []
        // Ranges of one unit within another's are rare; a hostile file does not get more than this.
        for index in stride(from: low - 1, through: max(0, low - 256), by: -1) {
            if entries[index].reach <= distance { break }
            let unit = Int(entries[index].unit)
            if distance < entries[index].end, !found.contains(unit) { found.append(unit) }
            if found.count == 4 { break }
        }
        return found
    }

    /// `.debug_aranges` (DWARF 5 §6.1.2).
    private static func readAddressRanges(
        _ units: DebugUnits, _ known: inout [Bool], _ candidates: inout [Candidate]
    ) throws(ReadError) {
        let section = units.sections.addressRanges
        var offset: UInt64 = 0
        while offset < section.size, candidates.count < rangeLimit {
            let head = try section.bytes(at: offset, upTo: 12, "address ranges")
            let (length, is64Bit) = try head.withByteReader { (reader) throws(ReadError) in
                try reader.readInitialLength("address ranges")
            }
            let start = offset + (is64Bit ? 12 : 4)
            guard length <= 64 << 20 else {
                throw ReadError(.limitExceeded, at: Int(clamping: offset), reading: "address ranges")
            }
            let bytes = try section.bytes(at: offset, count: Int(length + start - offset), "address ranges")
            // A damaged set costs its unit only.
            try? bytes.withReader(origin: Int(clamping: offset)) { (reader) throws(ReadError) in
                try readSet(&reader, is64Bit, units, &known, &candidates)
            }
            offset = start + length
        }
    }

    private static func readSet(
        _ reader: inout ByteReader, _ is64Bit: Bool, _ units: DebugUnits, _ known: inout [Bool],
        _ candidates: inout [Candidate]
    ) throws(ReadError) {
        try reader.skip(is64Bit ? 12 : 4)
        let version = try reader.read(UInt16.self, "address ranges version")
        var encoding = UnitEncoding(version: version, is64Bit: is64Bit, addressBytes: 8)
        let unitOffset = try reader.readOffset(encoding, "unit offset")
        encoding.addressBytes = try reader.read(UInt8.self, "address size")
        let segmentBytes = try reader.read(UInt8.self, "segment selector size")
        guard version == 2, segmentBytes == 0, encoding.addressBytes == 8 || encoding.addressBytes == 4,
            let unit = units.index(ofUnitAt: unitOffset)
        else { return }
        let width = Int(encoding.addressBytes)
        // Pairs are aligned to their size, counted from the head.
        try reader.seek(to: (reader.position + 2 * width - 1) / (2 * width) * (2 * width), "address range")
        while reader.remaining >= 2 * width {
            let start = try reader.readNumber(bytes: width, "address range")
            let length = try reader.readNumber(bytes: width, "address range")
            if start == 0 && length == 0 { break }
            let (end, overflow) = start.addingReportingOverflow(length)
            if start <= 1 || overflow || length == 0 { continue }
            known[unit] = true
            candidates.append(
                Candidate(range: AddressRange(start: start, end: end), unit: UInt32(clamping: unit)))
        }
    }
}
