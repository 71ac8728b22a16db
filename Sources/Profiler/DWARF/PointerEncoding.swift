import BinaryReading

/// How a pointer is written in `.eh_frame` (Linux Standard Base Core 5.0, "DWARF Exception Header Encoding").
struct PointerEncoding: Equatable {
    var rawValue: UInt8

    /// A plain 8-byte address, as everywhere in `.debug_frame`.
    static let absolute = PointerEncoding(rawValue: 0x00)
    static let omitted = PointerEncoding(rawValue: 0xff)

    /// The value's format without what it is relative to.
    var format: UInt8 { rawValue & 0x0f }
    var application: UInt8 { rawValue & 0x70 }
    /// The value is the address of a word that holds the pointer.
    var isIndirect: Bool { rawValue & 0x80 != 0 }
}

/// The addresses that encoded pointers are relative to; nil where a file does not have them.
struct PointerBases {
    /// ELF address of offset 0 of what the reader reads.
    var sectionAddress: UInt64 = 0
    var textAddress: UInt64?
    var dataAddress: UInt64?
    var functionAddress: UInt64?

    /// Reads a pointer and gives the ELF address that it stands for.
    ///
    /// Indirect pointers would need the memory of the running process; no linker writes them where code addresses are
    /// needed, and they are refused.
    @inline(__always)
    func read(_ encoding: PointerEncoding, _ reader: inout ByteReader) throws(ReadError) -> UInt64 {
        // What nearly all files use: a signed 4-byte distance from the pointer itself.
        if encoding.rawValue == 0x1b {
            let place = sectionAddress &+ UInt64(truncatingIfNeeded: reader.absolutePosition)
            return place &+ UInt64(bitPattern: Int64(try reader.read(Int32.self, "encoded pointer")))
        }
        return try readRare(encoding, &reader)
    }

    private func readRare(_ encoding: PointerEncoding, _ reader: inout ByteReader) throws(ReadError) -> UInt64 {
        let offset = reader.absolutePosition
        if encoding == .omitted || encoding.isIndirect {
            throw ReadError(.invalidValue, at: offset, reading: "pointer encoding")
        }
        var place = sectionAddress &+ UInt64(truncatingIfNeeded: offset)
        if encoding.application == 0x50 {
            let padding = Int(truncatingIfNeeded: (0 &- place) & 7)
            try reader.skip(padding, "pointer alignment")
            place &+= UInt64(truncatingIfNeeded: padding)
        }
        let value = try encoding.readValue(&reader)
        let base: UInt64? =
            switch encoding.application {
            case 0x00, 0x50: 0
            case 0x10: place
            case 0x20: textAddress
            case 0x30: dataAddress
            case 0x40: functionAddress
            default: nil
            }
        guard let base else { throw ReadError(.invalidValue, at: offset, reading: "pointer encoding") }
        return base &+ value
    }
}

extension PointerEncoding {
    /// Reads the number alone, sign-extended if its format is signed.
    @inline(__always)
    func readValue(_ reader: inout ByteReader) throws(ReadError) -> UInt64 {
        switch format {
        case 0x00, 0x04, 0x0c, 0x08: return try reader.read(UInt64.self, "encoded pointer")
        case 0x01: return try reader.readULEB128("encoded pointer")
        case 0x02: return UInt64(try reader.read(UInt16.self, "encoded pointer"))
        case 0x03: return UInt64(try reader.read(UInt32.self, "encoded pointer"))
        case 0x09: return UInt64(bitPattern: try reader.readSLEB128("encoded pointer"))
        case 0x0a: return UInt64(bitPattern: Int64(try reader.read(Int16.self, "encoded pointer")))
        case 0x0b: return UInt64(bitPattern: Int64(try reader.read(Int32.self, "encoded pointer")))
        default: throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "pointer encoding")
        }
    }

    /// Reads a length in the pointer's format; a length is never negative, whatever the format's sign.
    @inline(__always)
    func readLength(_ reader: inout ByteReader) throws(ReadError) -> UInt64 {
        let value = try readValue(&reader)
        switch format {
        case 0x0a: return value & 0xffff
        case 0x0b: return value & 0xffff_ffff
        default: return value
        }
    }
}
