import Processes
import RuntimeSupport

/// Reads metadata (ECMA-335 II.24) where it lies, row by row: an assembly has far more of it than frames need.
struct Metadata<Memory: MemoryReader> {
    private struct Heap: Sendable {
        var address: UInt64
        var size: UInt64
    }

    private struct Column: Sendable {
        var offset: Int
        var size: Int
    }

    private struct Table: Sendable {
        var address: UInt64 = 0
        var rowCount: UInt32 = 0
        var rowBytes = 0
        var columns: [Column] = []
    }

    let memory: Memory
    private var strings = Heap(address: 0, size: 0)
    private var blobs = Heap(address: 0, size: 0)
    private var symbols = Heap(address: 0, size: 0)
    private var tables: [Table] = []

    static var nameLimit: Int { 1024 }
    static var blobLimit: Int { 1 << 20 }
    private static var streamsLimit: Int { 16 }
    /// A row's number has 24 bits.
    private static var rowsLimit: UInt32 { 1 << 24 }

    /// - Parameter size: of all of it, in bytes.
    init?(_ memory: Memory, at root: UInt64, size: UInt64) {
        self.memory = memory
        // Root: magic, version 1.1, reserved, length of the version's text, the text, flags, number of streams.
        guard let head = try? memory.readBytes(at: root, count: 16), CodeBytes.word(head, at: 0) == 0x424a_5342 else {
            return nil
        }
        let textBytes = UInt64(CodeBytes.word(head, at: 12))
        guard textBytes <= 256, let count = try? memory.read(at: root &+ 18 &+ textBytes, as: UInt16.self),
            Int(count) <= Self.streamsLimit
        else { return nil }
        var position = root &+ 20 &+ textBytes
        var tableStream: Heap?
        for _ in 0..<Int(count) {
            guard let entry = try? memory.readBytes(at: position, count: 8),
                let name = try? memory.readCString(at: position &+ 8, limit: 32)
            else { return nil }
            let offset = UInt64(CodeBytes.word(entry, at: 0)), length = UInt64(CodeBytes.word(entry, at: 4))
            guard offset <= size, length <= size - offset else { return nil }
            let heap = Heap(address: root &+ offset, size: length)
            switch String(decoding: name, as: UTF8.self) {
            case "#~", "#-": tableStream = heap
            case "#Strings": strings = heap
            case "#Blob": blobs = heap
            case "#Pdb": symbols = heap
            default: break
            }
            position = position &+ 8 &+ UInt64((name.count + 4) & ~3)
        }
        guard let tableStream, readTables(tableStream) else { return nil }
    }

    private mutating func readTables(_ stream: Heap) -> Bool {
        // Reserved, version, sizes of heaps, reserved, which tables there are, which are sorted, then their row counts.
        guard stream.size >= 24, let head = try? memory.readBytes(at: stream.address, count: 24) else { return false }
        let heapSizes = head[6]
        let present = UInt64(CodeBytes.word(head, at: 8)) | UInt64(CodeBytes.word(head, at: 12)) << 32
        let count = present.nonzeroBitCount
        guard let counts = try? memory.readBytes(at: stream.address &+ 24, count: count * 4) else { return false }
        var rows = [UInt32](repeating: 0, count: 64)
        var next = 0
        for number in 0..<64 where present >> UInt64(number) & 1 != 0 {
            rows[number] = CodeBytes.word(counts, at: next * 4)
            guard rows[number] < Self.rowsLimit else { return false }
            next += 1
        }
        var address = stream.address &+ 24 &+ UInt64(count * 4)
        for (number, schema) in MetadataSchema.columns.enumerated() {
            var table = Table(address: address, rowCount: rows[number])
            for column in schema {
                let size: Int
                switch column {
                case .two: size = 2
                case .four: size = 4
                case .string: size = heapSizes & 1 != 0 ? 4 : 2
                case .guid: size = heapSizes & 2 != 0 ? 4 : 2
                case .blob: size = heapSizes & 4 != 0 ? 4 : 2
                case .row(let other): size = rows[Int(other)] < 1 << 16 ? 2 : 4
                case .coded(let bits, let others):
                    size = others.allSatisfy { rows[Int($0)] < 1 << (16 - UInt32(bits)) } ? 2 : 4
                }
                table.columns.append(Column(offset: table.rowBytes, size: size))
                table.rowBytes += size
            }
            if rows[number] > 0, schema.isEmpty { return number > Int(MetadataSchema.genericParam) }
            tables.append(table)
            address = address &+ UInt64(table.rowCount) &* UInt64(table.rowBytes)
            // The table itself must lie within its stream.
            guard address &- stream.address <= stream.size else { return false }
        }
        return true
    }

