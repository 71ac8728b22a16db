import CZlib

/// The compressions that zlib knows.
public enum ZlibFormat: String, Sendable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// RFC 1950; what HTTP calls `deflate`.
    case zlib

    /// zlib's code for the format, with its largest window of 32 KiB.
    var windowBits: Int32 {
        switch self {
        case .gzip: 15 + 16
        case .zlib: 15
        }
    }
}

public enum ZlibError: Error, Equatable, CustomStringConvertible {
    case outOfMemory
    /// The input is damaged, or of another format.
    case invalidData
    /// The input ends too early.
    case truncated
    /// The output would exceed the limit that the caller has set.
    case tooLarge(limitBytes: Int)

    public var description: String {
        switch self {
        case .outOfMemory: "zlib has no memory left"
        case .invalidData: "the compressed data is damaged or of another format"
        case .truncated: "the compressed data ends too early"
        case .tooLarge(let limit): "the data exceeds \(limit) bytes after decompression"
        }
    }
}

extension [UInt8] {
    /// - Parameter level: 1 (fast) to 9 (small); -1 for zlib's default, 6.
    public func compressed(_ format: ZlibFormat, level: Int = -1) throws(ZlibError) -> [UInt8] {
        var stream = z_stream()
        let level = Int32(clamping: Swift.min(Swift.max(level, -1), 9))
        guard czlib_deflate_init(&stream, level, format.windowBits) == Z_OK else { throw .outOfMemory }
        defer { deflateEnd(&stream) }
        return try process(&stream, limitBytes: .max, step: deflate)
    }

    /// - Parameter limitBytes: More output than that is an error: a few bytes of input can stand for gigabytes.
    public func decompressed(_ format: ZlibFormat, limitBytes: Int) throws(ZlibError) -> [UInt8] {
        var stream = z_stream()
        guard czlib_inflate_init(&stream, format.windowBits) == Z_OK else { throw .outOfMemory }
        defer { inflateEnd(&stream) }
        return try process(&stream, limitBytes: limitBytes, step: inflate)
    }

    /// Feeds everything through one of zlib's two engines.
    private func process(
        _ stream: inout z_stream, limitBytes: Int, step: (z_streamp?, Int32) -> Int32
    ) throws(ZlibError) -> [UInt8] {
        let chunkBytes = 64 << 10
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        var position = 0
        while true {
            // zlib counts in 32 bits: large inputs go in by pieces.
            let pieceBytes = Swift.min(count - position, 1 << 30)
            let isLast = position + pieceBytes == count
            var status = Z_OK
            var (consumed, produced) = (0, 0)
            // `withUnsafeBufferPointer` of an empty array may give no address; zlib takes none with zero bytes.
            withUnsafeBufferPointer { input in
                chunk.withUnsafeMutableBufferPointer { buffer in
                    stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + position })
                    stream.avail_in = UInt32(pieceBytes)
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(chunkBytes)
                    status = step(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    consumed = pieceBytes - Int(stream.avail_in)
                    produced = chunkBytes - Int(stream.avail_out)
                }
            }
            position += consumed
            guard output.count <= limitBytes - produced else { throw .tooLarge(limitBytes: limitBytes) }
            output.append(contentsOf: chunk[..<produced])
            switch status {
            case Z_STREAM_END: return output
            case Z_OK, Z_BUF_ERROR:
                // Neither input nor output moved: the input has ended before its end mark.
                if consumed == 0, produced == 0 { throw .truncated }
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .invalidData
            }
        }
    }
}
