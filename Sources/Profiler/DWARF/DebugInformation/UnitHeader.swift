import BinaryReading

/// The head of a unit in `.debug_info` (DWARF 5 §7.5.1).
struct UnitHeader: Sendable {
    /// In `.debug_info`.
    var offset: UInt64
    /// Of the first byte after the unit.
    var end: UInt64
    var kind: UInt8
    var encoding: UnitEncoding
    var abbreviationsOffset: UInt64
    /// Distance of the first entry from `offset`, in bytes.
    var headerBytes: Int
    /// What a skeleton and its split unit have in common.
    var splitID: UInt64?

    /// The longest head.
    private static let limitBytes = 40

    init(_ section: DebugSection, at offset: UInt64) throws(ReadError) {
        let bytes = try section.bytes(at: offset, upTo: Self.limitBytes, "unit header")
        self = try bytes.withByteReader { (reader) throws(ReadError) in
            try UnitHeader(&reader, at: offset, sectionSize: section.size)
        }
    }

    private init(_ reader: inout ByteReader, at offset: UInt64, sectionSize: UInt64) throws(ReadError) {
        self.offset = offset
        let (length, is64Bit) = try reader.readInitialLength("unit length")
        let start = offset &+ UInt64(reader.position)
        guard length <= sectionSize &- start, start <= sectionSize else {
            throw ReadError(.insufficientData, at: Int(clamping: offset), reading: "unit")
        }
        end = start + length
        let version = try reader.read(UInt16.self, "unit version")
        guard (2...5).contains(version) else {
            throw ReadError(.invalidValue, at: Int(clamping: offset), reading: "unit version")
        }
        encoding = UnitEncoding(version: version, is64Bit: is64Bit, addressBytes: 8)
        if version >= 5 {
            kind = try reader.read(UInt8.self, "unit type")
            encoding.addressBytes = try reader.read(UInt8.self, "address size")
            abbreviationsOffset = try reader.readOffset(encoding, "abbreviations offset")
            switch kind {
            case UnitKind.skeleton, UnitKind.splitCompile: splitID = try reader.read(UInt64.self, "dwo id")
            case UnitKind.type, UnitKind.splitType:
                try reader.skip(8 + encoding.offsetBytes, "type signature")
            default: break
            }
        } else {
            kind = UnitKind.compile
            abbreviationsOffset = try reader.readOffset(encoding, "abbreviations offset")
            encoding.addressBytes = try reader.read(UInt8.self, "address size")
        }
        guard encoding.addressBytes == 8 || encoding.addressBytes == 4 else {
            throw ReadError(.invalidValue, at: Int(clamping: offset), reading: "address size")
        }
        headerBytes = reader.position
    }

    var isTypeUnit: Bool { kind == UnitKind.type || kind == UnitKind.splitType }
}
