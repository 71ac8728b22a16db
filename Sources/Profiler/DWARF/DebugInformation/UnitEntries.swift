import BinaryReading

/// A unit's entries as they are in the file, and where its functions are.
final class UnitEntries: Sendable {
    /// One range of a function's code.
    struct Function: Sendable {
        var range: AddressRange
        /// Of the function's entry, from the unit's header.
        var entry: UInt32
    }

    /// Units above this are not read. The largest of optimised programs of a hundred megabytes have some 60 MiB.
    private static let sizeLimitBytes: UInt64 = 256 << 20
    private static let functionLimit = 4 << 20

    let context: UnitContext
    let abbreviations: Abbreviations
    /// From the unit's header on.
    private let bytes: [UInt8]
    /// Sorted by address.
    let functions: [Function]

    var sizeBytes: Int { bytes.count + functions.count * MemoryLayout<Function>.stride + 256 }

    init(_ context: UnitContext, _ abbreviations: Abbreviations) throws(ReadError) {
        let header = context.header
        guard header.end - header.offset <= Self.sizeLimitBytes else {
            throw ReadError(.limitExceeded, at: Int(clamping: header.offset), reading: "unit")
        }
        let bytes = try context.sections.information.bytes(
            at: header.offset, count: Int(header.end - header.offset), "unit")
        var functions: [Function] = []
        // What comes before damage is good.
        try? bytes.withReader(origin: Int(clamping: header.offset)) { (reader) throws(ReadError) in
            try Self.findFunctions(&reader, context, abbreviations, &functions)
        }
        functions.sort { $0.range.start < $1.range.start }
        self.context = context
        self.abbreviations = abbreviations
        self.bytes = bytes
        self.functions = functions
    }

    private static func findFunctions(
        _ reader: inout ByteReader, _ context: UnitContext, _ abbreviations: Abbreviations,
        _ functions: inout [Function]
    ) throws(ReadError) {
        try reader.seek(to: context.header.headerBytes, "unit entry")
        let encoding = context.encoding
        var depth = 0
        repeat {
            let entry = UInt32(clamping: reader.position)
            let code = try reader.readULEB128("abbreviation code")
            if code == 0 {
                depth -= 1
                continue
            }
            guard let declaration = abbreviations[code] else {
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "abbreviation code")
            }
            if declaration.hasChildren { depth += 1 }
            if declaration.tag != DebugTag.subprogram {
                try reader.skipAttributes(declaration, abbreviations, encoding)
                continue
            }
            var extent = AddressExtent()
            for index in declaration.first..<(declaration.first &+ declaration.count) {
                let attribute = abbreviations.attributes[index]
                switch attribute.name {
                case DebugAttribute.lowPC, DebugAttribute.highPC, DebugAttribute.ranges:
                    _ = extent.take(
                        attribute.name,
                        try reader.readValue(attribute.form, encoding, implicit: attribute.implicitValue))
                default: try reader.skipValue(attribute.form, encoding)
                }
            }
            if extent.isEmpty { continue }
            // A damaged list costs its function only.
            try? context.forEachRange(of: extent) { range in
                functions.append(Function(range: range, entry: entry))
                return functions.count < functionLimit
            }
            if functions.count >= functionLimit { return }
        } while depth > 0 && !reader.isAtEnd
    }

    /// The function whose code has the address.
    func function(at address: UInt64) -> Function? {
        var low = 0
        var high = functions.count
        while low < high {
            let middle = (low + high) / 2
            if functions[middle].range.start <= address { low = middle + 1 } else { high = middle }
        }
        // Functions hardly ever overlap.
        for index in stride(from: low - 1, through: max(0, low - 16), by: -1)
        where functions[index].range.contains(address) {
            return functions[index]
        }
        return nil
    }

    /// Lends the bytes from the entry at `offset` from the unit's header on.
    func withReader<Result>(
        at offset: UInt64, _ body: (inout ByteReader) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        try bytes.withReader(origin: Int(clamping: context.header.offset)) { (reader) throws(ReadError) in
            try reader.seek(to: offset, "entry")
            return try body(&reader)
        }
    }
}
