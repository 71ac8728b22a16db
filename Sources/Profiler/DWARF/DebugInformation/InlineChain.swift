import BinaryReading

/// A function at an address: the one that holds the code, or one that was inlined there.
struct FunctionEntry: Sendable {
    /// Of the entry, from its unit's header.
    var entry: UInt64
    /// The first address of the range that holds the address.
    var start: UInt64
    /// Where an inlined function was called, in the function around it.
    var callFile: UInt64?
    var callLine: UInt32 = 0
    var callColumn: UInt32 = 0
}

extension UnitEntries {
    private static let inlineDepthLimit = 256

    /// The function and the functions inlined into it at the address, from the outermost to the innermost.
    func chain(of function: Function, at address: UInt64) -> [FunctionEntry] {
        var chain = [FunctionEntry(entry: UInt64(function.entry), start: function.range.start)]
        // What comes before damage is good.
        try? withReader(at: UInt64(function.entry)) { (reader) throws(ReadError) in
            try descend(&reader, address, &chain)
        }
        return chain
    }

    private func descend(
        _ reader: inout ByteReader, _ address: UInt64, _ chain: inout [FunctionEntry]
    ) throws(ReadError) {
        let encoding = context.encoding
        var depth = 0
        // The depth of the innermost inlined function found so far: when its entries end, all are known.
        var innermost = 0
        // Entries deeper than this belong to what does not have the address.
        var skipped = Int.max
        repeat {
            let entry = UInt64(reader.position)
            let code = try reader.readULEB128("abbreviation code")
            if code == 0 {
                depth -= 1
                if depth <= innermost { return }
                if depth <= skipped { skipped = .max }
                continue
            }
            guard let declaration = abbreviations[code] else {
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "abbreviation code")
            }
            let isCandidate = declaration.tag == DebugTag.inlinedSubroutine && skipped == .max
            if depth == 0 || !isCandidate {
                try reader.skipAttributes(declaration, abbreviations, encoding)
                // Functions within the function have code of their own.
                if depth > 0, declaration.tag == DebugTag.subprogram, declaration.hasChildren, skipped == .max {
                    skipped = depth
                }
                if declaration.hasChildren { depth += 1 } else if depth == 0 { return }
                continue
            }
            let (found, sibling) = try inlined(&reader, declaration, entry, address)
            if let found {
                chain.append(found)
                guard declaration.hasChildren, chain.count <= Self.inlineDepthLimit else { return }
                innermost = depth
                depth += 1
            } else if declaration.hasChildren {
                if let sibling, sibling > entry, let place = Int(exactly: sibling), place > reader.position {
                    try reader.seek(to: place, "sibling")
                } else {
                    skipped = depth
                    depth += 1
                }
            }
        } while !reader.isAtEnd
    }

    /// Reads the attributes of an inlined function; nil when it does not have the address.
    private func inlined(
        _ reader: inout ByteReader, _ declaration: Abbreviations.Declaration, _ entry: UInt64, _ address: UInt64
    ) throws(ReadError) -> (FunctionEntry?, sibling: UInt64?) {
        var found = FunctionEntry(entry: entry, start: 0)
        var extent = AddressExtent()
        var sibling: UInt64?
        for index in declaration.first..<(declaration.first &+ declaration.count) {
            let attribute = abbreviations.attributes[index]
            let value = try reader.readValue(
                attribute.form, context.encoding, implicit: attribute.implicitValue)
            if extent.take(attribute.name, value) { continue }
            switch (attribute.name, value) {
            case (DebugAttribute.callFile, .number(let number)): found.callFile = number
            case (DebugAttribute.callLine, .number(let number)): found.callLine = UInt32(clamping: number)
            case (DebugAttribute.callColumn, .number(let number)): found.callColumn = UInt32(clamping: number)
            case (DebugAttribute.sibling, .unitReference(let offset)): sibling = offset
            default: break
            }
        }
        // A damaged list costs its function only.
        guard let range = try? context.covers(address, extent) else { return (nil, sibling) }
        found.start = range.start
        return (found, sibling)
    }
}
