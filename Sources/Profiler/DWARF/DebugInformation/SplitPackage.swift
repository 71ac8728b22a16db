import BinaryReading
import ObjectFiles

/// Where a package of split units (`.dwp`) has a unit's shares of its sections, by `.debug_cu_index` (DWARF 5 §7.3.5;
/// version 2 is GNU's, of DWARF 4).
struct SplitPackage: Sendable {
    private static let unitLimit: UInt32 = 1 << 24

    private let sections: DebugSections
    private let index: DebugSection
    private let version: UInt16
    private let columnCount: UInt64
    private let unitCount: UInt64
    private let slotCount: UInt64
    /// The kinds of sections (DW_SECT_*), by column.
    private let columns: [UInt32]

    /// Nil when the file is no package.
    init?(_ file: ELFFile) {
        guard let contents = file.sectionContents(".debug_cu_index"),
            let sections = DebugSections(file, suffix: ".dwo")
        else { return nil }
        let index = DebugSection(contents)
        guard let head = try? index.bytes(at: 0, count: 16, "package index"),
            let fields = try? head.withByteReader({ (reader) throws(ReadError) in
                // A word in version 2, half of one in version 5.
                let version = try reader.read(UInt16.self, "package index version")
                try reader.skip(2)
                return (
                    version: version, columns: try reader.read(UInt32.self), units: try reader.read(UInt32.self),
                    slots: try reader.read(UInt32.self)
                )
            }), fields.version == 2 || fields.version == 5, (1...16).contains(fields.columns),
            fields.units <= Self.unitLimit, fields.slots <= 4 * Self.unitLimit, fields.slots.nonzeroBitCount == 1
        else { return nil }
        self.sections = sections
        self.index = index
        version = fields.version
        (columnCount, unitCount, slotCount) = (UInt64(fields.columns), UInt64(fields.units), UInt64(fields.slots))
        guard let kinds = try? index.bytes(at: 16 + 12 * slotCount, count: 4 * Int(columnCount), "package index")
        else { return nil }
        columns = stride(from: 0, to: kinds.count, by: 4).map { place in
            kinds[place..<(place + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// The sections as the unit of this id sees them.
    func sections(of id: UInt64) -> DebugSections? {
        guard let row = row(of: id) else { return nil }
        var result = sections
        for (column, kind) in columns.enumerated() {
            guard let offset = cell(row: row, column, table: 0), let size = cell(row: row - 1, column, table: 1) else {
                return nil
            }
            switch kind {
            case 1: result.information = result.information.slice(at: offset, size: size)
            case 3: result.abbreviations = result.abbreviations.slice(at: offset, size: size)
            case 4: result.lines = result.lines.slice(at: offset, size: size)
            case 6: result.stringOffsets = result.stringOffsets.slice(at: offset, size: size)
            case 8 where version == 5: result.rangeLists = result.rangeLists.slice(at: offset, size: size)
            default: break
            }
        }
        return result
    }

    /// The unit's row, from 1 on.
    private func row(of id: UInt64) -> UInt64? {
        let mask = slotCount - 1
        var slot = id & mask
        let step = (id >> 32 & mask) | 1
        for _ in 0..<slotCount {
            guard let found = try? index.number(at: 16 + 8 * slot, bytes: 8, "package index"),
                let row = try? index.number(at: 16 + 8 * slotCount + 4 * slot, bytes: 4, "package index")
            else { return nil }
            if row == 0 { return nil }
            if found == id { return row <= unitCount ? row : nil }
            slot = (slot + step) & mask
        }
        return nil
    }

    /// A number of the table of offsets, whose row 0 has the kinds, or of the table of sizes after it.
    private func cell(row: UInt64, _ column: Int, table: UInt64) -> UInt64? {
        let start = 16 + 12 * slotCount + table * 4 * columnCount * (unitCount + 1)
        return try? index.number(
            at: start + 4 * (row * columnCount + UInt64(column)), bytes: 4, "package index")
    }
}
