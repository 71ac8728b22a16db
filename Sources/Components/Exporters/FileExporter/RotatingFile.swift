import Collector
import Glibc

/// A file that is written through a buffer, and put aside when it has become too large.
///
/// Not for several threads at once. Calls block.
struct RotatingFile {
    private let configuration: FileConfiguration
    private var descriptor: Int32
    /// Bytes in the file, without those in the buffer.
    private var fileBytes: Int
    private var buffer: [UInt8] = []
    private let bufferBytes = 64 << 10

    /// - Throws: `CollectorError` that names the path.
    init(_ configuration: FileConfiguration) throws {
        self.configuration = configuration
        if configuration.createsDirectory {
            try Self.makeDirectories(of: configuration.path, permissions: configuration.directoryPermissions)
        }
        // A file that is rotated is never cut: what an earlier run wrote is kept and put aside in turn.
        let mustKeep = configuration.appends || configuration.rotation != nil
        (descriptor, fileBytes) = try Self.open(configuration.path, appends: mustKeep)
    }

    private static func open(_ path: String, appends: Bool) throws -> (Int32, Int) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (appends ? O_APPEND : O_TRUNC)
        let descriptor = Glibc.open(path, flags, 0o600)
        guard descriptor >= 0 else { throw failure("open", path) }
        let end = lseek(descriptor, 0, SEEK_END)
        return (descriptor, max(0, Int(end)))
    }

    private static func failure(_ verb: String, _ path: String) -> CollectorError {
        CollectorError("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }

    private static func makeDirectories(of path: String, permissions: UInt32) throws {
        var position = path.startIndex
        while let slash = path[position...].dropFirst().firstIndex(of: "/") {
            let directory = String(path[..<slash])
            if mkdir(directory, mode_t(permissions)) != 0, errno != EEXIST { throw failure("create", directory) }
            position = slash
        }
    }

    /// A record is never split between two files.
    mutating func write(_ record: [UInt8]) throws {
        if let rotation = configuration.rotation {
            let used = fileBytes + buffer.count
            if used > 0, used + record.count > rotation.maximumBytes { try rotate(rotation) }
        }
        buffer.append(contentsOf: record)
        // With rotation nobody flushes in intervals.
        if buffer.count >= bufferBytes || configuration.rotation != nil { try flush() }
    }

    mutating func flush() throws {
        var position = 0
        // What could be written is not written again after a failure.
        defer { buffer.removeFirst(position) }
        while position < buffer.count {
            let written = buffer[position...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.failure("write to", configuration.path)
            }
            position += written
            fileBytes += written
        }
    }

    mutating func close() throws {
        defer {
            Glibc.close(descriptor)
            descriptor = -1
        }
        try flush()
    }

    // MARK: - Rotation

    private mutating func rotate(_ rotation: FileConfiguration.Rotation) throws {
        try flush()
        let backup = try unusedBackupName(rotation)
        guard rename(configuration.path, backup) == 0 else { throw Self.failure("rename", configuration.path) }
        let (new, bytes) = try Self.open(configuration.path, appends: true)
        Glibc.close(descriptor)
        (descriptor, fileBytes) = (new, bytes)
        removeOldBackups(rotation)
    }

    /// Folder, name without extension, and extension with its dot.
    private var parts: (folder: String, base: String, ending: String) {
        let path = configuration.path
        let slash = path.lastIndex(of: "/")
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (folder, String(name), "") }
        return (folder, String(name[..<dot]), String(name[dot...]))
    }

    private func unusedBackupName(_ rotation: FileConfiguration.Rotation) throws -> String {
        let (folder, base, ending) = parts
        // Names have milliseconds; two rotations within one must not overwrite each other.
        for _ in 0..<1000 {
            let name = "\(folder)/\(base)-\(Self.timestamp(usesLocalTime: rotation.usesLocalTime))\(ending)"
            if access(name, F_OK) != 0 { return name }
            usleep(1000)
        }
        throw CollectorError("cannot find a name to put \(configuration.path) aside")
    }

    /// `yyyy-mm-ddThh-mm-ss.mmm`.
    static func timestamp(usesLocalTime: Bool) -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var seconds = now.tv_sec
        var parts = tm()
        if usesLocalTime { localtime_r(&seconds, &parts) } else { gmtime_r(&seconds, &parts) }
        func padded(_ number: Int, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
            + "T\(padded(Int(parts.tm_hour), 2))-\(padded(Int(parts.tm_min), 2))-\(padded(Int(parts.tm_sec), 2))"
            + ".\(padded(now.tv_nsec / 1_000_000, 3))"
    }

    /// Failures here lose nothing; the next rotation tries again.
    private func removeOldBackups(_ rotation: FileConfiguration.Rotation) {
        let (folder, base, ending) = parts
        var backups: [String] = []
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let stamp = name.dropFirst(base.count + 1).dropLast(ending.count)
            if name.hasPrefix("\(base)-"), name.hasSuffix(ending), Self.isTimestamp(stamp) { backups.append(name) }
        }
        // Names sort by time.
        backups.sort(by: >)
        for (index, name) in backups.enumerated() {
            let path = "\(folder)/\(name)"
            let isSurplus = rotation.maximumBackups > 0 && index >= rotation.maximumBackups
            if isSurplus || isTooOld(path, rotation) { unlink(path) }
        }
    }

    private static func isTimestamp(_ text: Substring) -> Bool {
        let pattern = Array("0000-00-00T00-00-00.000".utf8)
        let bytes = Array(text.utf8)
        return bytes.count == pattern.count
            && zip(bytes, pattern).allSatisfy { byte, form in
                form == UInt8(ascii: "0")
                    ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == form
            }
    }

    private func isTooOld(_ path: String, _ rotation: FileConfiguration.Rotation) -> Bool {
        guard let days = rotation.maximumDays else { return false }
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        return time(nil) - status.st_mtim.tv_sec > days * 86_400
    }
}
