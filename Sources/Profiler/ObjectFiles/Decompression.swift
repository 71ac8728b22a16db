import CZlib
import CZstd
import Glibc

/// A stream of compressed bytes, unpacked piece by piece in memory that does not grow with it.
///
/// Belongs to one thread.
final class Decompression {
    enum Format: Sendable {
        /// RFC 1950.
        case zlib
        /// RFC 1951: what is in zlib's format, without a header and a checksum.
        case deflate
        /// RFC 8878: frames, one after the other.
        case zstd
    }

    struct Step {
        var consumedBytes: Int
        var producedBytes: Int
        /// Whether what was read so far is whole.
        var isAtEnd: Bool
    }

    private enum Stream {
        case zlib(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
    }

    /// 32 MiB, memory that one section can make us take. Linkers and objcopy write at levels that need 8 MiB at most.
    private static let windowLogLimit: Int32 = 25

    private let stream: Stream

    init(_ format: Format) throws(BinarySourceError) {
        switch format {
        case .zlib, .deflate:
            // On the heap: zlib keeps a pointer to it.
            let zlib = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            zlib.initialize(to: z_stream())
            guard czlib_inflate_init(zlib, format == .zlib ? 15 : -15) == Z_OK else {
                zlib.deallocate()
                throw BinarySourceError(.readFailed(errno: ENOMEM))
            }
            stream = .zlib(zlib)
        case .zstd:
            guard let zstd = ZSTD_createDStream() else { throw BinarySourceError(.readFailed(errno: ENOMEM)) }
            guard czstd_is_error(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, Self.windowLogLimit)) == 0 else {
                ZSTD_freeDStream(zstd)
                throw BinarySourceError(.readFailed(errno: ENOMEM))
            }
            stream = .zstd(zstd)
        }
    }

    deinit {
        switch stream {
        case .zlib(let zlib):
            inflateEnd(zlib)
            zlib.deallocate()
        case .zstd(let zstd): ZSTD_freeDStream(zstd)
        }
    }

    /// Unpacks as much of `input` as fits `output`; both at most 1 GiB.
    /// - Returns: nil for damaged data.
    func unpack(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Step? {
        switch stream {
        case .zlib(let zlib):
            // It does not write to its input, but its type says nothing of that.
            let start = input.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) }
            zlib.pointee.next_in = start?.assumingMemoryBound(to: UInt8.self)
            zlib.pointee.avail_in = UInt32(input.count)
            zlib.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            zlib.pointee.avail_out = UInt32(output.count)
            let status = inflate(zlib, Z_NO_FLUSH)
            // Z_BUF_ERROR: it could do nothing, which more input may change.
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else { return nil }
            return Step(
                consumedBytes: input.count - Int(zlib.pointee.avail_in),
                producedBytes: output.count - Int(zlib.pointee.avail_out), isAtEnd: status == Z_STREAM_END)
        case .zstd(let zstd):
            var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let result = ZSTD_decompressStream(zstd, &target, &source)
            guard czstd_is_error(result) == 0 else { return nil }
            return Step(consumedBytes: source.pos, producedBytes: target.pos, isAtEnd: result == 0)
        }
    }
}
