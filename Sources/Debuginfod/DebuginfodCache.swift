import Glibc
import ObjectFiles

/// The files that were fetched, on disk. The layout is that of elfutils' client (debuginfod_find_debuginfo(3)): a folder
/// for each build id, in it `debuginfo`, empty where servers said that they have none.
///
/// Its methods block.
struct DebuginfodCache: Sendable {
    enum Entry: Equatable {
        case file(path: String)
        /// Servers had none, not long ago.
        case missing
    }

    let folder: String
    let limitBytes: Int
    let missingFor: Duration

    private func path(_ id: BuildID) -> String { "\(folder)/\(id.hex)/debuginfo" }

    /// Nil for what has to be asked for.
    func entry(_ id: BuildID) -> Entry? {
        var status = stat()
        guard lstat(path(id), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        if status.st_size > 0 {
            // Says that it was used: what was not goes first.
            var times = [timespec(tv_sec: 0, tv_nsec: Int(UTIME_NOW)), timespec(tv_sec: 0, tv_nsec: Int(UTIME_OMIT))]
            utimensat(AT_FDCWD, path(id), &times, AT_SYMLINK_NOFOLLOW)
            return .file(path: path(id))
        }
        let age = time(nil) - status.st_mtim.tv_sec
        if age >= 0, Duration.seconds(age) < missingFor { return .missing }
        unlink(path(id))
        return nil
    }

    /// A new file to be filled; the caller closes it and then keeps or discards it.
    func makeTemporaryFile(for id: BuildID) throws(BinarySourceError) -> (descriptor: Int32, path: String) {
        try makeFolder(for: id)
        var template = Array("\(path(id)).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw BinarySourceError(.openFailed(errno: errno)) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return (descriptor, String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    private func makeFolder(for id: BuildID) throws(BinarySourceError) {
        for end in folder.indices.dropFirst() where folder[end] == "/" { mkdir(String(folder[..<end]), 0o755) }
        mkdir(folder, 0o700)
        guard mkdir("\(folder)/\(id.hex)", 0o700) == 0 || errno == EEXIST else {
            throw BinarySourceError(.openFailed(errno: errno))
        }
    }

    /// - Returns: the path at which it now is; nil for what is not the debug file of that build id.
    func keep(_ temporary: String, for id: BuildID) -> String? {
        guard let reader = try? FileReader(path: temporary), let file = try? ELFFile(reader), file.gnuBuildID() == id,
            rename(temporary, path(id)) == 0
        else {
            unlink(temporary)
            return nil
        }
        makeRoom(but: path(id))
        return path(id)
    }

    func noteMissing(_ id: BuildID) {
        guard (try? makeFolder(for: id)) != nil else { return }
        let descriptor = open(path(id), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Removes what was used longest ago until the rest fits.
    private func makeRoom(but kept: String) {
        struct File {
            var path: String
            var size: Int
            var time: Int
        }
        var files: [File] = []
        for name in Self.names(in: folder) {
            var status = stat()
            let path = "\(folder)/\(name)/debuginfo"
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            let lastUse = max(status.st_atim.tv_sec, status.st_mtim.tv_sec)
            files.append(File(path: path, size: Int(clamping: status.st_size), time: lastUse))
        }
        var total = files.reduce(0) { $0 &+ $1.size }
        for file in files.sorted(by: { ($0.time, $0.path) < ($1.time, $1.path) }) where file.path != kept {
            if total <= limitBytes { return }
            unlink(file.path)
            rmdir(String(file.path.dropLast("/debuginfo".count)))
            total -= file.size
        }
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}

private let UTIME_NOW = (1 << 30) - 1
private let UTIME_OMIT = (1 << 30) - 2
