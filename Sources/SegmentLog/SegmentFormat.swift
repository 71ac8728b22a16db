import CZlib

/// How bytes lie in a log's files. All numbers are little endian.
///
/// A *segment* `N.segment`, N the number of its first record in 20 digits, begins with `header`. Records follow, each a
/// head of 32 bytes and its payload:
///
///     0   4  "rec1"
///     4   4  length of the payload in bytes
///     8   4  CRC-32 of the payload
///     12  4  tag, the caller's
///     16  8  number
///     24  4  0
///     28  4  CRC-32 of the 28 bytes before
///
/// `N.removed` beside it lists the records that were removed, 12 bytes each: the number, and CRC-32 of these 8 bytes.
enum SegmentFormat {
    static let header = Array("otelcol segment1".utf8)
    static let headBytes = 32
    static let removalBytes = 12
    static let magic = Array("rec1".utf8)

    struct Head: Equatable {
        var length: UInt32
        var payloadChecksum: UInt32
        var tag: UInt32
        var number: UInt64
    }

    static func encode(_ head: Head) -> [UInt8] {
        var bytes = magic
        append(head.length, to: &bytes)
        append(head.payloadChecksum, to: &bytes)
        append(head.tag, to: &bytes)
        append(head.number, to: &bytes)
        append(UInt32(0), to: &bytes)
        append(checksum(bytes[...]), to: &bytes)
        return bytes
    }

    /// Nil for anything but an intact head.
    static func decodeHead(_ bytes: [UInt8]) -> Head? {
        guard bytes.count == headBytes, bytes.starts(with: magic),
            checksum(bytes[..<28]) == number(bytes, 28, UInt32.self)
        else { return nil }
        return Head(
            length: number(bytes, 4, UInt32.self), payloadChecksum: number(bytes, 8, UInt32.self),
            tag: number(bytes, 12, UInt32.self), number: number(bytes, 16, UInt64.self))
    }

    static func encodeRemoval(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        append(number, to: &bytes)
        append(checksum(bytes[...]), to: &bytes)
        return bytes
    }

    /// The records removed; what is torn or damaged is left out.
    static func decodeRemovals(_ bytes: [UInt8]) -> Set<UInt64> {
        var removed: Set<UInt64> = []
        var position = 0
        while bytes.count - position >= removalBytes {
            if checksum(bytes[position..<(position + 8)]) == number(bytes, position + 8, UInt32.self) {
                removed.insert(number(bytes, position, UInt64.self))
            }
            position += removalBytes
        }
        return removed
    }

    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBufferPointer { buffer in
            UInt32(truncatingIfNeeded: crc32(0, buffer.baseAddress, UInt32(clamping: buffer.count)))
        }
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// The caller has checked that the bytes are there.
    private static func number<Value: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int, _: Value.Type) -> Value {
        var value = Value.zero
        for index in 0..<MemoryLayout<Value>.size { value |= Value(bytes[offset + index]) << (index * 8) }
        return value
    }
}
