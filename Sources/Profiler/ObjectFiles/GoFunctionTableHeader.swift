import BinaryReading

/// Where the parts of a Go program's function table lie. All offsets are in bytes from the table's start.
package struct GoFunctionTableHeader: Sendable {
    /// The versions of Go that changed the layout; the magic number tells which one it is.
    package enum Layout: UInt32, Sendable {
        case go1_2 = 0xffff_fffb
        case go1_16 = 0xffff_fffa
        case go1_18 = 0xffff_fff0
        case go1_20 = 0xffff_fff1
    }

    /// More functions than any program has; bounds what is believed of a damaged file.
    private static let functionLimit: UInt64 = 1 << 24

    package let layout: Layout
    /// In the file.
    package let start: UInt64
    /// To the end of what may belong to the table.
    package let size: UInt64
    /// Smallest distance of instructions.
    package let quantum: UInt64
    package let functionCount: UInt64
    /// ELF virtual address that the functions' addresses are relative to; 0 where they are absolute.
    package var textStart: UInt64
    package let names, fileOffsets, files, values, functions, records: UInt64
    /// Addresses among which is the one that functions' data is relative to (`gofunc` of `runtime.moduledata`). Its
    /// place there differs between versions of Go.
    package private(set) var functionDataCandidates: [UInt64] = []

    /// Bytes of an address; an entry of the list of functions has two of these.
    package var addressBytes: UInt64 { layout == .go1_2 || layout == .go1_16 ? 8 : 4 }
    package var entryBytes: UInt64 { 2 * addressBytes }
    /// Bytes of a function's record without the lists that follow it.
    package var recordBytes: UInt64 {
        switch layout {
        case .go1_2: addressBytes + 32
        case .go1_16, .go1_18: addressBytes + 36
        case .go1_20: addressBytes + 40
        }
    }

    /// Throws for what is no such table.
    init(_ file: ELFFile, at start: UInt64, size: UInt64) throws {
        let bytes = try file.source.read(at: start, count: Int(min(size, 80)))
        let words = try bytes.withByteReader { (reader) throws(ReadError) in
            let magic = try reader.read(UInt32.self, "pclntab magic")
            guard let layout = Layout(rawValue: magic), try reader.read(UInt16.self, "pclntab padding") == 0 else {
                throw Self.invalid("pclntab magic")
            }
            let quantum = try reader.read(UInt8.self, "pclntab quantum")
            guard quantum == (file.machine == .x86_64 ? 1 : 4), try reader.read(UInt8.self, "pclntab pointer") == 8
            else { throw Self.invalid("pclntab quantum") }
            var words: [UInt64] = []
            while reader.remaining >= 8 { words.append(try reader.read(UInt64.self, "pclntab header")) }
            return (layout: layout, quantum: quantum, values: words)
        }
        layout = words.layout
        quantum = UInt64(words.quantum)
        self.start = start
        self.size = size
        let fields = words.values
        guard fields.count == 9, fields[0] > 0, fields[0] <= Self.functionLimit else {
            throw Self.invalid("pclntab header")
        }
        functionCount = fields[0]
        switch layout {
        case .go1_2:
            textStart = 0
            (names, files, values, records, functions) = (0, 0, 0, 0, 16)
            // After the list of functions and its end follows where the list of files is.
            let place = 16 + functionCount * 16 + 8
            guard place <= size, size - place >= 4 else { throw Self.invalid("pclntab header") }
            let offset = try file.source.read(at: start &+ place, count: 4)
            fileOffsets = offset.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        case .go1_16:
            textStart = 0
            (names, fileOffsets, files, values) = (fields[2], fields[3], fields[4], fields[5])
            (functions, records) = (fields[6], fields[6])
        case .go1_18, .go1_20:
            textStart = fields[2]
            (names, fileOffsets, files, values) = (fields[3], fields[4], fields[5], fields[6])
            (functions, records) = (fields[7], fields[7])
        }
        let parts = [names, fileOffsets, files, values, functions, records]
        let listBytes = functionCount * 2 * (layout == .go1_2 || layout == .go1_16 ? 8 : 4)
        guard parts.allSatisfy({ $0 < size }), listBytes < size - functions else {
            throw Self.invalid("pclntab header")
        }
    }

    private static func invalid(_ subject: StaticString) -> ReadError {
        ReadError(.invalidValue, at: 0, reading: subject)
    }
}

// MARK: - Finding it

extension GoFunctionTableHeader {
    /// Bytes searched for the table where no section tells of it.
    private static let searchLimitBytes: UInt64 = 512 << 20
    /// Places that looked like a table and were none.
    private static let mistakesLimit = 64

