import Glibc
import Synchronization

/// Unpacks compressed sections, of zlib's format and of zstd's, and bare streams of RFC 1951.
public enum Inflation {
    /// The largest section that is unpacked.
    static let limitBytes: UInt64 = 2 << 30
    /// What is larger is kept in a temporary file.
    private static let memoryBytes: UInt64 = 256 << 10
    /// All temporary files together.
    private static let filesLimitBytes: UInt64 = 4 << 30
    private static let pieceBytes = 256 << 10
    fileprivate static let filesBytes = Mutex<UInt64>(0)

    /// Unpacks all of `packed`.
    /// - Parameter sizeBytes: of the result; what unpacks to more or less is refused with `.truncated`.
    static func unpack(
        _ packed: any BinarySource, _ format: Decompression.Format, sizeBytes: UInt64
    ) throws(BinarySourceError) -> any BinarySource {
        if sizeBytes <= memoryBytes {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(Int(sizeBytes))
            try unpackAll(packed, format, sizeBytes: sizeBytes) { (piece) throws(BinarySourceError) in
                bytes.append(contentsOf: piece)
            }
            return MemorySource(bytes)
        }
        let file = try TemporaryFile(sizeBytes: sizeBytes)
        try unpackAll(packed, format, sizeBytes: sizeBytes) { (piece) throws(BinarySourceError) in try file.append(piece) }
        return try file.finish()
    }

    /// Unpacks a bare stream of RFC 1951, in memory.
    /// - Parameter sizeBytes: of the result; what unpacks to more or less is refused with `.truncated`.
    public static func bytes(ofDeflated packed: [UInt8], sizeBytes: Int) throws(BinarySourceError) -> [UInt8] {
        var bytes: [UInt8] = []
        try unpackAll(MemorySource(packed), .deflate, sizeBytes: UInt64(clamping: sizeBytes)) {
            (piece) throws(BinarySourceError) in
            bytes.append(contentsOf: piece)
        }
        return bytes
    }

    private static func unpackAll(
        _ packed: any BinarySource, _ format: Decompression.Format, sizeBytes: UInt64,
        _ take: (UnsafeRawBufferPointer) throws(BinarySourceError) -> Void
    ) throws(BinarySourceError) {
        let stream = try Decompression(format)
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
        defer {
            input.deallocate()
            output.deallocate()
        }
        var position: UInt64 = 0
        var produced: UInt64 = 0
        var pending = UnsafeRawBufferPointer(rebasing: input[..<0])
        while produced < sizeBytes || !pending.isEmpty || position < packed.size {
            if pending.isEmpty {
                let count = Int(min(UInt64(pieceBytes), packed.size - position))
                let piece = UnsafeMutableRawBufferPointer(rebasing: input[..<count])
                if count > 0 { try packed.read(at: position, into: piece) }
                position += UInt64(count)
                pending = UnsafeRawBufferPointer(piece)
            }
            guard let step = stream.unpack(pending, into: output) else {
                throw BinarySourceError(.readFailed(errno: EBADMSG), at: position)
            }
            pending = UnsafeRawBufferPointer(rebasing: pending[step.consumedBytes...])
            produced += UInt64(step.producedBytes)
            if produced > sizeBytes { throw BinarySourceError(.truncated, at: position) }
            try take(UnsafeRawBufferPointer(rebasing: output[..<step.producedBytes]))
            // What follows the end is none of its data.
            if step.isAtEnd, produced == sizeBytes { return }
            if step.consumedBytes == 0, step.producedBytes == 0 { break }
        }
        if produced != sizeBytes { throw BinarySourceError(.truncated, at: position) }
    }

    /// A file without a name, gone when it is closed.
    private final class TemporaryFile {
        private var descriptor: Int32
        private let sizeBytes: UInt64
        private var isCounted = true

        init(sizeBytes: UInt64) throws(BinarySourceError) {
            self.sizeBytes = sizeBytes
            descriptor = -1
            let fits = Inflation.filesBytes.withLock { total in
                guard sizeBytes <= filesLimitBytes - total else { return false }
                total += sizeBytes
                return true
            }
            guard fits else {
                isCounted = false
                throw BinarySourceError(.openFailed(errno: ENOSPC))
            }
            // Not in memory: `/tmp` often is, `/var/tmp` never.
            let folders = [getenv("TMPDIR").map { String(cString: $0) }, "/var/tmp", "/tmp"].compactMap { $0 }
            for folder in folders {
                var path = Array("\(folder)/otelcol-XXXXXX".utf8CString)
                descriptor = mkstemp(&path)
                if descriptor >= 0 {
                    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                    unlink(path)
                    return
                }
            }
            throw BinarySourceError(.openFailed(errno: errno))
        }

        deinit {
            if descriptor >= 0 { close(descriptor) }
            if isCounted { Inflation.filesBytes.withLock { $0 -= sizeBytes } }
        }

        func append(_ bytes: UnsafeRawBufferPointer) throws(BinarySourceError) {
            var done = 0
            while done < bytes.count, let start = bytes.baseAddress {
                let count = write(descriptor, start + done, bytes.count - done)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw BinarySourceError(.readFailed(errno: errno))
                }
                done += count
            }
        }

        func finish() throws(BinarySourceError) -> any BinarySource {
            let owned = descriptor
            descriptor = -1
            let reader = try FileReader(owning: owned)
            isCounted = false
            return CountedFile(reader, sizeBytes: sizeBytes)
        }
    }

    /// Gives back what the file took of the limit when the last reader goes.
    private final class CountedFile: BinarySource {
        private let reader: FileReader
        private let sizeBytes: UInt64
        var size: UInt64 { reader.size }

        init(_ reader: FileReader, sizeBytes: UInt64) {
            self.reader = reader
            self.sizeBytes = sizeBytes
        }

        deinit { Inflation.filesBytes.withLock { $0 -= sizeBytes } }

        func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BinarySourceError) {
            try reader.read(at: offset, into: buffer)
        }
    }
}
