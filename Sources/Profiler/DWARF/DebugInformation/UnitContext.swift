import BinaryReading

/// A unit's first entry, and what its other entries need to be understood.
final class UnitContext: Sendable {
    let header: UnitHeader
    let tag: UInt16
    /// Where its entries are.
    let sections: DebugSections
    /// Where the line table and the names of its files are: a split unit's are in the skeleton's file.
    let lineSections: DebugSections
    let language: DebugLanguage
    /// Offset in `.debug_line`.
    let lineProgram: UInt64?
    let folderPlace: StringPlace?
    let namePlace: StringPlace?
    /// What ranges of addresses are relative to.
    let lowPC: UInt64?
    /// The attributes that tell which addresses the unit has.
    let extent: AddressExtent
    let bases: Bases
    /// For a skeleton: the file with the unit itself, and what both have in common.
    let splitName: StringPlace?
    let splitID: UInt64?

    /// Where the unit's shares of other sections begin.
    struct Bases: Sendable {
        var stringOffsets: UInt64?
        var addresses: UInt64?
        var rangeLists: UInt64?
        /// Of DWARF 4's split units: what their offsets in `.debug_ranges` are relative to.
        var ranges: UInt64 = 0
    }

    var encoding: UnitEncoding { header.encoding }
    var sizeBytes: Int { 512 }

    /// Reads the first entry.
    /// - Parameter skeleton: for a split unit: the unit that stands for it in the linked file.
    init(_ header: UnitHeader, _ sections: DebugSections, skeleton: UnitContext? = nil) throws(ReadError) {
        var root = RootEntry()
        try root.read(header, sections)
        self.header = header
        self.sections = sections
        lineSections = skeleton?.lineSections ?? sections
        tag = root.tag
        language = root.language
        lineProgram = skeleton?.lineProgram ?? root.lineProgram
        folderPlace = skeleton == nil ? root.folder : nil
        namePlace = root.name
        splitName = root.splitName
        splitID = header.splitID ?? root.splitID
        var bases = root.bases
        // A skeleton has the base for its split unit; its own ranges are not relative.
        splitRangesBase = bases.ranges
        bases.ranges = skeleton?.splitRangesBase ?? 0
        if let skeleton { bases.addresses = skeleton.bases.addresses }
        // A split unit's shares begin after the head of its own section.
        if bases.rangeLists == nil, skeleton != nil { bases.rangeLists = header.encoding.is64Bit ? 20 : 12 }
        if bases.stringOffsets == nil {
            bases.stringOffsets =
                skeleton == nil || header.encoding.version < 5 ? 0 : header.encoding.is64Bit ? 16 : 8
        }
        self.bases = bases
        extent = root.extent
        lowPC = skeleton?.lowPC ?? Self.address(root.extent.low, bases, sections, header.encoding)
        splitFolder = skeleton?.folder ?? ""
    }

    private let splitFolder: String
    private let splitRangesBase: UInt64

    /// The folder that relative paths start from; empty when unknown.
    var folder: String { folderPlace.flatMap { try? string($0) } ?? splitFolder }

    // MARK: - Looking up

    func string(_ place: StringPlace) throws(ReadError) -> String {
        switch place {
        case .inline(let offset): return try sections.information.string(at: offset)
        case .strings(let offset): return try sections.strings.string(at: offset)
        case .lineStrings(let offset): return try sections.lineStrings.string(at: offset)
        case .supplementary(let offset): return try sections.supplementaryStrings.string(at: offset)
        case .index(let index):
            let width = encoding.offsetBytes
            let place = (bases.stringOffsets ?? 0) &+ index &* UInt64(width)
            let offset = try sections.stringOffsets.number(at: place, bytes: width, "string offset")
            return try sections.strings.string(at: offset)
        }
    }

    /// Nil for what is no address.
    func address(_ value: AttributeValue?) -> UInt64? {
        Self.address(value, bases, sections, encoding)
    }

    func address(at index: UInt64) throws(ReadError) -> UInt64 {
        try Self.address(at: index, bases, sections, encoding)
    }

    private static func address(
        _ value: AttributeValue?, _ bases: Bases, _ sections: DebugSections, _ encoding: UnitEncoding
    ) -> UInt64? {
        switch value {
        case .address(let address): address
        case .addressIndex(let index, let offset):
            (try? address(at: index, bases, sections, encoding)).map { $0 &+ offset }
        default: nil
        }
    }

