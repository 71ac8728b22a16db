import BinaryReading

/// A range of ELF addresses, `end` exclusive and above `start`.
struct AddressRange: Sendable, Hashable {
    var start: UInt64
    var end: UInt64

    func contains(_ address: UInt64) -> Bool { address >= start && address < end }
}

extension UnitContext {
    /// Ranges that one entry may have; `-ffunction-sections` gives a unit one for each function.
    private static let rangeLimit = 1 << 20

    /// The addresses that an entry has. What linkers left of discarded code is not among them where it can be told:
    /// they write 0 or 1, or the highest addresses, for addresses of such code.
    func ranges(of extent: AddressExtent) throws(ReadError) -> [AddressRange] {
        var ranges: [AddressRange] = []
        try forEachRange(of: extent) { range in
            ranges.append(range)
            return ranges.count < Self.rangeLimit
        }
        return ranges
    }

    /// Whether an entry has the address.
    func covers(_ address: UInt64, _ extent: AddressExtent) throws(ReadError) -> AddressRange? {
        var found: AddressRange?
        try forEachRange(of: extent) { range in
            if range.contains(address) { found = range }
            return found == nil
        }
        return found
    }

    /// - Parameter body: returns whether to go on.
    func forEachRange(of extent: AddressExtent, _ body: (AddressRange) -> Bool) throws(ReadError) {
        if let ranges = extent.ranges {
            switch ranges {
            case .rangeListIndex(let index):
                let width = encoding.offsetBytes
                let base = bases.rangeLists ?? 0
                let offset = try sections.rangeLists.number(
                    at: base &+ index &* UInt64(width), bytes: width, "range list offset")
                try readRangeList(at: base &+ offset, body)
            case .number(let offset):
                if encoding.version >= 5 {
                    try readRangeList(at: offset, body)
                } else {
                    try readRanges(at: bases.ranges &+ offset, body)
                }
            default: break
            }
            return
        }
        guard let low = address(extent.low) else { return }
        let end: UInt64
        switch extent.high {
        case .number(let length): end = low &+ length
        case .some(let value):
            guard let high = address(value) else { return }
            end = high
        // A unit with a first address alone has one instruction at most; nothing is lost.
        case nil: return
        }
        if isCode(low), low < end { _ = body(AddressRange(start: low, end: end)) }
    }

    private func isCode(_ start: UInt64) -> Bool {
        start > 1 && start < (encoding.addressBytes == 4 ? 0xffff_fffe : UInt64.max - 1)
    }

    /// `.debug_ranges` (DWARF 4 §2.17.3).
    private func readRanges(at start: UInt64, _ body: (AddressRange) -> Bool) throws(ReadError) {
        let width = Int(encoding.addressBytes)
        let highest = width == 4 ? UInt64(UInt32.max) : UInt64.max
        var base = lowPC ?? 0
        try readPieces(sections.ranges, at: start) { (reader) throws(ReadError) in
            let first = try reader.readNumber(bytes: width, "range")
            let second = try reader.readNumber(bytes: width, "range")
            if first == 0 && second == 0 { return false }
            if first == highest {
                base = second
                return true
            }
            return emit(base &+ first, base &+ second, base: base, body)
        }
    }

    /// `.debug_rnglists` (DWARF 5 §2.17.3).
    private func readRangeList(at start: UInt64, _ body: (AddressRange) -> Bool) throws(ReadError) {
        let width = Int(encoding.addressBytes)
        var base = lowPC ?? 0
        try readPieces(sections.rangeLists, at: start) { (reader) throws(ReadError) in
            switch try reader.read(UInt8.self, "range list entry") {
            case 0: return false
            case 1:
                base = try address(at: try reader.readULEB128("range list entry"))
                return true
            case 2:
                let low = try address(at: try reader.readULEB128("range list entry"))
                return emit(low, try address(at: try reader.readULEB128("range list entry")), base: low, body)
            case 3:
                let low = try address(at: try reader.readULEB128("range list entry"))
                return emit(low, low &+ (try reader.readULEB128("range list entry")), base: low, body)
            case 4:
                let low = try reader.readULEB128("range list entry")
                return emit(base &+ low, base &+ (try reader.readULEB128("range list entry")), base: base, body)
            case 5:
                base = try reader.readNumber(bytes: width, "range list entry")
                return true
            case 6:
                let low = try reader.readNumber(bytes: width, "range list entry")
                return emit(low, try reader.readNumber(bytes: width, "range list entry"), base: low, body)
            case 7:
                let low = try reader.readNumber(bytes: width, "range list entry")
                return emit(low, low &+ (try reader.readULEB128("range list entry")), base: low, body)
            default:
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "range list entry")
            }
        }
    }

    private func emit(_ start: UInt64, _ end: UInt64, base: UInt64, _ body: (AddressRange) -> Bool) -> Bool {
        guard isCode(start), isCode(base) || base == 0, start < end else { return true }
        return body(AddressRange(start: start, end: end))
    }

    /// Reads entries, one a call of `body`, until that returns false. Lists have no length: they are read in pieces.
    private func readPieces(
        _ section: DebugSection, at start: UInt64, _ body: (inout ByteReader) throws(ReadError) -> Bool
    ) throws(ReadError) {
        var position = start
        var pieceBytes = 256
        var count = 0
        while true {
            let bytes = try section.bytes(at: position, upTo: pieceBytes, "ranges")
            let isLast = UInt64(bytes.count) == section.size - position
            let (used, goesOn) = try bytes.withReader(origin: Int(clamping: position)) {
                (reader) throws(ReadError) -> (Int, Bool) in
                // An entry has at most 21 bytes.
                while reader.remaining >= 24 || isLast {
                    count += 1
                    guard count <= Self.rangeLimit else {
                        throw ReadError(.limitExceeded, at: reader.absolutePosition, reading: "ranges")
                    }
                    if try !body(&reader) { return (reader.position, false) }
                }
                return (reader.position, true)
            }
            if !goesOn { return }
            position &+= UInt64(used)
            pieceBytes = 16 << 10
        }
    }
}
