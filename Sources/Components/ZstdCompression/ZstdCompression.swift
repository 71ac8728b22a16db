import CZstd

public enum ZstdError: Error, Equatable, CustomStringConvertible {
    case outOfMemory
    /// The input is damaged, of another format, or wants more memory than allowed.
    case invalidData(String)
    /// The input ends too early.
    case truncated
    /// The output would exceed the limit that the caller has set.
    case tooLarge(limitBytes: Int)

    public var description: String {
        switch self {
        case .outOfMemory: "zstd has no memory left"
        case .invalidData(let reason): "the compressed data is damaged or of another format: \(reason)"
        case .truncated: "the compressed data ends too early"
        case .tooLarge(let limit): "the data exceeds \(limit) bytes after decompression"
        }
    }
}

/// Zstandard, RFC 8878.
public enum Zstd {
    /// HTTP allows a window of at most 8 MiB (RFC 9659, section 3): memory that one request can make us take.
    static let maximumWindowLog: Int32 = 23

    /// - Parameter level: 1 (fast) to 22 (small); 0 for zstd's default, 3.
    public static func compress(_ bytes: [UInt8], level: Int = 0) throws(ZstdError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        let level = Int32(clamping: min(max(level, -7), 22))
        let written = output.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { ZSTD_compress(target.baseAddress, target.count, $0.baseAddress, $0.count, level) }
        }
        guard czstd_is_error(written) == 0 else { throw .outOfMemory }
        output.removeLast(output.count - written)
        return output
    }

    /// Reads one frame or several.
    /// - Parameter limitBytes: More output than that is an error: a few bytes of input can stand for gigabytes.
    public static func decompress(_ bytes: [UInt8], limitBytes: Int) throws(ZstdError) -> [UInt8] {
        guard let stream = ZSTD_createDStream() else { throw .outOfMemory }
        defer { ZSTD_freeDStream(stream) }
        guard czstd_is_error(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, maximumWindowLog)) == 0 else {
            throw .outOfMemory
        }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 128 << 10)
        var position = 0
        while true {
            var (result, consumed, produced) = (0, 0, 0)
            bytes.withUnsafeBytes { source in
                chunk.withUnsafeMutableBytes { target in
                    var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: position)
                    var buffer = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    result = ZSTD_decompressStream(stream, &buffer, &input)
                    (consumed, produced) = (input.pos - position, buffer.pos)
                }
            }
            guard czstd_is_error(result) == 0 else {
                throw .invalidData(String(cString: ZSTD_getErrorName(result)))
            }
            position += consumed
            guard output.count <= limitBytes - produced else { throw .tooLarge(limitBytes: limitBytes) }
            output.append(contentsOf: chunk[..<produced])
            // 0: a frame has ended and all of it has been given out.
            if result == 0, position == bytes.count { return output }
            if consumed == 0, produced == 0 { throw .truncated }
        }
    }
}
