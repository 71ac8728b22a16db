import BinaryReading

/// The xz container, as MiniDebugInfo has it: streams of blocks that are compressed by LZMA2 alone.
///
/// Source: "The .xz File Format", version 1.2.1. Filters before LZMA2 (delta, branch conversion) are refused: no tool
/// that writes MiniDebugInfo uses them. A decoder of its own, because the program is static on two architectures and
/// the input is anybody's: everything is bounded here.
public enum XZ {
    private static let magic: [UInt8] = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]
    /// By kind of check, in bytes: none, CRC32, CRC64 at 4, SHA-256 at 10; the others are not in use.
    private static let checkBytes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64]

    private struct Block: Equatable {
        /// Header, data and check without padding, in bytes.
        var unpaddedBytes: UInt64
        var uncompressedBytes: UInt64
    }

    /// Unpacks all streams in `bytes`.
    /// - Parameter limitBytes: of the result; more throws `.limitExceeded`.
    public static func decompress(_ bytes: [UInt8], limitBytes: Int) throws(ReadError) -> [UInt8] {
        var output: [UInt8] = []
        try bytes.withByteReader { (reader) throws(ReadError) in
            repeat {
                try decodeStream(&reader, into: &output, limitBytes: limitBytes)
                // Streams may be followed by zeros, four at a time.
                while reader.remaining >= 4 {
                    var ahead = reader
                    if try ahead.read(UInt32.self, "xz stream padding") != 0 { break }
                    reader = ahead
                }
            } while !reader.isAtEnd
        }
        return output
    }

    private static func decodeStream(
        _ reader: inout ByteReader, into output: inout [UInt8], limitBytes: Int
    ) throws(ReadError) {
        let start = reader
        guard try reader.readBytes(6, "xz magic") == magic else { throw invalid(start, "xz magic") }
        let flags = try reader.readBytes(2, "xz stream flags")
        guard flags[0] == 0, flags[1] < 16, try reader.read(UInt32.self, "xz stream CRC") == CRC32.of(flags) else {
            throw invalid(reader, "xz stream flags")
        }
        var blocks: [Block] = []
        while true {
            var ahead = reader
            // The index begins with what would be a block header of size 0.
            if try ahead.read(UInt8.self, "xz block header") == 0 { break }
            blocks.append(try decodeBlock(&reader, check: Int(flags[1]), into: &output, limitBytes: limitBytes))
        }
        let indexBytes = try checkIndex(&reader, blocks)
        let footerStart = reader
        let crc = try reader.read(UInt32.self, "xz footer")
        let footer = try reader.readBytes(6, "xz footer")
        guard CRC32.of(footer) == crc, Array(footer[4...]) == flags,
            footer.prefix(4).reversed().reduce(UInt64(0), { $0 << 8 | UInt64($1) }) == UInt64(indexBytes) / 4 - 1,
            try reader.readBytes(2, "xz footer") == [0x59, 0x5a]
        else { throw invalid(footerStart, "xz footer") }
    }

    private static func decodeBlock(
        _ reader: inout ByteReader, check: Int, into output: inout [UInt8], limitBytes: Int
    ) throws(ReadError) -> Block {
        let start = reader
        var ahead = reader
        let headerBytes = (Int(try ahead.read(UInt8.self, "xz block header")) + 1) * 4
        let header = try reader.readBytes(headerBytes - 4, "xz block header")
        guard try reader.read(UInt32.self, "xz block header") == CRC32.of(header) else {
            throw invalid(start, "xz block header")
        }
        var (compressed, uncompressed): (UInt64?, UInt64?)
        try header.withByteReader { (fields) throws(ReadError) in
            try fields.skip(1)
            let flags = try fields.read(UInt8.self, "xz block flags")
            if flags & 0x40 != 0 { compressed = try fields.readULEB128("xz compressed size") }
            if flags & 0x80 != 0 { uncompressed = try fields.readULEB128("xz uncompressed size") }
            guard flags & 0x3f == 0, try fields.readULEB128("xz filter") == 0x21,
                try fields.readULEB128("xz filter") == 1, try fields.read(UInt8.self, "LZMA2 dictionary size") <= 40
            else { throw invalid(start, "xz filters") }
            while !fields.isAtEnd {
                guard try fields.read(UInt8.self, "xz block header") == 0 else { throw invalid(start, "xz padding") }
            }
        }
        let dataStart = reader.position
        let outputStart = output.count
        var decoder = LZMA2Decoder(dictionaryStart: outputStart, limitBytes: limitBytes)
        try decoder.decode(&reader, into: &output)
        let dataBytes = reader.position - dataStart
        guard compressed.map({ $0 == UInt64(dataBytes) }) ?? true,
            uncompressed.map({ $0 == UInt64(output.count - outputStart) }) ?? true
        else { throw invalid(reader, "xz block size") }
        try skipPadding(&reader, after: dataBytes)
        let sum = try reader.readBytes(checkBytes[check], "xz check")
        guard expectedSum(check, of: output, from: outputStart).map({ $0 == sum }) ?? true else {
            throw invalid(reader, "xz check")
        }
        return Block(
            unpaddedBytes: UInt64(headerBytes + dataBytes + sum.count),
            uncompressedBytes: UInt64(output.count - outputStart))
    }

    /// Nil for a kind of check that is not known.
    private static func expectedSum(_ check: Int, of output: [UInt8], from start: Int) -> [UInt8]? {
        output.withUnsafeBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[start...])
            switch check {
            case 0: return []
            case 1:
                var crc = CRC32()
                crc.update(bytes)
                return (0..<4).map { UInt8(truncatingIfNeeded: crc.value >> (8 * UInt32($0))) }
            case 4:
                let crc = CRC64.of(bytes)
                return (0..<8).map { UInt8(truncatingIfNeeded: crc >> (8 * UInt64($0))) }
            case 10:
                var hash = SHA256()
                hash.update(Array(bytes))
                return hash.finish()
            default: return nil
            }
        }
    }

    /// Reads the index, which must tell of the very blocks that were read.
    /// - Returns: its length in bytes.
    private static func checkIndex(_ reader: inout ByteReader, _ blocks: [Block]) throws(ReadError) -> Int {
        let start = reader
        try reader.skip(1)
        guard try reader.readULEB128("xz index") == UInt64(blocks.count) else { throw invalid(start, "xz index") }
        for block in blocks {
            let record = Block(
                unpaddedBytes: try reader.readULEB128("xz index"),
                uncompressedBytes: try reader.readULEB128("xz index"))
            guard record == block else { throw invalid(start, "xz index") }
        }
        try skipPadding(&reader, after: reader.position - start.position)
        var ahead = start
        let bytes = try ahead.readBytes(reader.position - start.position, "xz index")
        guard try reader.read(UInt32.self, "xz index") == CRC32.of(bytes) else { throw invalid(start, "xz index") }
        return reader.position - start.position
    }

    private static func skipPadding(_ reader: inout ByteReader, after count: Int) throws(ReadError) {
        for _ in 0..<(-count & 3) {
            guard try reader.read(UInt8.self, "xz padding") == 0 else { throw invalid(reader, "xz padding") }
        }
    }

    private static func invalid(_ reader: ByteReader, _ subject: StaticString) -> ReadError {
        ReadError(.invalidValue, at: reader.absolutePosition, reading: subject)
    }
}
