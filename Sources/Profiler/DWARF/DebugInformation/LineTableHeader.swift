import BinaryReading

/// The head of a line program: which files there are, and how the program is written (§6.2.4 of DWARF 4 and 5).
struct LineTableHeader: Sendable {
    struct FileEntry: Sendable {
        var name: StringPlace
        var folder: UInt64
    }

    private static let entryLimit = 1 << 20

    var encoding: UnitEncoding
    var minimumInstructionBytes: UInt64 = 1
    var maximumOperations: UInt64 = 1
    var lineBase: Int64 = 0
    var lineRange: UInt64 = 1
    var opcodeBase: UInt8 = 1
    var opcodeLengths: [UInt8] = []
    var folders: [StringPlace] = []
    var files: [FileEntry] = []

    var sizeBytes: Int {
        folders.count * MemoryLayout<StringPlace>.stride + files.count * MemoryLayout<FileEntry>.stride
    }

    /// - Parameter reader: over the whole program; stands at the first opcode afterwards.
    init(_ reader: inout ByteReader, addressBytes: UInt8) throws(ReadError) {
        let start = reader.absolutePosition
        let (_, is64Bit) = try reader.readInitialLength("line program length")
        let version = try reader.read(UInt16.self, "line program version")
        guard (2...5).contains(version) else {
            throw ReadError(.invalidValue, at: start, reading: "line program version")
        }
        encoding = UnitEncoding(version: version, is64Bit: is64Bit, addressBytes: addressBytes)
        if version >= 5 {
            encoding.addressBytes = try reader.read(UInt8.self, "address size")
            try reader.skip(1, "segment selector size")
        }
        let headerBytes = Int(clamping: try reader.readOffset(encoding, "header length"))
        var fields = try reader.slice(headerBytes, "line program header")
        minimumInstructionBytes = UInt64(try fields.read(UInt8.self, "minimum instruction length"))
        if version >= 4 { maximumOperations = UInt64(try fields.read(UInt8.self, "maximum operations")) }
        _ = try fields.read(UInt8.self, "default is_stmt")
        lineBase = Int64(try fields.read(Int8.self, "line base"))
        lineRange = UInt64(try fields.read(UInt8.self, "line range"))
        opcodeBase = try fields.read(UInt8.self, "opcode base")
        guard lineRange > 0, opcodeBase > 0, maximumOperations > 0 else {
            throw ReadError(.invalidValue, at: start, reading: "line program header")
        }
        opcodeLengths = try fields.readBytes(Int(opcodeBase) - 1, "opcode lengths")
        if version >= 5 { try readEntries(&fields) } else { try readOldEntries(&fields) }
    }

    private mutating func readOldEntries(_ reader: inout ByteReader) throws(ReadError) {
        while true {
            let place = StringPlace.inline(UInt64(reader.absolutePosition))
            if try skipString(&reader) == 0 { break }
            folders.append(place)
            try check(reader)
        }
        while true {
            let place = StringPlace.inline(UInt64(reader.absolutePosition))
            if try skipString(&reader) == 0 { break }
            files.append(try fileEntry(place, &reader))
            try check(reader)
        }
    }

    /// The rest of a file's description of DWARF 2 to 4; DW_LNE_define_file has the same.
    func fileEntry(_ name: StringPlace, _ reader: inout ByteReader) throws(ReadError) -> FileEntry {
        let folder = try reader.readULEB128("directory index")
        _ = try reader.readULEB128("modification time")
        _ = try reader.readULEB128("file length")
        return FileEntry(name: name, folder: folder)
    }

    /// - Returns: its length.
    private func skipString(_ reader: inout ByteReader) throws(ReadError) -> Int {
        var count = 0
        while try reader.read(UInt8.self, "file name") != 0 { count += 1 }
        return count
    }

    private func check(_ reader: ByteReader) throws(ReadError) {
        if folders.count + files.count > Self.entryLimit {
            throw ReadError(.limitExceeded, at: reader.absolutePosition, reading: "file names")
        }
    }

    private mutating func readEntries(_ reader: inout ByteReader) throws(ReadError) {
        try readList(&reader) { header, entry in header.folders.append(entry.name) }
        try readList(&reader) { header, entry in header.files.append(entry) }
    }

    private mutating func readList(
        _ reader: inout ByteReader, _ take: (inout LineTableHeader, FileEntry) -> Void
    ) throws(ReadError) {
        var formats: [(content: UInt64, form: UInt16)] = []
        for _ in 0..<(try reader.read(UInt8.self, "entry format count")) {
            let content = try reader.readULEB128("entry content")
            formats.append((content, UInt16(clamping: try reader.readULEB128("entry form"))))
        }
        let count = try reader.readULEB128("entry count")
        // Entries of no bytes cannot be: their number would have no bound.
        guard count == 0 || (!formats.isEmpty && count <= UInt64(reader.remaining)) else {
            throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "entry count")
        }
        for _ in 0..<count {
            var entry = FileEntry(name: .inline(.max), folder: 0)
            for format in formats {
                let value = try reader.readValue(format.form, encoding)
                switch (format.content, value) {
                case (1, .string(let place)): entry.name = place
                case (2, .number(let folder)): entry.folder = folder
                default: break
                }
            }
            take(&self, entry)
            try check(reader)
        }
    }
}