    private static func address(
        at index: UInt64, _ bases: Bases, _ sections: DebugSections, _ encoding: UnitEncoding
    ) throws(ReadError) -> UInt64 {
        let width = Int(encoding.addressBytes)
        let place = (bases.addresses ?? 0) &+ index &* UInt64(width)
        return try sections.addresses.number(at: place, bytes: width, "address")
    }
}

/// The attributes that tell which addresses an entry has.
struct AddressExtent: Sendable {
    var low: AttributeValue?
    var high: AttributeValue?
    var ranges: AttributeValue?

    var isEmpty: Bool { ranges == nil && (low == nil || high == nil) }

    /// Takes the attribute if it is one of them.
    /// - Returns: whether it was.
    @inline(__always)
    mutating func take(_ name: UInt16, _ value: AttributeValue) -> Bool {
        switch name {
        case DebugAttribute.lowPC: low = value
        case DebugAttribute.highPC: high = value
        case DebugAttribute.ranges: ranges = value
        default: return false
        }
        return true
    }
}

/// What a unit's first entry says.
private struct RootEntry {
    var tag: UInt16 = 0
    var language = DebugLanguage.unknown
    var lineProgram: UInt64?
    var folder, name, splitName: StringPlace?
    var splitID: UInt64?
    var extent = AddressExtent()
    var bases = UnitContext.Bases()

    mutating func read(_ header: UnitHeader, _ sections: DebugSections) throws(ReadError) {
        let start = header.offset &+ UInt64(header.headerBytes)
        guard start < header.end else {
            throw ReadError(.insufficientData, at: Int(clamping: start), reading: "unit entry")
        }
        // First entries have some 50 bytes; some producers put whole command lines into them.
        for limit in [512, 64 << 10] {
            let bytes = try sections.information.bytes(
                at: start, count: Int(min(header.end - start, UInt64(limit))), "unit entry")
            var attempt = self
            do throws(ReadError) {
                try bytes.withReader(origin: Int(clamping: start)) { (reader) throws(ReadError) in
                    try attempt.read(&reader, header, sections)
                }
                self = attempt
                return
            } catch {
                if error.kind != .insufficientData || bytes.count < limit || limit > 512 { throw error }
            }
        }
    }

    private mutating func read(
        _ reader: inout ByteReader, _ header: UnitHeader, _ sections: DebugSections
    ) throws(ReadError) {
        let code = try reader.readULEB128("abbreviation code")
        let abbreviations = try Abbreviations(
            sections.abbreviations, at: header.abbreviationsOffset, header.encoding, until: code)
        guard let declaration = abbreviations[code] else {
            throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "abbreviation code")
        }
        tag = declaration.tag
        for index in declaration.first..<(declaration.first + declaration.count) {
            let attribute = abbreviations.attributes[index]
            take(
                attribute.name,
                try reader.readValue(attribute.form, header.encoding, implicit: attribute.implicitValue))
        }
    }

    private mutating func take(_ name: UInt16, _ value: AttributeValue) {
        if extent.take(name, value) { return }
        switch (name, value) {
        case (DebugAttribute.language, .number(let code)): language = DebugLanguage(code: code)
        case (DebugAttribute.statementList, .number(let offset)): lineProgram = offset
        case (DebugAttribute.compilationFolder, .string(let place)): folder = place
        case (DebugAttribute.name, .string(let place)): self.name = place
        case (DebugAttribute.splitName, .string(let place)), (DebugAttribute.gnuSplitName, .string(let place)):
            splitName = place
        case (DebugAttribute.gnuSplitID, .number(let id)): splitID = id
        case (DebugAttribute.stringOffsetsBase, .number(let base)): bases.stringOffsets = base
        case (DebugAttribute.addressBase, .number(let base)), (DebugAttribute.gnuAddressBase, .number(let base)):
            bases.addresses = base
        case (DebugAttribute.rangeListsBase, .number(let base)): bases.rangeLists = base
        case (DebugAttribute.gnuRangesBase, .number(let base)): bases.ranges = base
        default: break
        }
    }
}

extension Array where Element == UInt8 {
    /// Lends these bytes as a reader whose absolute positions begin at `origin`.
    func withReader<Result>(
        origin: Int, _ body: (inout ByteReader) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(ReadError) in
            var reader = ByteReader(UnsafeRawBufferPointer(buffer), origin: origin)
            return try body(&reader)
        }
    }
}
