import BinaryReading

/// What a function is called, gathered from its entry and those that the entry refers to.
struct FunctionNames: Sendable {
    var name: StringPlace?
    var linkageName: StringPlace?
    var declarationLine: UInt32 = 0
    /// Where the texts are: the entries may lie in several units and files.
    var nameContext: UnitContext?
    var linkageContext: UnitContext?

    var isComplete: Bool { linkageName != nil && declarationLine != 0 }

}

/// What a function is called.
struct FunctionTexts: Sendable {
    /// The linkage name where there is one, else the name in the source; empty when unknown.
    var name = ""
    var isLinkageName = false
    var declarationLine: UInt32

    init(_ names: FunctionNames) {
        declarationLine = names.declarationLine
        if let place = names.linkageName, let text = try? names.linkageContext?.string(place), !text.isEmpty {
            (name, isLinkageName) = (text, true)
        } else if let place = names.name, let text = try? names.nameContext?.string(place) {
            name = text
        }
    }
}

extension DebugUnits {
    /// An out-of-line copy refers to its abstract form, that to its declaration; dwz adds none.
    private static let hopLimit = 8

    private enum Next {
        case unit(UInt64)
        case section(UInt64)
        case supplementary(UInt64)
    }

    /// The names of the function whose entry is at `entry` from the header of the unit `entries`.
    func names(of entry: UInt64, in entries: UnitEntries) -> FunctionNames {
        var names = FunctionNames()
        var units = self
        var context = entries.context
        var next = try? entries.withReader(at: entry) { (reader) throws(ReadError) in
            try Self.read(&reader, entries.context, entries.abbreviations, into: &names)
        }
        for _ in 0..<Self.hopLimit {
            guard let place = next ?? nil, !names.isComplete else { break }
            var offset: UInt64
            switch place {
            case .unit(let distance):
                // Nearly always the unit whose bytes are at hand.
                if context === entries.context {
                    next = try? entries.withReader(at: distance) { (reader) throws(ReadError) in
                        try Self.read(&reader, context, entries.abbreviations, into: &names)
                    }
                    continue
                }
                offset = context.header.offset &+ distance
            case .section(let place): offset = place
            case .supplementary(let place):
                guard let supplementary = units.supplementary else { return names }
                units = supplementary
                offset = place
            }
            guard let start = units.unitStart(containing: offset),
                let found = try? units.context(at: start),
                let abbreviations = try? units.abbreviations(of: found)
            else { break }
            context = found
            next = units.read(entryAt: offset, found, abbreviations, into: &names)
        }
        return names
    }

    /// Reads an entry by itself: its unit may be large and is not needed.
    private func read(
        entryAt offset: UInt64, _ context: UnitContext, _ abbreviations: Abbreviations,
        into names: inout FunctionNames
    ) -> Next? {
        guard offset < context.header.end else { return nil }
        for limit in [256, 64 << 10] {
            let count = Int(min(context.header.end - offset, UInt64(limit)))
            guard let bytes = try? sections.information.bytes(at: offset, count: count, "entry") else { return nil }
            var attempt = names
            do throws(ReadError) {
                let next = try bytes.withReader(origin: Int(clamping: offset)) { (reader) throws(ReadError) in
                    try Self.read(&reader, context, abbreviations, into: &attempt)
                }
                names = attempt
                return next
            } catch {
                if error.kind != .insufficientData || count < limit { return nil }
            }
        }
        return nil
    }

    private static func read(
        _ reader: inout ByteReader, _ context: UnitContext, _ abbreviations: Abbreviations,
        into names: inout FunctionNames
    ) throws(ReadError) -> Next? {
        let code = try reader.readULEB128("abbreviation code")
        guard let declaration = abbreviations[code] else {
            throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "abbreviation code")
        }
        var next: Next?
        for index in declaration.first..<(declaration.first &+ declaration.count) {
            let attribute = abbreviations.attributes[index]
            switch attribute.name {
            case DebugAttribute.name, DebugAttribute.linkageName, DebugAttribute.mipsLinkageName,
                DebugAttribute.declarationLine, DebugAttribute.abstractOrigin, DebugAttribute.specification:
                break
            default:
                try reader.skipValue(attribute.form, context.encoding)
                continue
            }
            let value = try reader.readValue(attribute.form, context.encoding, implicit: attribute.implicitValue)
            switch (attribute.name, value) {
            case (DebugAttribute.name, .string(let place)):
                if names.name == nil { (names.name, names.nameContext) = (place, context) }
            case (DebugAttribute.declarationLine, .number(let line)):
                if names.declarationLine == 0 { names.declarationLine = UInt32(clamping: line) }
            case (_, .string(let place)):
                if names.linkageName == nil { (names.linkageName, names.linkageContext) = (place, context) }
            case (_, .unitReference(let distance)): next = .unit(distance)
            case (_, .reference(let offset)): next = .section(offset)
            case (_, .supplementaryReference(let offset)): next = .supplementary(offset)
            default: break
            }
        }
        return next
    }
}