    /// Nil when the file is no Go program, or its table cannot be used.
    package static func find(in file: ELFFile) -> GoFunctionTableHeader? {
        for name in [".gopclntab", ".data.rel.ro.gopclntab"] {
            if let section = file.section(name), section.type != ELFSection.noBits,
                let end = fileEnd(file, section.offset, section.size),
                let header = try? GoFunctionTableHeader(file, at: section.offset, size: end - section.offset)
            {
                return header.completed(file, address: section.address)
            }
        }
        // Linkers of C may put it into a section of another name.
        guard file.sections.isEmpty || file.section(".go.buildinfo") != nil || file.goBuildID() != nil else {
            return nil
        }
        return search(file)
    }

    private static func fileEnd(_ file: ELFFile, _ offset: UInt64, _ size: UInt64) -> UInt64? {
        let (end, overflow) = offset.addingReportingOverflow(size)
        return overflow || end > file.source.size ? nil : end
    }

    /// Looks for the magic number in what is not code.
    private static func search(_ file: ELFFile) -> GoFunctionTableHeader? {
        let quantum: UInt64 = file.machine == .x86_64 ? 1 : 4
        let wanted = [Layout.go1_20, .go1_18, .go1_16, .go1_2].map { UInt64($0.rawValue) | quantum << 48 | 8 << 56 }
        var searched: UInt64 = 0
        var mistakes = 0
        for segment in file.segments where segment.type == ELFSegment.load && !segment.isExecutable {
            guard let end = fileEnd(file, segment.offset, segment.fileSize) else { continue }
            // Tables begin at addresses that are multiples of 8, and so do segments as the file has them.
            var position = (segment.offset + 7) & ~7
            while position < end, end - position >= 8 {
                let count = min(1 << 20, (end - position) & ~7)
                searched += count
                guard searched <= searchLimitBytes, let bytes = try? file.source.read(at: position, count: Int(count))
                else { return nil }
                let matches = bytes.withUnsafeBytes { bytes in
                    stride(from: 0, to: bytes.count, by: 8).filter {
                        wanted.contains(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)))
                    }
                }
                for match in matches {
                    let start = position + UInt64(match)
                    if let header = try? GoFunctionTableHeader(file, at: start, size: end - start),
                        let found = header.completed(file, address: segment.address &+ (start - segment.offset))
                    {
                        return found
                    }
                    mistakes += 1
                    if mistakes > mistakesLimit { return nil }
                }
                position += count
            }
        }
        return nil
    }
}

// MARK: - The module's description

extension GoFunctionTableHeader {
    /// Words that are read of `runtime.moduledata`.
    private static let moduleWords = 48
    /// Since Go 1.16: `text`.
    private static let textWord = 22

    /// The header with what the module's description tells: the address that addresses are relative to, which the table
    /// does not have from Go 1.26 on, and where the trees of inlined functions may be.
    /// - Parameter address: of the table itself.
    /// - Returns: nil when the former cannot be found, or is no address of code.
    private func completed(_ file: ELFFile, address: UInt64) -> GoFunctionTableHeader? {
        if layout == .go1_2 || layout == .go1_16 { return self }
        var result = self
        let module = Self.module(file, address, names: address &+ names)
        if textStart == 0 {
            guard let module else { return nil }
            result.textStart = module[Self.textWord]
        }
        result.functionDataCandidates = module.map { Array($0[(Self.textWord + 10)...]) } ?? []
        let text = result.textStart
        return file.executableSegments.contains { text >= $0.address && text - $0.address < $0.memorySize }
            ? result : nil
    }

    /// The description begins with the addresses of the table and of its names. Go writes these into the file even
    /// where the dynamic linker relocates them.
    private static func module(_ file: ELFFile, _ address: UInt64, names: UInt64) -> [UInt64]? {
        let moduleBytes = UInt64(moduleWords * 8)
        var searched: UInt64 = 0
        for segment in file.segments where segment.type == ELFSegment.load && segment.isWritable {
            var position: UInt64 = 0
            while segment.fileSize > position, segment.fileSize - position > moduleBytes {
                // Pieces overlap by what is read of the description.
                let count = min(1 << 20, segment.fileSize - position) & ~7
                searched += count
                guard searched <= 64 << 20, count > moduleBytes,
                    let bytes = try? file.source.read(at: segment.offset &+ position, count: Int(count))
                else { break }
                let words = bytes.withUnsafeBytes { bytes -> [UInt64]? in
                    func word(_ offset: Int) -> UInt64 {
                        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    }
                    for offset in stride(from: 0, through: bytes.count - Int(moduleBytes), by: 8)
                    where word(offset) == address && word(offset + 8) == names {
                        return (0..<moduleWords).map { word(offset + 8 * $0) }
                    }
                    return nil
                }
                if let words { return words }
                position += count - moduleBytes
            }
        }
        return nil
    }
}
