/// CRC-32 of IEEE 802.3 as zlib, `.gnu_debuglink` and xz use it: reflected polynomial 0xedb88320.
public struct CRC32: Sendable {
    private static let tables = crcTables(polynomial: 0xedb8_8320).map { UInt32(truncatingIfNeeded: $0) }
    private var state = UInt32.max

    public init() {}

    public var value: UInt32 { ~state }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        Self.tables.withUnsafeBufferPointer { tables in
            var crc = state
            var index = 0
            // Eight bytes a step; table k tells what a byte does that k further bytes follow.
            while bytes.count - index >= 8 {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian ^ UInt64(crc)
                crc = 0
                for position in 0..<8 {
                    crc ^= tables[(7 - position) << 8 | Int(word >> (8 * UInt64(position)) & 0xff)]
                }
                index += 8
            }
            while index < bytes.count {
                crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[index])) & 0xff)]
                index += 1
            }
            state = crc
        }
    }

    public static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var crc = CRC32()
        Array(bytes).withUnsafeBytes { crc.update($0) }
        return crc.value
    }

    /// Of a whole file, read in pieces.
    public static func of(_ source: any BinarySource) throws(BinarySourceError) -> UInt32 {
        var crc = CRC32()
        var offset: UInt64 = 0
        while offset < source.size {
            let bytes = try source.read(at: offset, count: Int(min(1 << 20, source.size - offset)))
            bytes.withUnsafeBytes { crc.update($0) }
            offset += UInt64(bytes.count)
        }
        return crc.value
    }
}

/// CRC-64 of ECMA-182 as xz uses it: reflected polynomial 0xc96c5795d7870f42.
enum CRC64 {
    private static let tables = crcTables(polynomial: 0xc96c_5795_d787_0f42)

    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        tables.withUnsafeBufferPointer { tables in
            var crc = UInt64.max
            var index = 0
            while bytes.count - index >= 8 {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian ^ crc
                crc = 0
                for position in 0..<8 {
                    crc ^= tables[(7 - position) << 8 | Int(word >> (8 * UInt64(position)) & 0xff)]
                }
                index += 8
            }
            while index < bytes.count {
                crc = crc >> 8 ^ tables[Int((crc ^ UInt64(bytes[index])) & 0xff)]
                index += 1
            }
            return ~crc
        }
    }
}

/// Eight tables of 256 remainders each, for a reflected polynomial.
private func crcTables(polynomial: UInt64) -> [UInt64] {
    var tables = [UInt64](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
        tables[byte] = (0..<8).reduce(UInt64(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
    }
    for index in 256..<(8 * 256) {
        let before = tables[index - 256]
        tables[index] = before >> 8 ^ tables[Int(before & 0xff)]
    }
    return tables
}
