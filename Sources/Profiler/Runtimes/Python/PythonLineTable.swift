/// Which line an instruction belongs to. Each version's table gives differences to the line before, from the function's
/// first line on.
enum PythonLineTable: Sendable {
    /// `co_lnotab`, until 3.9 (Objects/lnotab_notes.txt).
    case pairsUntil
    /// `co_linetable` of 3.10 (PEP 626, the same notes).
    case ranges
    /// `co_linetable` since 3.11 (Objects/locations.md).
    case locations

    /// Longer tables are not read.
    static let limitBytes = 256 << 10

    init(_ version: PythonVersion) {
        switch version.minor {
        case ..<10: self = .pairsUntil
        case 10: self = .ranges
        default: self = .locations
        }
    }

    /// The line, as a difference to the function's first; nil when the table has none for the instruction.
    ///
    /// - Parameter instruction: until 3.10 `f_lasti` (in bytes until 3.9, in units of two bytes in 3.10), since 3.11 the
    ///   unit's number.
    func line(of instruction: Int, in table: [UInt8]) -> Int? {
        if instruction < 0 { return 0 }
        switch self {
        case .pairsUntil: return pairsLine(instruction, table)
        case .ranges: return rangesLine(instruction, table)
        case .locations: return locationsLine(instruction, table)
        }
    }

    private func pairsLine(_ instruction: Int, _ table: [UInt8]) -> Int? {
        var address = 0
        var line = 0
        var index = 0
        while index + 1 < table.count {
            address += Int(table[index])
            if address > instruction { break }
            line += Int(Int8(bitPattern: table[index + 1]))
            index += 2
        }
        return line
    }

    private func rangesLine(_ instruction: Int, _ table: [UInt8]) -> Int? {
        let (wanted, overflow) = instruction.multipliedReportingOverflow(by: 2)
        if overflow { return nil }
        var end = 0
        var line = 0
        var index = 0
        while index + 1 < table.count {
            let start = end
            end += Int(table[index])
            let difference = Int8(bitPattern: table[index + 1])
            if difference != -128 { line += Int(difference) }
            if start <= wanted, wanted < end { return difference == -128 ? nil : line }
            index += 2
        }
        return nil
    }

    private func locationsLine(_ instruction: Int, _ table: [UInt8]) -> Int? {
        var reader = Reader(table: table)
        var unit = 0
        var line = 0
        while let first = reader.byte() {
            guard first & 0x80 != 0 else { return nil }
            let end = unit + Int(first & 7) + 1
            var hasLine = true
            switch first >> 3 & 15 {
            case 0...9: reader.skip(1)
            case 10, 11, 12:
                line += Int(first >> 3 & 15) - 10
                reader.skip(2)
            case 13: line += reader.signed()
            case 14:
                line += reader.signed()
                for _ in 0..<3 { _ = reader.number() }
            default: hasLine = false
            }
            if instruction < end { return hasLine ? line : nil }
            unit = end
        }
        return nil
    }

    private struct Reader {
        let table: [UInt8]
        var index = 0

        mutating func byte() -> UInt8? {
            guard index < table.count else { return nil }
            index += 1
            return table[index - 1]
        }

        mutating func skip(_ count: Int) { index += count }

        /// Six bits a byte, low ones first; bit 6 says that more follow. More than 30 bits no line needs.
        mutating func number() -> Int {
            var value = 0
            var shift = 0
            while let next = byte() {
                if shift < 30 { value |= Int(next & 63) << shift }
                if next & 64 == 0 { break }
                shift += 6
            }
            return value
        }

        mutating func signed() -> Int {
            let value = number()
            return value & 1 != 0 ? -(value >> 1) : value >> 1
        }
    }
}
