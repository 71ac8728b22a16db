import LZ4Compression
import SnappyCompression
import ZlibCompression
import ZstdCompression

/// How a request's body may be compressed.
public enum ContentCoding: String, Sendable, CaseIterable {
    case gzip
    case zstd
    case zlib
    case snappy
    case deflate
    case lz4
    case snappyFramed = "x-snappy-framed"

    /// - Throws: If the bytes are not of this coding, or stand for more than `limitBytes`.
    public func decode(_ bytes: [UInt8], limitBytes: Int) throws -> [UInt8] {
        switch self {
        case .gzip: try bytes.decompressed(.gzip, limitBytes: limitBytes)
        case .zlib, .deflate: try bytes.decompressed(.zlib, limitBytes: limitBytes)
        case .snappy: try Snappy.decompress(bytes, limitBytes: limitBytes)
        case .snappyFramed: try SnappyFrames.decompress(bytes, limitBytes: limitBytes)
        case .lz4: try LZ4.decompress(bytes, limitBytes: limitBytes)
        case .zstd: try Zstd.decompress(bytes, limitBytes: limitBytes)
        }
    }
}
