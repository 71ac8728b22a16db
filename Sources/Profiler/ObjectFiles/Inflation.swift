import CZlib
import Glibc
import Synchronization

/// Unpacks zlib's format.
enum Inflation {
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
    static func unpack(_ packed: any BinarySource, sizeBytes: UInt64) throws(BinarySourceError) -> any BinarySource {
        if sizeBytes <= memoryBytes {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(Int(sizeBytes))
            try inflateAll(packed, sizeBytes: sizeBytes) { (piece) throws(BinarySourceError) in
                bytes.append(contentsOf: piece)
            }
            return MemorySource(bytes)
        }
        let file = try TemporaryFile(sizeBytes: sizeBytes)
        try inflateAll(packed, sizeBytes: sizeBytes) { (piece) throws(BinarySourceError) in try file.append(piece) }
        return try file.finish()
    }

    private static func inflateAll(
        _ packed: any BinarySource, sizeBytes: UInt64,
        _ take: (UnsafeRawBufferPointer) throws(BinarySourceError) -> Void
    ) throws(BinarySourceError) {
        var stream = z_stream()
        guard czlib_inflate_init(&stream, 15) == Z_OK else { throw BinarySourceError(.readFailed(errno: ENOMEM)) }
        defer { inflateEnd(&stream) }
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
        defer {
            input.deallocate()
            output.deallocate()
        }
        var position: UInt64 = 0
        var produced: UInt64 = 0
        var status = Z_OK
        while status != Z_STREAM_END {
            if stream.avail_in == 0 {
                let count = Int(min(UInt64(pieceBytes), packed.size - position))
                if count == 0 { throw BinarySourceError(.truncated, at: position) }
                try packed.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: input[..<count]))
                position += UInt64(count)
                stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_in = UInt32(count)
            }
            stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(pieceBytes)
            status = inflate(&stream, Z_NO_FLUSH)
            guard status == Z_OK || status == Z_STREAM_END else {
                throw BinarySourceError(.readFailed(errno: EBADMSG), at: position)
            }
            let count = pieceBytes - Int(stream.avail_out)
            produced += UInt64(count)
            if produced > sizeBytes { throw BinarySourceError(.truncated, at: position) }
            try take(UnsafeRawBufferPointer(rebasing: output[..<count]))
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
