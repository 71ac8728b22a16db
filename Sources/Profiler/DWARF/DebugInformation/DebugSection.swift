import BinaryReading
import ObjectFiles

/// One section of debugging information, or a unit's share of one.
struct DebugSection: Sendable {
    static let empty = DebugSection(MemorySource([]))
    private static let stringLimitBytes = 64 << 10

    private let source: any BinarySource
    private let start: UInt64
    let size: UInt64

    init(_ source: any BinarySource) {
        self.source = source
        start = 0
        size = source.size
    }

    private init(_ source: any BinarySource, start: UInt64, size: UInt64) {
        self.source = source
        self.start = start
        self.size = size
    }

    var isEmpty: Bool { size == 0 }

    /// The part of it that begins at `offset`; empty where it does not lie in it.
    func slice(at offset: UInt64, size: UInt64) -> DebugSection {
        guard offset <= self.size, size <= self.size - offset else { return .empty }
        return DebugSection(source, start: start &+ offset, size: size)
    }

    /// Copies `count` bytes.
    func bytes(at offset: UInt64, count: Int, _ subject: StaticString) throws(ReadError) -> [UInt8] {
        guard offset <= size, count >= 0, UInt64(count) <= size - offset else {
            throw ReadError(.insufficientData, at: Int(clamping: offset), reading: subject)
        }
        do throws(BinarySourceError) {
            return try source.read(at: start &+ offset, count: count)
        } catch {
            throw ReadError(.insufficientData, at: Int(clamping: offset), reading: subject)
        }
    }

    /// Copies at most `limit` bytes.
    func bytes(at offset: UInt64, upTo limit: Int, _ subject: StaticString) throws(ReadError) -> [UInt8] {
        guard offset < size else { throw ReadError(.insufficientData, at: Int(clamping: offset), reading: subject) }
        return try bytes(at: offset, count: Int(min(UInt64(limit), size - offset)), subject)
    }

    /// A little-endian number of 1 to 8 bytes.
    func number(at offset: UInt64, bytes count: Int, _ subject: StaticString) throws(ReadError) -> UInt64 {
        try bytes(at: offset, count: count, subject).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The NUL-terminated text at `offset`; invalid UTF-8 is repaired.
    func string(at offset: UInt64) throws(ReadError) -> String {
        var limit = 256
        while true {
            let bytes = try bytes(at: offset, upTo: limit, "string")
            if let end = bytes.firstIndex(of: 0) { return String(decoding: bytes[..<end], as: UTF8.self) }
            guard bytes.count == limit, limit < Self.stringLimitBytes else {
                throw ReadError(.limitExceeded, at: Int(clamping: offset), reading: "string")
            }
            limit = Self.stringLimitBytes
        }
    }
}

/// The sections that describe one file's code; those that it lacks are empty.
struct DebugSections: Sendable {
    var information, abbreviations, strings, lineStrings, lines: DebugSection
    var ranges, rangeLists, addresses, stringOffsets, addressRanges: DebugSection
    /// `.debug_str` of the file that several files share (dwz).
    var supplementaryStrings = DebugSection.empty

    /// Nil when the file has no debugging information.
    /// - Parameter suffix: `.dwo` for the sections of split debugging information.
    init?(_ file: ELFFile, suffix: String = "") {
        func section(_ name: String, _ suffix: String) -> DebugSection {
            file.sectionContents(".debug_\(name)\(suffix)").map { DebugSection($0) } ?? .empty
        }
        information = section("info", suffix)
        abbreviations = section("abbrev", suffix)
        if information.isEmpty || abbreviations.isEmpty { return nil }
        strings = section("str", suffix)
        lineStrings = section("line_str", "")
        lines = section("line", suffix)
        ranges = section("ranges", "")
        rangeLists = section("rnglists", suffix)
        addresses = section("addr", "")
        stringOffsets = section("str_offsets", suffix)
        addressRanges = section("aranges", "")
    }
}
