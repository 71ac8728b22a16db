import BinaryReading

/// The headers of a 64-bit little-endian ELF file for x86_64 or aarch64, and access to what they describe.
///
/// The file is hostile input: everything is bounded, nothing traps. Headers are read once; contents are read when
/// asked for. Source of the format: System V ABI, "Object Files", and the processors' supplements.
public struct ELFFile: Sendable {
    /// Programs have a dozen segments and some forty sections; these limits are far above what linkers write.
    static let segmentLimit = 4096
    static let sectionLimit = 16384
    static let sectionNamesLimitBytes: UInt64 = 1 << 20

    public let source: any BinarySource
    public let machine: ELFMachine
    public let type: ELFFileType
    public let entryAddress: UInt64
    public let segments: [ELFSegment]
    /// Empty when the section headers were stripped or are damaged; index 0 is the null section.
    public let sections: [ELFSection]
    /// Why `sections` is empty though the header announces some. Segments are all that running needs, so a damaged
    /// section table does not make a file unusable.
    public let sectionsProblem: ELFError?

    public init(_ source: any BinarySource) throws(ELFError) {
        self.source = source
        let header = try Self.read(source, at: 0, count: min(64, Int(clamping: source.size)), "ELF header")
        guard header.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { throw ELFError(.notELF, at: 0, reading: "e_ident") }
        guard header.count == 64 else { throw ELFError(.malformed, at: 0, reading: "ELF header") }
        guard header[4] == 2, header[5] == 1 else { throw ELFError(.unsupportedFormat, at: 4, reading: "e_ident") }
        let fields = try Self.parse(header, at: 0, "ELF header") { (reader) throws(ReadError) in
            try Header(&reader)
        }
        guard let machine = ELFMachine(rawValue: fields.machine) else {
            throw ELFError(.unsupportedMachine(fields.machine), at: 18, reading: "e_machine")
        }
        self.machine = machine
        type = ELFFileType(fields.type)
        entryAddress = fields.entryAddress

        // With more than 65,534 segments or 65,279 sections the real counts are in section 0.
        var sectionZero: ELFSection?
        if fields.sectionOffset != 0 {
            sectionZero = try? Self.sectionTable(source, fields, count: 1).first
        }
        var segmentCount = UInt32(fields.segmentCount)
        if fields.segmentCount == 0xffff, let sectionZero { segmentCount = sectionZero.info }
        segments = try Self.segmentTable(source, fields, count: segmentCount)

        var sections: [ELFSection] = []
        var problem: ELFError?
        if fields.sectionOffset != 0 {
            do throws(ELFError) {
                let count = fields.sectionCount == 0 ? sectionZero?.size ?? 0 : UInt64(fields.sectionCount)
                let names =
                    fields.sectionNamesIndex == 0xffff ? sectionZero?.link ?? 0 : UInt32(fields.sectionNamesIndex)
                sections = try Self.sectionTable(source, fields, count: count)
                try Self.nameSections(&sections, source, namesIndex: names)
            } catch {
                sections = []
                problem = error
            }
        }
        self.sections = sections
        sectionsProblem = problem
    }

    /// The first section of that name.
    public func section(_ name: String) -> ELFSection? {
        sections.first { $0.name == name }
    }

    /// The first segment of that type.
    public func segment(_ type: UInt32) -> ELFSegment? {
        segments.first { $0.type == type }
    }

    /// Executable PT_LOAD segments in file order.
    public var executableSegments: [ELFSegment] {
        segments.filter { $0.type == ELFSegment.load && $0.isExecutable }
    }

    /// The bytes of a section as they are in the file.
    ///
    /// Throws `.compressed` for a compressed section (its bytes are useless as they are), `.noContents` for one that
    /// has none, `.limitExceeded` for one above `limitBytes`.
    public func contents(of section: ELFSection, limitBytes: Int) throws(ELFError) -> [UInt8] {
        if section.type == ELFSection.noBits {
            throw ELFError(.noContents, at: section.offset, reading: "section")
        }
        if section.isCompressed {
            let header = try Self.read(source, at: section.offset, count: 4, "Elf64_Chdr")
            let algorithm = try Self.parse(header, at: section.offset, "ch_type") { (reader) throws(ReadError) in
                try reader.read(UInt32.self, "ch_type")
            }
            throw ELFError(.compressed(algorithm: algorithm), at: section.offset, reading: "section")
        }
        if section.name.hasPrefix(".zdebug_") {
            throw ELFError(.compressed(algorithm: 1), at: section.offset, reading: "section")
        }
        return try bytes(at: section.offset, size: section.size, limitBytes: limitBytes, "section")
    }

    /// The bytes of a segment that are in the file.
    public func contents(of segment: ELFSegment, limitBytes: Int) throws(ELFError) -> [UInt8] {
        try bytes(at: segment.offset, size: segment.fileSize, limitBytes: limitBytes, "segment")
    }

    /// Reads by ELF virtual address through the PT_LOAD segments.
    public func read(atAddress address: UInt64, count: Int) throws(ELFError) -> [UInt8] {
        guard let found = fileRange(ofAddress: address), count >= 0, UInt64(count) <= found.count else {
            throw ELFError(.malformed, at: address, reading: "virtual address")
        }
        return try Self.read(source, at: found.offset, count: count, "virtual address")
    }

