import BinaryReading

/// One note (Elf64_Nhdr with its name and descriptor).
public struct ELFNote: Equatable, Sendable {
    /// Without the trailing NUL.
    public var owner: String
    public var type: UInt32
    public var descriptor: [UInt8]

    static let areaLimitBytes = 1 << 20
    private static let countLimit = 1024

    /// Parses a note section or segment. What follows a damaged note is ignored.
    /// - Parameter alignment: of names and descriptors: 8 where the section or segment says so, 4 otherwise.
    public static func parse(_ bytes: [UInt8], alignment: UInt64 = 4) -> [ELFNote] {
        let mask = alignment == 8 ? 7 : 3
        var notes: [ELFNote] = []
        try? bytes.withByteReader { (reader) throws(ReadError) in
            while reader.remaining >= 12, notes.count < countLimit {
                let nameBytes = Int(try reader.read(UInt32.self, "n_namesz"))
                let descriptorBytes = Int(try reader.read(UInt32.self, "n_descsz"))
                let type = try reader.read(UInt32.self, "n_type")
                var name = try reader.readBytes(nameBytes, "note name")
                try skipPadding(&reader, mask)
                let descriptor = try reader.readBytes(descriptorBytes, "note descriptor")
                if name.last == 0 { name.removeLast() }
                notes.append(ELFNote(owner: String(decoding: name, as: UTF8.self), type: type, descriptor: descriptor))
                try skipPadding(&reader, mask)
            }
        }
        return notes
    }

    private static func skipPadding(_ reader: inout ByteReader, _ mask: Int) throws(ReadError) {
        // The last descriptor's padding may be cut off.
        try reader.skip(min(((reader.position + mask) & ~mask) - reader.position, reader.remaining), "note padding")
    }
}

extension ELFFile {
    /// All notes, those of named sections first, then those of PT_NOTE; a note may appear twice.
    public func notes() -> [ELFNote] {
        var notes: [ELFNote] = []
        for section in sections where section.type == ELFSection.note || section.name == ".notes" {
            if let bytes = try? contents(of: section, limitBytes: ELFNote.areaLimitBytes) {
                notes += ELFNote.parse(bytes, alignment: section.alignment)
            }
        }
        for segment in segments.lazy.filter({ $0.type == ELFSegment.note }).prefix(16) {
            if let bytes = try? contents(of: segment, limitBytes: ELFNote.areaLimitBytes) {
                notes += ELFNote.parse(bytes, alignment: segment.alignment)
            }
        }
        return notes
    }

    /// The linker's build id: note of owner "GNU", type 3. Ids above 64 bytes are taken for damage.
    public func gnuBuildID() -> BuildID? {
        notes().first { $0.owner == "GNU" && $0.type == 3 && (1...64).contains($0.descriptor.count) }
            .map { BuildID(bytes: $0.descriptor) }
    }

    /// Go's build id, a text of four parts: note of owner "Go", type 4.
    public func goBuildID() -> String? {
        notes().first { $0.owner == "Go" && $0.type == 4 && (1...1024).contains($0.descriptor.count) }
            .map { String(decoding: $0.descriptor, as: UTF8.self) }
    }
}