    /// Of a file of symbols: tells which build of the assembly it belongs to ("Portable PDB", #Pdb stream).
    var symbolsID: [UInt8]? {
        guard symbols.size >= 20 else { return nil }
        return try? memory.readBytes(at: symbols.address, count: 20)
    }

    func rowCount(_ table: UInt8) -> UInt32 { tables[safe: Int(table)]?.rowCount ?? 0 }

    /// The values of a row, from 1 on; nil when there is no such row.
    func row(_ table: UInt8, _ number: UInt32) -> [UInt32]? {
        guard number < Self.rowsLimit, let rows = rows(table, number..<(number + 1)) else { return nil }
        return rows.first
    }

    /// Consecutive rows.
    func rows(_ table: UInt8, _ numbers: Range<UInt32>) -> [[UInt32]]? {
        guard let table = tables[safe: Int(table)], numbers.lowerBound >= 1, !numbers.isEmpty,
            numbers.upperBound - 1 <= table.rowCount,
            let bytes = try? memory.readBytes(
                at: table.address &+ UInt64(numbers.lowerBound - 1) &* UInt64(table.rowBytes),
                count: numbers.count * table.rowBytes)
        else { return nil }
        return numbers.indices.map { number in
            let start = Int(number - numbers.lowerBound) * table.rowBytes
            return table.columns.map { column in
                let at = start + column.offset
                return column.size == 4
                    ? CodeBytes.word(bytes, at: at) : UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8
            }
        }
    }

    func value(_ table: UInt8, _ number: UInt32, _ column: Int) -> UInt32? { row(table, number)?[safe: column] }

    /// The number of the last row whose column is at most `value`, of a table that is sorted by it; nil when none is.
    func lastRow(_ table: UInt8, column: Int, atMost value: UInt32) -> UInt32? {
        var low: UInt32 = 0, high = rowCount(table)
        while low < high {
            let middle = low + (high - low + 1) / 2
            guard let found = self.value(table, middle, column) else { return nil }
            if found <= value { low = middle } else { high = middle - 1 }
        }
        return low == 0 ? nil : low
    }

    func string(_ offset: UInt32) -> String? {
        guard UInt64(offset) < strings.size,
            let bytes = try? memory.readCString(at: strings.address &+ UInt64(offset), limit: Self.nameLimit)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Process address of a string.
    func isString(_ address: UInt64) -> Bool { address &- strings.address < strings.size }

    func blob(_ offset: UInt32) -> [UInt8]? {
        guard UInt64(offset) < blobs.size else { return nil }
        let rest = blobs.size - UInt64(offset)
        let address = blobs.address &+ UInt64(offset)
        guard let head = try? memory.readBytes(at: address, count: Int(min(rest, 4))) else { return nil }
        var reader = SignatureReader(head)
        guard let count = reader.number(), Int(count) <= Self.blobLimit,
            UInt64(count) + UInt64(reader.position) <= rest
        else { return nil }
        return try? memory.readBytes(at: address &+ UInt64(reader.position), count: Int(count))
    }
}

extension Metadata: Sendable where Memory: Sendable {}