    /// Where the byte at an ELF virtual address lies in the file, and how many bytes of its segment follow.
    public func fileRange(ofAddress address: UInt64) -> (offset: UInt64, count: UInt64)? {
        for segment in segments where segment.type == ELFSegment.load {
            if address >= segment.address, address - segment.address < segment.fileSize {
                let distance = address - segment.address
                let (offset, overflow) = segment.offset.addingReportingOverflow(distance)
                if overflow { continue }
                return (offset, segment.fileSize - distance)
            }
        }
        return nil
    }

    func bytes(
        at offset: UInt64, size: UInt64, limitBytes: Int, _ subject: StaticString
    ) throws(ELFError) -> [UInt8] {
        guard let count = Int(exactly: size), count <= limitBytes else {
            throw ELFError(.limitExceeded, at: offset, reading: subject)
        }
        return try Self.read(source, at: offset, count: count, subject)
    }
}

// MARK: - Reading the tables

extension ELFFile {
    private struct Header {
        var type, machine, segmentEntryBytes, segmentCount: UInt16
        var sectionEntryBytes, sectionCount, sectionNamesIndex: UInt16
        var entryAddress, segmentOffset, sectionOffset: UInt64

        init(_ reader: inout ByteReader) throws(ReadError) {
            try reader.skip(16, "e_ident")
            type = try reader.field("e_type")
            machine = try reader.field("e_machine")
            _ = try reader.read(UInt32.self, "e_version")
            entryAddress = try reader.field("e_entry")
            segmentOffset = try reader.field("e_phoff")
            sectionOffset = try reader.field("e_shoff")
            _ = try reader.read(UInt32.self, "e_flags")
            _ = try reader.read(UInt16.self, "e_ehsize")
            segmentEntryBytes = try reader.field("e_phentsize")
            segmentCount = try reader.field("e_phnum")
            sectionEntryBytes = try reader.field("e_shentsize")
            sectionCount = try reader.field("e_shnum")
            sectionNamesIndex = try reader.field("e_shstrndx")
        }
    }

    private static func segmentTable(
        _ source: any BinarySource, _ header: Header, count: UInt32
    ) throws(ELFError) -> [ELFSegment] {
        if count == 0 { return [] }
        guard header.segmentEntryBytes == ELFSegment.entryBytes else {
            throw ELFError(.malformed, at: 54, reading: "e_phentsize")
        }
        guard count <= segmentLimit else { throw ELFError(.limitExceeded, at: 56, reading: "e_phnum") }
        let bytes = try read(
            source, at: header.segmentOffset, count: Int(count) * ELFSegment.entryBytes, "program headers")
        return try parse(bytes, at: header.segmentOffset, "program headers") { (reader) throws(ReadError) in
            var segments: [ELFSegment] = []
            while !reader.isAtEnd { segments.append(try ELFSegment(&reader)) }
            return segments
        }
    }

    private static func sectionTable(
        _ source: any BinarySource, _ header: Header, count: UInt64
    ) throws(ELFError) -> [ELFSection] {
        if count == 0 { return [] }
        guard header.sectionEntryBytes == ELFSection.entryBytes else {
            throw ELFError(.malformed, at: 58, reading: "e_shentsize")
        }
        guard count <= UInt64(sectionLimit) else { throw ELFError(.limitExceeded, at: 60, reading: "e_shnum") }
        let bytes = try read(
            source, at: header.sectionOffset, count: Int(count) * ELFSection.entryBytes, "section headers")
        return try parse(bytes, at: header.sectionOffset, "section headers") { (reader) throws(ReadError) in
            var sections: [ELFSection] = []
            while !reader.isAtEnd { sections.append(try ELFSection(&reader)) }
            return sections
        }
    }

    private static func nameSections(
        _ sections: inout [ELFSection], _ source: any BinarySource, namesIndex: UInt32
    ) throws(ELFError) {
        guard namesIndex != 0, Int(namesIndex) < sections.count else { return }
        let table = sections[Int(namesIndex)]
        guard table.size <= sectionNamesLimitBytes, table.type != ELFSection.noBits else {
            throw ELFError(.limitExceeded, at: table.offset, reading: "section names")
        }
        let names = try read(source, at: table.offset, count: Int(table.size), "section names")
        for index in sections.indices {
            let start = Int(sections[index].nameOffset)
            guard start < names.count else { continue }
            let name = names[start...].prefix(255).prefix { $0 != 0 }
            sections[index].name = String(decoding: name, as: UTF8.self)
        }
    }

    static func read(
        _ source: any BinarySource, at offset: UInt64, count: Int, _ subject: StaticString
    ) throws(ELFError) -> [UInt8] {
        do throws(BinarySourceError) {
            return try source.read(at: offset, count: count)
        } catch {
            if error.kind == .outOfBounds { throw ELFError(.malformed, at: offset, reading: subject) }
            throw ELFError(.unreadable(error), at: offset, reading: subject)
        }
    }

    /// Parses `bytes`, which came from `offset`; a `ReadError` becomes an `ELFError` at the file's offset.
    static func parse<Result>(
        _ bytes: [UInt8], at offset: UInt64, _ subject: StaticString,
        _ body: (inout ByteReader) throws(ReadError) -> Result
    ) throws(ELFError) -> Result {
        do throws(ReadError) {
            return try bytes.withByteReader { (reader) throws(ReadError) in try body(&reader) }
        } catch {
            let kind: ELFError.Kind = error.kind == .limitExceeded ? .limitExceeded : .malformed
            throw ELFError(kind, at: offset &+ UInt64(error.offset), reading: error.subject)
        }
    }
}
