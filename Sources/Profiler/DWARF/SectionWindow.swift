import ObjectFiles

/// A piece of a source, read through a small buffer that moves along: however large the piece, memory stays small.
package struct SectionWindow: ~Copyable {
    private let source: any BinarySource
    /// Offset of the piece in its source.
    private let sourceOffset: UInt64
    /// Bytes of the piece that the source really has.
    package let size: UInt64
    private var buffer: UnsafeMutableRawBufferPointer
    /// Offset in the piece of the first byte in the buffer.
    private var start: UInt64 = 0
    private var count = 0
    private let capacityLimit: Int

    package init(_ source: any BinarySource, offset: UInt64, size: UInt64, capacity: Int, capacityLimit: Int) {
        self.source = source
        sourceOffset = offset
        let sourceSize = source.size
        self.size = offset < sourceSize ? min(size, sourceSize - offset) : 0
        self.capacityLimit = capacityLimit
        buffer = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// The `length` bytes at `offset`, valid until the next call, or nil if the piece ends before or `length` exceeds
    /// the limit.
    @inline(__always)
    package mutating func bytes(
        at offset: UInt64, count length: Int
    ) throws(BinarySourceError) -> UnsafeRawBufferPointer? {
        if offset >= start {
            let skipped = offset &- start
            if skipped <= UInt64(count), length <= count &- Int(skipped) {
                return UnsafeRawBufferPointer(rebasing: buffer[Int(skipped)..<(Int(skipped) &+ length)])
            }
        }
        return try refill(at: offset, count: length)
    }

    private mutating func refill(
        at offset: UInt64, count length: Int
    ) throws(BinarySourceError) -> UnsafeRawBufferPointer? {
        guard length >= 0, length <= capacityLimit, offset <= size, UInt64(length) <= size - offset else { return nil }
        if length > buffer.count {
            let capacity = min(max(length, buffer.count * 2), capacityLimit)
            buffer.deallocate()
            buffer = .allocate(byteCount: capacity, alignment: 16)
        }
        start = offset
        count = 0
        let wanted = Int(min(UInt64(buffer.count), size - offset))
        try source.read(
            at: sourceOffset &+ offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[0..<wanted]))
        count = wanted
        return UnsafeRawBufferPointer(rebasing: buffer[0..<length])
    }
}
