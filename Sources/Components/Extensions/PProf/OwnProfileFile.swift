import Collector
import Glibc

enum OwnProfileFile {
    /// Blocks.
    /// - Throws: `CollectorError` that names the file.
    static func write(_ bytes: [UInt8], to path: String) throws(CollectorError) {
        func failure() -> CollectorError {
            CollectorError("save_to_file: cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            offset += count
        }
    }
}
