import CPerfEvents
import Glibc

/// O_PATH of open(2): names a file without opening it, so that no device or pipe takes notice.
let openPathOnly = Int32(OTELCOL_O_PATH)

/// Most symbolic links followed for one path, as in the kernel (MAXSYMLINKS).
private let maximumSymbolicLinks = 40

extension ProcFileSystem {
    /// Opens a file of another mount namespace for reading, such as a perf map or a separate debug file.
    /// - Parameters:
    ///   - pid: the process in whose root the path lies.
    ///   - path: absolute, as that process sees it. Symbolic links stay inside the root.
    /// - Returns: a regular file.
    public func openFile(
        inRootOf pid: ProcessID, thread: ProcessID, path filePath: String
    ) throws(MappedFileError) -> OpenedFile {
        do throws(MappedFileError) {
            return try Self.reopenRegular(openInRoot(path(pid, "root"), filePath))
        } catch {
            guard thread != pid, error == .gone else { throw error }
            return try Self.reopenRegular(openInRoot(path(pid, "task/\(thread)/root"), filePath))
        }
    }

    /// Opens `path` with O_PATH as if `root` were the root folder.
    func openInRoot(_ root: String, _ path: String) throws(MappedFileError) -> OwnedFileDescriptor {
        guard path.hasPrefix("/"), !path.utf8.contains(0) else { throw .gone }
        let folder = open(root, openPathOnly | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw MappedFileError(errno: errno) }
        let rootFolder = OwnedFileDescriptor(owning: folder)
        let descriptor = otelcol_open_in_root(rootFolder.rawValue, path, UInt64(openPathOnly | O_CLOEXEC))
        if descriptor >= 0 { return OwnedFileDescriptor(owning: descriptor) }
        // Linux before 5.6, or a seccomp filter that does not know the call.
        guard descriptor == -ENOSYS || descriptor == -EPERM else { throw MappedFileError(errno: -descriptor) }
        return try Self.openInRootStepwise(rootFolder, path)
    }

    /// What openat2(2) does with RESOLVE_IN_ROOT, one component at a time.
    static func openInRootStepwise(
        _ root: borrowing OwnedFileDescriptor, _ path: String
    ) throws(MappedFileError) -> OwnedFileDescriptor {
        var pending = Array(path.split(separator: "/").reversed())
        // The folders from the root to the present place; ".." goes back along it and never above.
        var folders: [Int32] = []
        defer { folders.forEach { close($0) } }
        var links = 0
        while let component = pending.popLast() {
            if component == "." { continue }
            if component == ".." {
                if let last = folders.popLast() { close(last) }
                continue
            }
            let parent = folders.last ?? root.rawValue
            let descriptor = openat(parent, String(component), openPathOnly | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { throw MappedFileError(errno: errno) }
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else {
                folders.append(descriptor)
                continue
            }
            defer { close(descriptor) }
            links += 1
            var target = [CChar](repeating: 0, count: 4096)
            let count = readlinkat(descriptor, "", &target, target.count)
            guard links <= maximumSymbolicLinks else { throw .other(ELOOP) }
            guard count > 0 else { throw MappedFileError(errno: errno) }
            let text = String(decoding: target.prefix(count).lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("/") {
                folders.forEach { close($0) }
                folders.removeAll()
            }
            pending.append(contentsOf: text.split(separator: "/").reversed())
        }
        guard let last = folders.popLast() else { throw .notARegularFile }
        return OwnedFileDescriptor(owning: last)
    }

    private static func reopenRegular(
        _ file: consuming OwnedFileDescriptor
    ) throws(MappedFileError) -> OpenedFile {
        try reopen(file, source: .processRoot) { _ in true }
    }
}
