import BinaryReading

/// The shapes of a unit's entries (DWARF 5 §7.5.3), for one encoding.
final class Abbreviations: Sendable {
    struct Attribute: Sendable {
        var name: UInt16
        var form: UInt16
        var implicitValue: Int64
    }

    struct Declaration: Sendable {
        var tag: UInt16
        var hasChildren: Bool
        /// Bytes of all attributes together; nil where that depends on their values.
        var fixedSize: Int?
        /// Range in `attributes`.
        var first: Int
        var count: Int
    }

    private static let attributeLimit = 4 << 20
    private static let declarationLimit = 1 << 20

    /// Those with codes 1, 2, 3, … in this order, as all compilers write them.
    private let dense: [Declaration]
    private let others: [UInt64: Declaration]
    let attributes: [Attribute]

    var sizeBytes: Int {
        dense.count * MemoryLayout<Declaration>.stride + others.count * 2 * MemoryLayout<Declaration>.stride
            + attributes.count * MemoryLayout<Attribute>.stride
    }

    /// Reads the list at `offset`.
    /// - Parameter code: stops when this one was read; for the first entry of a unit.
    init(
        _ section: DebugSection, at offset: UInt64, _ encoding: UnitEncoding, until code: UInt64? = nil
    ) throws(ReadError) {
        var pieceBytes = code == nil ? 16 << 10 : 512
        while true {
            let bytes = try section.bytes(at: offset, upTo: pieceBytes, "abbreviations")
            do throws(ReadError) {
                let parsed = try bytes.withByteReader { (reader) throws(ReadError) in
                    try Self.parse(&reader, encoding, until: code)
                }
                (dense, others, attributes) = parsed
                return
            } catch {
                // Lists have no length: another attempt with more of it.
                let isCut = error.kind == .insufficientData && UInt64(bytes.count) < section.size - offset
                guard isCut, pieceBytes < 64 << 20 else { throw error }
                pieceBytes *= 8
            }
        }
    }

    @inline(__always)
    subscript(code: UInt64) -> Declaration? {
        if code &- 1 < UInt64(dense.count) { return dense[Int(code &- 1)] }
        return others[code]
    }

    private static func parse(
        _ reader: inout ByteReader, _ encoding: UnitEncoding, until wanted: UInt64?
    ) throws(ReadError) -> ([Declaration], [UInt64: Declaration], [Attribute]) {
        var dense: [Declaration] = []
        var others: [UInt64: Declaration] = [:]
        var attributes: [Attribute] = []
        while true {
            let code = try reader.readULEB128("abbreviation code")
            if code == 0 { break }
            let tag = UInt16(truncatingIfNeeded: try reader.readULEB128("tag"))
            let hasChildren = try reader.read(UInt8.self, "children flag") != 0
            var size: Int? = 0
            let first = attributes.count
            while true {
                let name = try reader.readULEB128("attribute name")
                let form = try reader.readULEB128("attribute form")
                if name == 0 && form == 0 { break }
                guard let form = UInt16(exactly: form) else {
                    throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "attribute form")
                }
                let implicit = form == 0x21 ? try reader.readSLEB128("implicit constant") : 0
                attributes.append(
                    Attribute(name: UInt16(clamping: name), form: form, implicitValue: implicit))
                if let known = size, let more = encoding.fixedSize(of: form) { size = known + more } else { size = nil }
            }
            guard attributes.count <= attributeLimit, dense.count + others.count < declarationLimit else {
                throw ReadError(.limitExceeded, at: reader.absolutePosition, reading: "abbreviations")
            }
            let declaration = Declaration(
                tag: tag, hasChildren: hasChildren, fixedSize: size, first: first, count: attributes.count - first)
            if code == UInt64(dense.count) + 1 {
                dense.append(declaration)
            } else if others[code] == nil {
                others[code] = declaration
            }
            if code == wanted { break }
        }
        return (dense, others, attributes)
    }
}

extension ByteReader {
    /// Moves past an entry's attributes.
    @inline(__always)
    mutating func skipAttributes(
        _ declaration: Abbreviations.Declaration, _ abbreviations: Abbreviations, _ encoding: UnitEncoding
    ) throws(ReadError) {
        if let size = declaration.fixedSize {
            try skip(size, "attributes")
            return
        }
        for index in declaration.first..<(declaration.first &+ declaration.count) {
            try skipValue(abbreviations.attributes[index].form, encoding)
        }
    }
}
