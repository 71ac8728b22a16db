import BinaryReading

/// Runs a line program (DWARF 5 §6.2.5) and keeps the rows at which something changes.
struct LineProgram {
    private static let rowLimit = 16 << 20

    private(set) var header: LineTableHeader
    private(set) var rows: [LineTable.Row] = []
    private var sequences: [LineTable.Sequence] = []

    // The state machine's registers.
    private var address: UInt64 = 0
    private var operation: UInt64 = 0
    private var file: UInt64 = 1
    private var line: UInt32 = 1
    private var column: UInt64 = 0
    /// Of the sequence being read; nil before its first row.
    private var sequenceStart: UInt64?
    private var sequenceFirst = 0
    /// Rows whose addresses go back cannot be found by bisection: such a sequence is sorted.
    private var isSorted = true

    init(_ header: LineTableHeader) {
        self.header = header
    }

    mutating func run(_ reader: inout ByteReader) throws(ReadError) {
        // Code of special opcodes depends on these alone.
        let lineBase = header.lineBase
        let lineRange = header.lineRange
        let opcodeBase = header.opcodeBase
        while !reader.isAtEnd {
            let opcode = try reader.read(UInt8.self, "line opcode")
            if opcode >= opcodeBase {
                let adjusted = UInt64(opcode - opcodeBase)
                advance(adjusted / lineRange)
                line = UInt32(truncatingIfNeeded: Int64(line) &+ lineBase &+ Int64(adjusted % lineRange))
                try emitRow(reader)
                continue
            }
            switch opcode {
            case 0: try runExtended(&reader)
            case 1: try emitRow(reader)
            case 2: advance(try reader.readULEB128("operation advance"))
            case 3: line = UInt32(truncatingIfNeeded: Int64(line) &+ (try reader.readSLEB128("line advance")))
            case 4: file = try reader.readULEB128("file")
            case 5: column = try reader.readULEB128("column")
            case 6, 7, 10, 11: break
            case 8: advance(UInt64(255 - opcodeBase) / lineRange)
            case 9:
                address &+= UInt64(try reader.read(UInt16.self, "fixed advance"))
                operation = 0
            case 12: _ = try reader.readULEB128("isa")
            default:
                for _ in 0..<header.opcodeLengths[Int(opcode) - 1] { _ = try reader.readULEB128("operand") }
            }
        }
    }

    private mutating func runExtended(_ reader: inout ByteReader) throws(ReadError) {
        let length = Int(clamping: try reader.readULEB128("extended opcode length"))
        if length == 0 { return }
        var operands = try reader.slice(length, "extended opcode")
        switch try operands.read(UInt8.self, "extended opcode") {
        case 1:
            endSequence()
            reset()
        case 2:
            // Linkers shorten nothing: the operand's size is the address's.
            let width = operands.remaining
            address = try operands.readNumber(bytes: width == 4 ? 4 : 8, "address")
            operation = 0
        case 3:
            let place = StringPlace.inline(UInt64(operands.absolutePosition))
            while try operands.read(UInt8.self, "file name") != 0 {}
            if header.files.count < 1 << 20 { header.files.append(try header.fileEntry(place, &operands)) }
        default: break
        }
    }

    @inline(__always)
    private mutating func advance(_ count: UInt64) {
        if header.maximumOperations == 1 {
            address &+= count &* header.minimumInstructionBytes
            return
        }
        let total = operation &+ count
        address &+= total / header.maximumOperations &* header.minimumInstructionBytes
        operation = total % header.maximumOperations
    }

    @inline(__always)
    private mutating func emitRow(_ reader: ByteReader) throws(ReadError) {
        let start: UInt64
        if let known = sequenceStart {
            start = known
        } else {
            start = address
            sequenceStart = address
        }
        let row = LineTable.Row(
            distance: UInt32(clamping: address >= start ? address - start : 0), line: line,
            file: UInt32(clamping: file), column: UInt16(clamping: column))
        if rows.count > sequenceFirst {
            let last = rows[rows.count - 1]
            if last.distance == row.distance {
                // Of several rows at one address the last counts.
                rows[rows.count - 1] = row
                return
            }
            if last.line == row.line, last.file == row.file, last.column == row.column { return }
            if last.distance > row.distance { isSorted = false }
        }
        guard rows.count < Self.rowLimit else {
            throw ReadError(.limitExceeded, at: reader.absolutePosition, reading: "line rows")
        }
        rows.append(row)
    }

    private mutating func endSequence() {
        guard let start = sequenceStart, address > start, start > 1, start < .max - 1 else {
            rows.removeSubrange(sequenceFirst...)
            return
        }
        if !isSorted { rows[sequenceFirst...].sort { $0.distance < $1.distance } }
        sequences.append(
            LineTable.Sequence(start: start, end: address, first: sequenceFirst, count: rows.count - sequenceFirst))
        sequenceFirst = rows.count
    }

    private mutating func reset() {
        (address, operation, file, line, column) = (0, 0, 1, 1, 0)
        sequenceStart = nil
        sequenceFirst = rows.count
        isSorted = true
    }

    func sortedSequences() -> [LineTable.Sequence] {
        sequences.sorted { $0.start < $1.start }
    }
}
