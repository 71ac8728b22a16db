import BinaryReading

/// The sizes that a unit's entries are written with.
struct UnitEncoding: Sendable, Hashable {
    var version: UInt16
    /// 64-bit DWARF: offsets have 8 bytes.
    var is64Bit: Bool
    var addressBytes: UInt8

    var offsetBytes: Int { is64Bit ? 8 : 4 }
}

/// Where a text is.
enum StringPlace: Sendable, Hashable {
    /// Among the entries themselves: offset in `.debug_info`, or in `.debug_line` for names of files.
    case inline(UInt64)
    case strings(UInt64)
    case lineStrings(UInt64)
    /// Index into the unit's share of `.debug_str_offsets`.
    case index(UInt64)
    /// In the supplementary file's `.debug_str`.
    case supplementary(UInt64)
}

/// An attribute's value, not yet looked up where it is elsewhere.
enum AttributeValue: Sendable, Hashable {
    /// Also offsets in sections, and indexes: which is meant follows from the attribute.
    case number(UInt64)
    case address(UInt64)
    /// Index into the unit's share of `.debug_addr`, and what to add.
    case addressIndex(UInt64, offset: UInt64)
    case string(StringPlace)
    /// Relative to the unit's header.
    case unitReference(UInt64)
    /// Offset in `.debug_info`.
    case reference(UInt64)
    /// Offset in the supplementary file's `.debug_info`.
    case supplementaryReference(UInt64)
    /// Index into the unit's list of range lists.
    case rangeListIndex(UInt64)
    case other
}

extension ByteReader {
    /// An offset of 32- or 64-bit DWARF.
    mutating func readOffset(_ encoding: UnitEncoding, _ subject: StaticString = "offset") throws(ReadError) -> UInt64 {
        encoding.is64Bit ? try read(UInt64.self, subject) : UInt64(try read(UInt32.self, subject))
    }

    /// A length and whether what it measures is 64-bit DWARF (DWARF 5 §7.4).
    mutating func readInitialLength(_ subject: StaticString) throws(ReadError) -> (length: UInt64, is64Bit: Bool) {
        let first = try read(UInt32.self, subject)
        if first < 0xffff_fff0 { return (UInt64(first), false) }
        guard first == 0xffff_ffff else { throw ReadError(.invalidValue, at: absolutePosition, reading: subject) }
        return (try read(UInt64.self, subject), true)
    }

    /// A little-endian number of 1 to 8 bytes.
    @inline(__always)
    mutating func readNumber(bytes count: Int, _ subject: StaticString = "number") throws(ReadError) -> UInt64 {
        switch count {
        case 1: return UInt64(try read(UInt8.self, subject))
        case 2: return UInt64(try read(UInt16.self, subject))
        case 4: return UInt64(try read(UInt32.self, subject))
        case 8: return try read(UInt64.self, subject)
        case 3: return UInt64(try read(UInt16.self, subject)) | UInt64(try read(UInt8.self, subject)) << 16
        default: throw ReadError(.invalidValue, at: absolutePosition, reading: subject)
        }
    }

