/// Snappy's framing format, as `framing_format.txt` of google/snappy describes it: chunks of at most 64 KiB, each with a
/// checksum. HTTP calls it `x-snappy-framed`.
public enum SnappyFrames {
    private static let maximumChunkBytes = 1 << 16
    private static let identifier: [UInt8] = Array("sNaPpY".utf8)

    /// - Parameter limitBytes: More output than that is an error.
    public static func decompress(_ bytes: [UInt8], limitBytes: Int) throws(SnappyError) -> [UInt8] {
        var output: [UInt8] = []
        var rest = bytes[...]
        var isFirst = true
        while !rest.isEmpty {
            guard rest.count >= 4 else { throw .truncated }
            let header = Array(rest.prefix(4))
            let count = Int(header[1]) | Int(header[2]) << 8 | Int(header[3]) << 16
            rest = rest.dropFirst(4)
            guard count <= rest.count else { throw .truncated }
            let chunk = rest.prefix(count)
            rest = rest.dropFirst(count)
            guard !isFirst || header[0] == 0xff else { throw .invalidData("it does not begin with its identifier") }
            isFirst = false
            switch header[0] {
            case 0xff: guard chunk.elementsEqual(identifier) else { throw .invalidData("its identifier is wrong") }
            case 0x00, 0x01:
                guard count >= 4 else { throw .truncated }
                let room = min(maximumChunkBytes, limitBytes - output.count)
                let data: [UInt8]
                if header[0] == 0 {
                    do {
                        data = try Snappy.decompress(chunk.dropFirst(4), limitBytes: room)
                    } catch .tooLarge where room == maximumChunkBytes {
                        throw .invalidData("a chunk of more than 64 KiB")
                    } catch .tooLarge {
                        throw .tooLarge(limitBytes: limitBytes)
                    }
                } else {
                    guard count - 4 <= maximumChunkBytes else { throw .invalidData("a chunk of more than 64 KiB") }
                    guard count - 4 <= room else { throw .tooLarge(limitBytes: limitBytes) }
                    data = Array(chunk.dropFirst(4))
                }
                let sum = chunk.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                guard sum == CRC32C.masked(data) else { throw .invalidData("a checksum is wrong") }
                output += data
            // Padding, and what later versions may add and readers pass over.
            case 0x80...0xfe: break
            default: throw .invalidData("a chunk of an unknown kind")
            }
        }
        return output
    }

    public static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = [0xff, 6, 0, 0] + identifier
        var rest = bytes[...]
        while !rest.isEmpty {
            let data = rest.prefix(maximumChunkBytes)
            rest = rest.dropFirst(data.count)
            let compressed = Snappy.compress(data)
            // Not worth it below an eighth, says the reference.
            let isCompressed = compressed.count < data.count - data.count / 8
            let count = (isCompressed ? compressed.count : data.count) + 4
            let sum = CRC32C.masked(data)
            output += [
                isCompressed ? 0 : 1, UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8),
                UInt8(truncatingIfNeeded: count >> 16),
            ]
            output += (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
            if isCompressed { output += compressed } else { output += data }
        }
        return output
    }
}

/// The checksum of RFC 3720, section 12.1.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0x82f6_3b78 : sum >> 1 }
    }

    static func sum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { table[Int(($0 ^ UInt32($1)) & 0xff)] ^ $0 >> 8 }
    }

    /// As the framing format keeps it, so that a checksum of data with checksums in it is a good one.
    static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let plain = sum(bytes)
        return (plain >> 15 | plain << 17) &+ 0xa282_ead8
    }
}
