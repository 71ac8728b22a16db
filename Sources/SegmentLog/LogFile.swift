import Glibc

/// An open file, read and written at places. Closed with its life.
final class LogFile {
    let path: String
    private let descriptor: Int32

    /// - Parameter flags: of open(2), besides `O_CLOEXEC`.
    init(_ path: String, _ flags: Int32) throws(SegmentLogError) {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw .last("open", path) }
    }

    deinit { close(descriptor) }

    func size() throws(SegmentLogError) -> Int {
        var status = stat()
        if fstat(descriptor, &status) != 0 { throw .last("examine", path) }
        return Int(status.st_size)
    }

    /// Fewer bytes than asked for only at the file's end.
    func read(at offset: Int, count: Int) throws(SegmentLogError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
            }
            if got < 0 {
                if errno == EINTR { continue }
                throw .last("read", path)
            }
            if got == 0 { break }
            filled += got
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    /// All or an error; then some may have been written.
    func write(_ bytes: [UInt8], at offset: Int) throws(SegmentLogError) {
        var written = 0
        while written < bytes.count {
            let put = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written,
                    off_t(offset + written))
            }
            if put < 0 {
                if errno == EINTR { continue }
                throw .last("write", path)
            }
            written += put
        }
    }

    func truncate(to size: Int) throws(SegmentLogError) {
        if ftruncate(descriptor, off_t(size)) != 0 { throw .last("truncate", path) }
    }

    func sync() throws(SegmentLogError) {
        if fsync(descriptor) != 0 { throw .last("sync", path) }
    }

    /// False if somebody else has it.
    func tryLock() throws(SegmentLogError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        if errno == EWOULDBLOCK || errno == EINTR { return false }
        throw .last("lock", path)
    }
}
