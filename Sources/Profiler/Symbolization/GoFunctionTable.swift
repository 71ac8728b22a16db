import ObjectFiles

/// The functions of a Go program with files and lines, by `.gopclntab`, which stripping leaves in place.
///
/// Read where an address is asked for; hardly any memory is held. Sources of the format: Go's `debug/gosym/pclntab.go`
/// and `runtime/symtab.go`.
public struct GoFunctionTable: SymbolSource {
    private static let pieceEntries: UInt64 = 256
    private static let inlineDepthLimit = 128

    let header: GoFunctionTableHeader
    let names: SymbolStrings
    let file: ELFFile
    private let source: any BinarySource
    /// What functions' data is relative to, where it is relative; nil where that is not known.
    private(set) var functionData: UInt64?

    /// Nil when the file is no Go program, or its table cannot be used.
    public init?(_ file: ELFFile) {
        guard let header = GoFunctionTableHeader.find(in: file) else { return nil }
        self.header = header
        self.file = file
        source = file.source
        names = SymbolStrings(source, offset: header.start &+ header.names, size: header.size - header.names)
        functionData = findFunctionData()
    }

    public var sizeBytes: Int { names.sizeBytes }

    public func lookup(_ address: UInt64) -> SymbolMatch? {
        guard let function = function(at: address), let name = function.name else { return nil }
        var frames: [SymbolMatch.Frame] = []
        // The place of each function is that of the address, of the call for those around inlined ones.
        var distance = address &- function.start
        while frames.count < Self.inlineDepthLimit, let call = inlinedCall(in: function, distance) {
            frames.append(frame(call.name, call.startLine, function, distance))
            distance = call.parent
        }
        frames.append(frame(name, function.startLine, function, distance))
        return SymbolMatch(frames: frames, functionStart: function.start)
    }

    private func frame(
        _ name: String, _ startLine: UInt32, _ function: Function, _ distance: UInt64
    ) -> SymbolMatch.Frame {
        var frame = SymbolMatch.Frame(systemName: name, isMangled: false, startLine: startLine, language: .go)
        if let line = value(at: function.lines, distance), line > 0 {
            frame.line = UInt32(line)
            frame.fileName = value(at: function.files, distance).flatMap { fileName($0, function.unit) } ?? ""
        }
        return frame
    }

    // MARK: - Functions

    struct Function {
        /// ELF virtual address.
        var start: UInt64
        var name: String?
        /// Offsets in the table of values by program counter.
        var files: UInt32
        var lines: UInt32
        /// Where the compilation unit's files begin; 0 where there is one list for all.
        var unit: UInt32
        var startLine: UInt32
        /// The record's offset in the table.
        var record: UInt64
        /// How many lists of values by program counter, and how many pieces of data, follow the record.
        var valueListCount: UInt32
        var dataCount: UInt32
    }

    private func function(at address: UInt64) -> Function? {
        // The list ends with the first address after the last function.
        guard let first = entry(0), let end = entry(header.functionCount), address >= first.start, address < end.start
        else { return nil }
        // Entry `low` begins at or before the address, entry `high` after it.
        var low: UInt64 = 0
        var high = header.functionCount
        while high - low > Self.pieceEntries {
            let middle = low + (high - low) / 2
            guard let found = entry(middle) else { return nil }
            if found.start <= address { low = middle } else { high = middle }
        }
        guard
            let piece = read(
                header.functions &+ low * header.entryBytes, count: Int((high - low) * header.entryBytes))
        else { return nil }
        var chosen = 0
        var following = Int(high - low)
        while following - chosen > 1 {
            let middle = (chosen + following) / 2
            if entry(in: piece, middle).start <= address { chosen = middle } else { following = middle }
        }
        let place = entry(in: piece, chosen)
        return function(place.offset, start: place.start)
    }

    func function(_ offset: UInt64, start: UInt64) -> Function? {
        let width = Int(header.addressBytes)
        guard offset < header.size, let record = read(header.records &+ offset, count: width + 36) else { return nil }
        let fields = (0..<9).map { number(record, width + 4 * $0, bytes: 4) }.map { UInt32(truncatingIfNeeded: $0) }
        let name = names.name(at: fields[0])
        // The last byte of the record.
        let counts = read(header.records &+ offset &+ header.recordBytes &- 4, count: 4) ?? []
        return Function(
            start: start, name: name.isEmpty ? nil : name, files: fields[4], lines: fields[5],
            unit: header.layout == .go1_2 ? 0 : fields[7],
            startLine: header.layout == .go1_20 ? UInt32(max(0, Int32(bitPattern: fields[8]))) : 0,
            record: header.records &+ offset, valueListCount: fields[6], dataCount: UInt32(counts.last ?? 0))
    }

    /// The address and the record's offset of a function; of the end of all functions the address alone.
    func entry(_ index: UInt64) -> (start: UInt64, offset: UInt64)? {
        let count = index == header.functionCount ? header.addressBytes : header.entryBytes
        return read(header.functions &+ index * header.entryBytes, count: Int(count)).map { entry(in: $0, 0) }
    }

    private func entry(in bytes: [UInt8], _ index: Int) -> (start: UInt64, offset: UInt64) {
        let width = Int(header.addressBytes)
        return (
            header.textStart &+ number(bytes, index * 2 * width, bytes: width),
            number(bytes, (index * 2 + 1) * width, bytes: width)
        )
    }

    // MARK: - Files and lines

    /// What a list of values says of the byte at `distance` from the function's start; nil where it says nothing.
    func value(at offset: UInt32, _ distance: UInt64) -> Int32? {
        guard offset != 0 else { return nil }
        // Most lists have some ten bytes; those of the largest functions thousands.
        for limit in [128, 4096, 1 << 20] {
            let start = header.values &+ UInt64(offset)
            guard start < header.size else { return nil }
            let count = Int(min(UInt64(limit), header.size - start))
            guard let bytes = read(start, count: count) else { return nil }
            var list = GoValueList(bytes, quantum: header.quantum)
            if let value = list.value(at: distance) { return value }
            if !list.isCut || count < limit { return nil }
        }
        return nil
    }

    private func fileName(_ index: Int32, _ unit: UInt32) -> String? {
        guard index >= 0 else { return nil }
        var position = UInt64(index)
        if header.layout == .go1_2 {
            guard index > 0 else { return nil }
        } else {
            position += UInt64(unit)
        }
        guard let bytes = read(header.fileOffsets &+ position * 4, count: 4) else { return nil }
        let offset = number(bytes, 0, bytes: 4)
        let start = header.files &+ offset
        guard offset != UInt64(UInt32.max), start < header.size,
            let text = read(start, count: Int(min(4096, header.size - start)))
        else { return nil }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    // MARK: - Reading

    /// Nil for what does not lie in the table.
    func read(_ offset: UInt64, count: Int) -> [UInt8]? {
        guard offset <= header.size, UInt64(count) <= header.size - offset else { return nil }
        return try? source.read(at: header.start &+ offset, count: count)
    }

    /// The little-endian number at `offset`; 0 for what lies outside.
    func number(_ bytes: [UInt8], _ offset: Int, bytes width: Int) -> UInt64 {
        guard offset >= 0, offset + width <= bytes.count else { return 0 }
        return (0..<width).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
    }
}
