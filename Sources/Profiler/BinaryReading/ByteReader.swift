/// Why bytes from a file or another process could not be read.
@frozen
public struct ReadError: Error, Equatable, Sendable, CustomStringConvertible {
    @frozen
    public enum Kind: Equatable, Sendable {
        /// Fewer bytes are left than the value needs.
        case insufficientData
        /// The bytes are there but do not form an allowed value.
        case invalidValue
        /// A count, depth or length exceeds the limit that its reader allows.
        case limitExceeded
    }

    public var kind: Kind
    /// Offset in the buffer that was read first, in bytes; stays absolute in slices.
    public var offset: Int
    /// What was being read, in the words of its specification.
    public var subject: StaticString

    @inlinable
    public init(_ kind: Kind, at offset: Int, reading subject: StaticString) {
        self.kind = kind
        self.offset = offset
        self.subject = subject
    }

    public static func == (left: ReadError, right: ReadError) -> Bool {
        left.kind == right.kind && left.offset == right.offset
    }

    public var description: String {
        switch kind {
        case .insufficientData: "not enough data for \(subject) at offset 0x\(String(offset, radix: 16))"
        case .invalidValue: "invalid \(subject) at offset 0x\(String(offset, radix: 16))"
        case .limitExceeded: "limit exceeded for \(subject) at offset 0x\(String(offset, radix: 16))"
        }
    }
}

/// A bounds-checked cursor over borrowed little-endian bytes.
///
/// Every read either succeeds inside the bounds or throws `ReadError`; no input can trap. The bytes are borrowed: a
/// reader must not outlive the closure that `withByteReader` gave it to.
///
/// All of it is inlinable: a call per byte through a module's border, unspecialised, costs more than the parsing.
@frozen
public struct ByteReader {
    @usableFromInline let base: UnsafeRawBufferPointer
    /// Offset of `base[0]` in the outermost buffer.
    @usableFromInline let origin: Int
    /// Always in `0...count`.
    @usableFromInline var cursor: Int

    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer, origin: Int = 0) {
        base = bytes
        self.origin = origin
        cursor = 0
    }

    /// Offset of the next byte, relative to this reader's first byte.
    @inlinable public var position: Int { cursor }
    @inlinable public var count: Int { base.count }
    @inlinable public var remaining: Int { base.count &- position }
    @inlinable public var isAtEnd: Bool { position == base.count }
    /// `position` in the outermost buffer.
    @inlinable public var absolutePosition: Int { origin &+ position }

    @inlinable @inline(__always)
    func require(_ length: Int, _ subject: StaticString) throws(ReadError) {
        if length < 0 || length > remaining {
            throw ReadError(.insufficientData, at: absolutePosition, reading: subject)
        }
    }

    /// Moves to `offset` from this reader's first byte.
    @inlinable
    public mutating func seek(to offset: Int, _ subject: StaticString = "offset") throws(ReadError) {
        guard offset >= 0, offset <= base.count else {
            throw ReadError(.insufficientData, at: absolutePosition, reading: subject)
        }
        cursor = offset
    }

    @inlinable
    public mutating func seek(to offset: UInt64, _ subject: StaticString = "offset") throws(ReadError) {
        guard let offset = Int(exactly: offset) else {
            throw ReadError(.insufficientData, at: absolutePosition, reading: subject)
        }
        try seek(to: offset, subject)
    }

    @inlinable
    public mutating func skip(_ length: Int, _ subject: StaticString = "bytes") throws(ReadError) {
        try require(length, subject)
        cursor &+= length
    }

    /// Reads a fixed-width little-endian integer.
    @inlinable @inline(__always)
    public mutating func read<T: FixedWidthInteger>(
        _ type: T.Type = T.self, _ subject: StaticString = "integer"
    ) throws(ReadError) -> T {
        let width = MemoryLayout<T>.size
        try require(width, subject)
        let value = base.loadUnaligned(fromByteOffset: position, as: T.self)
        cursor &+= width
        return T(littleEndian: value)
    }

    /// Unsigned LEB128 (DWARF 5 §7.6). Longer than ten bytes, or more than 64 significant bits, is invalid.
    @inlinable @inline(__always)
    public mutating func readULEB128(_ subject: StaticString = "uleb128") throws(ReadError) -> UInt64 {
        // Nearly all numbers take one byte.
        if cursor < base.count, base[cursor] < 0x80 {
            cursor &+= 1
            return UInt64(base[cursor &- 1])
        }
        return try readLongULEB128(subject)
    }

    @usableFromInline
    mutating func readLongULEB128(_ subject: StaticString) throws(ReadError) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try read(UInt8.self, subject)
            let bits = UInt64(byte & 0x7f)
            if shift > 63 || (shift == 63 && bits > 1) {
                if bits != 0 || shift > 126 { throw ReadError(.invalidValue, at: absolutePosition, reading: subject) }
            } else {
                result |= bits << shift
            }
            if byte & 0x80 == 0 { return result }
            shift &+= 7
        }
    }

    /// Signed LEB128 (DWARF 5 §7.6).
    public mutating func readSLEB128(_ subject: StaticString = "sleb128") throws(ReadError) -> Int64 {
        var result: Int64 = 0
        var shift: Int64 = 0
        while true {
            let byte = try read(UInt8.self, subject)
            if shift > 126 { throw ReadError(.invalidValue, at: absolutePosition, reading: subject) }
            if shift < 64 { result |= Int64(byte & 0x7f) << shift }
            shift &+= 7
            if byte & 0x80 == 0 {
                if shift < 64, byte & 0x40 != 0 { result |= -1 << shift }
                return result
            }
        }
    }

    /// A reader over the next `length` bytes; this reader moves past them.
    @inlinable
    public mutating func slice(_ length: Int, _ subject: StaticString = "slice") throws(ReadError) -> ByteReader {
        try require(length, subject)
        let slice = ByteReader(
            UnsafeRawBufferPointer(rebasing: base[position..<(position &+ length)]), origin: origin &+ position)
        cursor &+= length
        return slice
    }

    /// Copies the next `length` bytes.
    public mutating func readBytes(_ length: Int, _ subject: StaticString = "bytes") throws(ReadError) -> [UInt8] {
        try require(length, subject)
        let bytes = [UInt8](base[position..<(position &+ length)])
        cursor &+= length
        return bytes
    }

    /// A NUL-terminated string of at most `limit` bytes; the NUL is consumed. Invalid UTF-8 is repaired with U+FFFD.
    public mutating func readCString(
        limit: Int = 64 << 10, _ subject: StaticString = "string"
    ) throws(ReadError) -> String {
        var end = position
        while true {
            if end >= base.count { throw ReadError(.insufficientData, at: absolutePosition, reading: subject) }
            if end &- position > limit { throw ReadError(.limitExceeded, at: absolutePosition, reading: subject) }
            if base[end] == 0 { break }
            end &+= 1
        }
        let string = String(decoding: base[position..<end], as: UTF8.self)
        cursor = end &+ 1
        return string
    }
}

extension Array where Element == UInt8 {
    /// Lends these bytes to `body` as a reader.
    public func withByteReader<Result, Failure: Error>(
        _ body: (inout ByteReader) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBytesTyped { (bytes) throws(Failure) in
            var reader = ByteReader(bytes)
            return try body(&reader)
        }
    }

    private func withUnsafeBytesTyped<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(Failure) in try body(UnsafeRawBufferPointer(buffer)) }
    }
}