    /// Reads a value of form `form` (DWARF 5 §7.5.6; DW_FORM_GNU_* of dwz and split DWARF).
    mutating func readValue(
        _ form: UInt16, _ encoding: UnitEncoding, implicit: Int64 = 0
    ) throws(ReadError) -> AttributeValue {
        switch form {
        case 0x01: return .address(try readNumber(bytes: Int(encoding.addressBytes), "DW_FORM_addr"))
        case 0x05, 0x0b: return .number(try readNumber(bytes: form == 0x05 ? 2 : 1))
        case 0x06: return .number(UInt64(try read(UInt32.self, "DW_FORM_data4")))
        case 0x07: return .number(try read(UInt64.self, "DW_FORM_data8"))
        case 0x08:
            let place = UInt64(absolutePosition)
            try skipString()
            return .string(.inline(place))
        case 0x0c: return .number(UInt64(try read(UInt8.self, "DW_FORM_flag")))
        case 0x0d: return .number(UInt64(bitPattern: try readSLEB128("DW_FORM_sdata")))
        case 0x0e: return .string(.strings(try readOffset(encoding, "DW_FORM_strp")))
        case 0x0f: return .number(try readULEB128("DW_FORM_udata"))
        case 0x10:
            // An address in DWARF 2, an offset since.
            if encoding.version <= 2 { return .reference(try readNumber(bytes: Int(encoding.addressBytes))) }
            return .reference(try readOffset(encoding, "DW_FORM_ref_addr"))
        case 0x11: return .unitReference(UInt64(try read(UInt8.self, "DW_FORM_ref1")))
        case 0x12: return .unitReference(UInt64(try read(UInt16.self, "DW_FORM_ref2")))
        case 0x13: return .unitReference(UInt64(try read(UInt32.self, "DW_FORM_ref4")))
        case 0x14: return .unitReference(try read(UInt64.self, "DW_FORM_ref8"))
        case 0x15: return .unitReference(try readULEB128("DW_FORM_ref_udata"))
        case 0x16:
            let actual = try readULEB128("DW_FORM_indirect")
            // One that names itself, or one whose value stands in the abbreviation, makes no sense here.
            guard actual != 0x16, actual != 0x21, let actual = UInt16(exactly: actual) else {
                throw ReadError(.invalidValue, at: absolutePosition, reading: "DW_FORM_indirect")
            }
            return try readValue(actual, encoding)
        case 0x17: return .number(try readOffset(encoding, "DW_FORM_sec_offset"))
        case 0x19: return .number(1)
        case 0x1a, 0x1f02: return .string(.index(try readULEB128("DW_FORM_strx")))
        case 0x1b, 0x1f01: return .addressIndex(try readULEB128("DW_FORM_addrx"), offset: 0)
        case 0x1c: return .supplementaryReference(UInt64(try read(UInt32.self, "DW_FORM_ref_sup4")))
        case 0x1d, 0x1f21: return .string(.supplementary(try readOffset(encoding, "DW_FORM_strp_sup")))
        case 0x1f: return .string(.lineStrings(try readOffset(encoding, "DW_FORM_line_strp")))
        case 0x21: return .number(UInt64(bitPattern: implicit))
        case 0x23: return .rangeListIndex(try readULEB128("DW_FORM_rnglistx"))
        case 0x24: return .supplementaryReference(try read(UInt64.self, "DW_FORM_ref_sup8"))
        case 0x25...0x28:
            return .string(.index(try readNumber(bytes: Int(form - 0x24), "DW_FORM_strx")))
        case 0x29...0x2c: return .addressIndex(try readNumber(bytes: Int(form - 0x28), "DW_FORM_addrx"), offset: 0)
        case 0x1f20: return .supplementaryReference(try readOffset(encoding, "DW_FORM_GNU_ref_alt"))
        case 0x2001:
            let index = try readULEB128("DW_FORM_LLVM_addrx_offset")
            return .addressIndex(index, offset: UInt64(try read(UInt32.self, "DW_FORM_LLVM_addrx_offset")))
        default:
            try skipValue(form, encoding)
            return .other
        }
    }

    /// Moves past a value.
    mutating func skipValue(_ form: UInt16, _ encoding: UnitEncoding) throws(ReadError) {
        if let size = encoding.fixedSize(of: form) {
            try skip(size, "attribute")
            return
        }
        switch form {
        case 0x08: try skipString()
        case 0x0d, 0x0f, 0x15, 0x1a, 0x1b, 0x1f01, 0x1f02, 0x22, 0x23: try skipLEB128()
        case 0x03: try skip(Int(try read(UInt16.self, "DW_FORM_block2")), "DW_FORM_block2")
        case 0x04: try skip(Int(try read(UInt32.self, "DW_FORM_block4")), "DW_FORM_block4")
        case 0x09, 0x18: try skip(Int(clamping: try readULEB128("DW_FORM_block")), "DW_FORM_block")
        case 0x0a: try skip(Int(try read(UInt8.self, "DW_FORM_block1")), "DW_FORM_block1")
        case 0x16: _ = try readValue(form, encoding)
        case 0x2001:
            try skipLEB128()
            try skip(4, "DW_FORM_LLVM_addrx_offset")
        default: throw ReadError(.invalidValue, at: absolutePosition, reading: "DW_FORM")
        }
    }

    private mutating func skipLEB128() throws(ReadError) {
        while try read(UInt8.self, "LEB128") & 0x80 != 0 {}
    }

    private mutating func skipString() throws(ReadError) {
        while try read(UInt8.self, "DW_FORM_string") != 0 {}
    }
}

extension UnitEncoding {
    /// Bytes of a value of this form; nil where that depends on the value.
    func fixedSize(of form: UInt16) -> Int? {
        switch form {
        case 0x19, 0x21: 0
        case 0x0b, 0x0c, 0x11, 0x25, 0x29: 1
        case 0x05, 0x12, 0x26, 0x2a: 2
        case 0x27, 0x2b: 3
        case 0x06, 0x13, 0x1c, 0x28, 0x2c: 4
        case 0x07, 0x14, 0x20, 0x24: 8
        case 0x1e: 16
        case 0x01: Int(addressBytes)
        case 0x10: version <= 2 ? Int(addressBytes) : offsetBytes
        case 0x0e, 0x17, 0x1d, 0x1f, 0x1f20, 0x1f21: offsetBytes
        default: nil
        }
    }
}
