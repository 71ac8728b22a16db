import Glibc
import Synchronization

/// Reads a regular file with `pread`.
///
/// Files are never mapped: when somebody truncates a mapped file, touching the lost pages raises SIGBUS and ends the
/// process. Small reads are served from one window, so that walking through headers costs few system calls. May be
/// shared between threads; each read takes a short lock only when it is small enough for the window.
public final class FileReader: BinarySource {
    /// Reads up to this size go through the window.
    private static let smallReadBytes = 4 << 10
    private static let windowBytes: UInt64 = 16 << 10

    private struct Window {
        var start: UInt64 = 0
        var bytes: [UInt8] = []
    }

    private let descriptor: Int32
    public let identity: FileIdentity
    private let window = Mutex(Window())

    public var size: UInt64 { identity.sizeBytes }

    /// Opens `path`, which may be a link of `/proc/<pid>/map_files`. Never blocks on a FIFO, never opens a device.
    public convenience init(path: String) throws(BinarySourceError) {
        // O_PATH has no effect on what is opened; only when the type is known the file is opened for reading.
        let handle = openRetrying(path, O_PATH | O_CLOEXEC)
        guard handle >= 0 else { throw BinarySourceError(.openFailed(errno: errno)) }
        defer { close(handle) }
        _ = try Self.identity(of: handle)
        let descriptor = openRetrying("/proc/self/fd/\(handle)", O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw BinarySourceError(.openFailed(errno: errno)) }
        try self.init(owning: descriptor)
    }

    /// Takes over `descriptor`, which is closed when the reader goes away or when this throws.
    public init(owning descriptor: Int32) throws(BinarySourceError) {
        do {
            identity = try Self.identity(of: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    private static func identity(of descriptor: Int32) throws(BinarySourceError) -> FileIdentity {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw BinarySourceError(.openFailed(errno: errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw BinarySourceError(.notRegularFile) }
        return FileIdentity(status)
    }

    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BinarySourceError) {
        try requireRange(at: offset, count: buffer.count)
        if buffer.isEmpty { return }
        if buffer.count > Self.smallReadBytes {
            try readDirectly(at: offset, into: buffer)
            return
        }
        let result = window.withLock { (window) -> Result<Void, BinarySourceError> in
            do throws(BinarySourceError) {
                try readThroughWindow(&window, at: offset, into: buffer)
                return .success(())
            } catch {
                window.bytes = []
                return .failure(error)
            }
        }
        try result.get()
    }

    private func readThroughWindow(
        _ window: inout Window, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BinarySourceError) {
        let inWindow =
            offset >= window.start && offset - window.start <= UInt64(window.bytes.count)
            && UInt64(buffer.count) <= UInt64(window.bytes.count) - (offset - window.start)
        if !inWindow {
            // From the read's own start: headers are walked forwards.
            let count = Int(min(Self.windowBytes, size - offset))
            if window.bytes.count != count { window.bytes = [UInt8](repeating: 0, count: count) }
            try window.bytes.withUnsafeMutableBufferPointer { (bytes) throws(BinarySourceError) in
                try readDirectly(at: offset, into: UnsafeMutableRawBufferPointer(bytes))
            }
            window.start = offset
        }
        let first = Int(offset - window.start)
        window.bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[first..<(first + buffer.count)]))
        }
    }

    private func readDirectly(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BinarySourceError) {
        var done = 0
        while done < buffer.count {
            let position = offset &+ UInt64(done)
            guard let fileOffset = off_t(exactly: position), let start = buffer.baseAddress else {
                throw BinarySourceError(.outOfBounds, at: position)
            }
            let count = pread(descriptor, start + done, buffer.count - done, fileOffset)
            if count < 0 {
                if errno == EINTR { continue }
                throw BinarySourceError(.readFailed(errno: errno), at: position)
            }
            if count == 0 { throw BinarySourceError(.truncated, at: position) }
            done += count
        }
    }
}

/// `O_PATH` of the kernel, equal on x86_64 and arm64; glibc shows it only with `_GNU_SOURCE`.
private let O_PATH: Int32 = 0o10_000_000

private func openRetrying(_ path: String, _ flags: Int32) -> Int32 {
    while true {
        let descriptor = open(path, flags)
        if descriptor >= 0 || errno != EINTR { return descriptor }
    }
}
