import Glibc

/// The root folder of a process, held open: files in it can still be opened when the process is gone.
public final class ProcessRoot: Sendable {
    private let descriptor: Int32

    public init(of pid: ProcessID, in proc: ProcFileSystem = ProcFileSystem()) throws(MappedFileError) {
        descriptor = open(proc.path(pid, "root"), openPathOnly | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw MappedFileError(errno: errno) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Opens a regular file for reading.
    /// - Parameters:
    ///   - path: absolute, as the process sees it. Symbolic links stay inside the root.
    ///   - owners: user ids whose file is taken; anybody may leave a file in a folder for all.
    public func openFile(_ path: String, ownedBy owners: Set<UInt32>) throws(MappedFileError) -> OpenedFile {
        let file = try ProcFileSystem().openInRoot("/proc/self/fd/\(descriptor)", path)
        return try ProcFileSystem.reopen(file, source: .processRoot) { owners.contains($0.st_uid) }
    }
}
