/// Reads bytes at an offset of a file or another source into a buffer; returns how many it read, 0 at the end.
public typealias ReadBytes = (_ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer) throws -> Int

/// A piece of a source, read through a small buffer that moves along: however large the piece, memory stays small.
struct SectionWindow: ~Copyable {
    /// Offset of the piece in its source.
    private let sourceOffset: UInt64
    /// Bytes of the piece; becomes smaller when the source turns out to be shorter.
    private(set) var size: UInt64
    private let readBytes: ReadBytes
    private var buffer: UnsafeMutableRawBufferPointer
    /// Offset in the piece of the first byte in the buffer.
    private var start: UInt64 = 0
    private var count = 0
    private let capacityLimit: Int

    init(sourceOffset: UInt64, size: UInt64, capacity: Int, capacityLimit: Int, readBytes: @escaping ReadBytes) {
        self.sourceOffset = sourceOffset
        self.size = min(size, UInt64.max - sourceOffset)
        self.readBytes = readBytes
        self.capacityLimit = capacityLimit
        buffer = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// The `length` bytes at `offset`, valid until the next call, or nil if the piece or the source ends before, or
    /// `length` exceeds the limit.
    @inline(__always)
    mutating func bytes(at offset: UInt64, count length: Int) throws -> UnsafeRawBufferPointer? {
        if offset >= start {
            let skipped = offset &- start
            if skipped <= UInt64(count), length <= count &- Int(skipped) {
                return UnsafeRawBufferPointer(rebasing: buffer[Int(skipped)..<(Int(skipped) &+ length)])
            }
        }
        return try refill(at: offset, count: length)
    }

    private mutating func refill(at offset: UInt64, count length: Int) throws -> UnsafeRawBufferPointer? {
        guard length >= 0, length <= capacityLimit, offset <= size, UInt64(length) <= size - offset else { return nil }
        if length > buffer.count {
            buffer.deallocate()
            buffer = .allocate(byteCount: min(max(length, buffer.count * 2), capacityLimit), alignment: 16)
        }
        let wanted = Int(min(UInt64(buffer.count), size - offset))
        start = offset
        count = 0
        while count < wanted {
            let place = sourceOffset &+ offset &+ UInt64(count)
            let got = try readBytes(place, UnsafeMutableRawBufferPointer(rebasing: buffer[count..<wanted]))
            if got <= 0 { break }
            count += min(got, wanted - count)
        }
        if count < wanted { size = offset + UInt64(count) }
        return length <= count ? UnsafeRawBufferPointer(rebasing: buffer[0..<length]) : nil
    }
}
