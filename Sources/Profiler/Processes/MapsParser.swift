/// Reads the text of `/proc/PID/maps` (proc_pid_maps(5)): `start-end perms offset major:minor inode path`, one mapping
/// a line. The paths are chosen by whoever runs the process: nothing in them is trusted.
public struct MapsParser: Sendable {
    /// Executable mappings in the order of the file.
    public private(set) var mappings: [Mapping] = []
    /// Lines that are not as proc_pid_maps(5) says.
    public private(set) var malformedLines = 0
    /// Executable mappings beyond the limit.
    public private(set) var droppedMappings = 0

    /// Where what is looked for lies, and the path of the file that is mapped there, executable or not.
    private let wantedAddress: UInt64?
    private(set) var wantedPath: String?

    /// Where the process publishes a context, see `ProcessContext`.
    private(set) var processContextAddress: UInt64?

    /// Lines seen, of any kind.
    public private(set) var lines = 0
    private let limit: Int
    /// The beginning of a line whose end has not come yet.
    private var carried: [UInt8] = []
    private var isSkippingLine = false
    /// PATH_MAX bytes, each written as four characters, and the fields before them.
    private static let maximumLineBytes = 4 * 4096 + 256

    /// - Parameter limit: how many mappings are kept.
    public init(limit: Int = 4096) {
        self.limit = limit
        wantedAddress = nil
    }

    /// Keeps no mappings, but the path of the file that is mapped at an address.
    init(lookingFor address: UInt64) {
        limit = 0
        wantedAddress = address
    }

    /// Parses a whole text; a last line without a line feed is dropped, since it may be cut off.
    public init(parsing text: [UInt8], limit: Int = 4096) {
        self.init(limit: limit)
        text.withUnsafeBytes { consume($0) }
        finish()
    }

    /// Takes in the next bytes of the file.
    public mutating func consume(_ text: UnsafeRawBufferPointer) {
        var lineStart = 0
        while lineStart < text.count {
            let lineEnd = text[lineStart...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            let isWhole = lineEnd < text.count
            if isSkippingLine || carried.count &+ (lineEnd &- lineStart) > Self.maximumLineBytes {
                if !isSkippingLine { malformedLines += 1 }
                carried.removeAll(keepingCapacity: true)
                isSkippingLine = !isWhole
            } else if !isWhole {
                carried.append(contentsOf: text[lineStart...])
            } else if carried.isEmpty {
                take(Line(text, from: lineStart, to: lineEnd))
            } else {
                carried.append(contentsOf: text[lineStart..<lineEnd])
                take(carried.withUnsafeBytes { Line($0, from: 0, to: $0.count) })
                carried.removeAll(keepingCapacity: true)
            }
            lineStart = lineEnd &+ 1
        }
    }

    /// Forgets the beginning of a line whose end never came.
    public mutating func finish() {
        carried = []
        isSkippingLine = false
    }

    private mutating func take(_ line: Line?) {
        lines += 1
        guard let line else {
            malformedLines += 1
            return
        }
        if processContextAddress == nil, ProcessContext.mappingNames.contains(Self.withoutDeletedMark(line.path)) {
            processContextAddress = line.start
        }
        if let wantedAddress {
            if line.start <= wantedAddress, wantedAddress < line.end, line.file.inode != 0, line.path.hasPrefix("/") {
                wantedPath = Self.withoutDeletedMark(line.path)
            }
            return
        }
        guard line.isExecutable, line.start < line.end else { return }
        let text = line.path
        guard let kind = Mapping.kind(inode: line.file.inode, path: text[...].utf8) else { return }
        guard mappings.count < limit else {
            droppedMappings += 1
            return
        }
        mappings.append(
            Mapping(
                start: line.start, end: line.end, fileOffset: kind == .file ? line.offset : 0,
                file: kind == .file ? line.file : .none, kind: kind,
                path: kind == .anonymous ? "" : Self.withoutDeletedMark(text), isShared: line.isShared))
    }

    /// The kernel marks the path of a file that has no name any longer.
    static func withoutDeletedMark(_ path: String) -> String {
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.utf8.count)) : path
    }
}

/// One line of `/proc/PID/maps`.
private struct Line {
    var start: UInt64
    var end: UInt64
    var isExecutable: Bool
    var isShared: Bool
    var offset: UInt64
    var file: MappedFileIdentity
    /// With line feeds put back, which the kernel writes as `\012`.
    var path: String

    init?(_ text: UnsafeRawBufferPointer, from lineStart: Int, to lineEnd: Int) {
        var cursor = Cursor(text: text, position: lineStart, end: lineEnd)
        guard let start = cursor.number(radix: 16), cursor.take("-"), let end = cursor.number(radix: 16),
            cursor.take(" "), let permissions = cursor.take(count: 4), cursor.take(" "),
            let offset = cursor.number(radix: 16), cursor.take(" "),
            let major = cursor.number(radix: 16), cursor.take(":"), let minor = cursor.number(radix: 16),
            cursor.take(" "), let inode = cursor.number(radix: 10),
            let major = UInt32(exactly: major), let minor = UInt32(exactly: minor)
        else { return nil }
        // Between the inode and the path there is at least one space; without a path there may be none.
        guard cursor.position == lineEnd || cursor.take(" ") else { return nil }
        while cursor.take(" ") {}
        self.start = start
        self.end = end
        isExecutable = text[permissions &+ 2] == UInt8(ascii: "x")
        isShared = text[permissions &+ 3] == UInt8(ascii: "s")
        self.offset = offset
        file = MappedFileIdentity(deviceMajor: major, deviceMinor: minor, inode: inode)
        path = Self.decodePath(text[cursor.position..<lineEnd])
    }

    private static func decodePath(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
        var decoded: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index...].starts(with: "\\012".utf8) {
                decoded.append(UInt8(ascii: "\n"))
                index += 4
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}

/// Reads text fields; every step stays below `end`.
struct Cursor {
    let text: UnsafeRawBufferPointer
    var position: Int
    let end: Int

    /// Takes one given ASCII character.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < end, text[position] == UInt8(truncatingIfNeeded: character.value) else { return false }
        position &+= 1
        return true
    }

    /// Takes `count` bytes; the offset of the first, or nil when there are fewer.
    mutating func take(count: Int) -> Int? {
        guard end &- position >= count else { return nil }
        defer { position &+= count }
        return position
    }

    /// Takes the digits that follow, at least one; nil when there is none or the number needs more than 64 bits.
    mutating func number(radix: UInt64) -> UInt64? {
        var value: UInt64 = 0
        let start = position
        while position < end {
            let byte = text[position]
            let digit: UInt64
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte &- UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte &- UInt8(ascii: "a")) &+ 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte &- UInt8(ascii: "A")) &+ 10
            default: return position > start ? value : nil
            }
            guard digit < radix else { return position > start ? value : nil }
            let (product, overflowed) = value.multipliedReportingOverflow(by: radix)
            let (sum, carried) = product.addingReportingOverflow(digit)
            guard !overflowed, !carried else { return nil }
            value = sum
            position &+= 1
        }
        return position > start ? value : nil
    }
}
