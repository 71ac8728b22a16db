import BinaryReading
import Synchronization

/// A unit's line table, decoded: which file, line and column each address has.
final class LineTable: Sendable {
    struct Row: Sendable {
        /// Distance from the sequence's start.
        var distance: UInt32
        var line: UInt32
        var file: UInt32
        var column: UInt16
    }

    struct Sequence: Sendable {
        var start: UInt64
        var end: UInt64
        /// Range in `rows`.
        var first: Int
        var count: Int
    }

    /// A place in the source. `file` is an index that `fileName` takes; line 0: unknown.
    struct Place: Sendable, Hashable {
        var file: UInt32
        var line: UInt32
        var column: UInt32
    }

    private static let programLimitBytes = 256 << 20

    private let header: LineTableHeader
    private let sections: DebugSections
    private let context: UnitContext
    /// Sorted by address.
    private let sequences: [Sequence]
    private let rows: [Row]
    /// Those that were asked for.
    private let fileNames = Mutex<[UInt64: String]>([:])

    var sizeBytes: Int {
        1024 + header.sizeBytes + header.files.count * 128 + sequences.count * MemoryLayout<Sequence>.stride
            + rows.count * MemoryLayout<Row>.stride
    }

    /// Reads and runs the unit's program.
    init(_ context: UnitContext) throws(ReadError) {
        self.context = context
        sections = context.lineSections
        guard let offset = context.lineProgram else {
            throw ReadError(.insufficientData, at: 0, reading: "line program offset")
        }
        let head = try sections.lines.bytes(at: offset, upTo: 12, "line program length")
        let (length, is64Bit) = try head.withByteReader { (reader) throws(ReadError) in
            try reader.readInitialLength("line program length")
        }
        guard length <= UInt64(Self.programLimitBytes) else {
            throw ReadError(.limitExceeded, at: Int(clamping: offset), reading: "line program")
        }
        let bytes = try sections.lines.bytes(at: offset, count: Int(length) + (is64Bit ? 12 : 4), "line program")
        let addressBytes = context.encoding.addressBytes
        (header, sequences, rows) = try bytes.withReader(origin: Int(clamping: offset)) {
            (reader) throws(ReadError) in
            let header = try LineTableHeader(&reader, addressBytes: addressBytes)
            var program = LineProgram(header)
            // What comes before damage is good.
            try? program.run(&reader)
            return (program.header, program.sortedSequences(), program.rows)
        }
    }

    /// The place of the code at an address; nil when no sequence has the address.
    /// - Parameter start: of the innermost range of code that the address belongs to. A row without a line, of code
    ///   that no line stands for, takes the line of a row before it, but not of one before this address.
    func place(of address: UInt64, notBefore start: UInt64) -> Place? {
        var low = 0
        var high = sequences.count
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        // Sequences hardly ever overlap.
        for index in stride(from: low - 1, through: max(0, low - 4), by: -1) where address < sequences[index].end {
            return place(of: address, in: sequences[index], notBefore: start)
        }
        return nil
    }

    private func place(of address: UInt64, in sequence: Sequence, notBefore start: UInt64) -> Place? {
        let distance = address - sequence.start
        var low = sequence.first
        var high = sequence.first + sequence.count
        while low < high {
            let middle = (low + high) / 2
            if UInt64(rows[middle].distance) <= distance { low = middle + 1 } else { high = middle }
        }
        guard low > sequence.first else { return nil }
        var index = low - 1
        let exact = rows[index]
        while rows[index].line == 0, index > sequence.first,
            sequence.start + UInt64(rows[index - 1].distance) >= start
        {
            index -= 1
        }
        let row = rows[index].line == 0 ? exact : rows[index]
        return Place(file: row.file, line: row.line, column: UInt32(row.column))
    }

    /// The path of a file by its number in this table; empty when unknown. Relative to nothing where the table and the
    /// unit know the folder.
    func fileName(_ number: UInt64) -> String {
        if let known = fileNames.withLock({ $0[number] }) { return known }
        let name = readFileName(number)
        if number <= UInt64(header.files.count) { fileNames.withLock { $0[number] = name } }
        return name
    }

    private func readFileName(_ number: UInt64) -> String {
        let isNew = header.encoding.version >= 5
        guard isNew || number > 0, let index = Int(exactly: isNew ? number : number - 1),
            index < header.files.count
        else { return "" }
        let file = header.files[index]
        guard let name = try? string(file.name), !name.isEmpty else { return "" }
        if name.hasPrefix("/") { return name }
        return Self.joined(Self.joined(isNew ? "" : context.folder, folder(file.folder, isNew)), name)
    }

    private func folder(_ number: UInt64, _ isNew: Bool) -> String {
        guard isNew || number > 0, let index = Int(exactly: isNew ? number : number - 1),
            index < header.folders.count, let folder = try? string(header.folders[index])
        else { return isNew ? context.folder : "" }
        if !isNew || folder.hasPrefix("/") { return folder }
        return Self.joined(context.folder, folder)
    }

    private static func joined(_ folder: String, _ name: String) -> String {
        if folder.isEmpty || name.hasPrefix("/") { return name }
        if name.isEmpty { return folder }
        return folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    private func string(_ place: StringPlace) throws(ReadError) -> String {
        switch place {
        case .inline(let offset): try sections.lines.string(at: offset)
        case .strings(let offset): try sections.strings.string(at: offset)
        case .lineStrings(let offset): try sections.lineStrings.string(at: offset)
        default: try context.string(place)
        }
    }
}
