import Glibc
import ObjectFiles

/// A regular file, open for reading.
public struct OpenedFile: ~Copyable, Sendable {
    public enum Source: Sendable, Equatable {
        /// `/proc/PID/map_files`: the very file that is mapped, deleted or replaced as it may be.
        case mapFiles
        /// The path in the process's mount namespace, with the mapping's inode.
        case processRoot
        /// The path in the profiler's mount namespace, with the mapping's inode.
        case hostPath
    }

    public let descriptor: OwnedFileDescriptor
    public let identity: FileIdentity
    public let source: Source
}

/// Why a mapped file could not be opened.
public enum MappedFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Anonymous memory or the vDSO.
    case notAFile
    /// A device, pipe, socket or folder.
    case notARegularFile
    /// The path leads to another file: it was replaced, and `map_files` is not accessible.
    case replaced
    /// Neither the process nor a file of that path is there any longer.
    case gone
    /// `/proc/PID/map_files` needs CAP_SYS_ADMIN or, from Linux 5.9, CAP_CHECKPOINT_RESTORE; `/proc/PID/root` needs
    /// CAP_SYS_PTRACE.
    case notPermitted
    case other(Int32)

    init(errno code: Int32) {
        switch code {
        case ENOENT, ESRCH, ENOTDIR: self = .gone
        case EPERM, EACCES: self = .notPermitted
        default: self = .other(code)
        }
    }

    public var description: String {
        switch self {
        case .notAFile: "the mapping has no file"
        case .notARegularFile: "the mapped file is not a regular file"
        case .replaced: "the mapped file was replaced by another, and /proc/PID/map_files is not accessible"
        case .gone: "neither the process nor the mapped file is there any longer"
        case .notPermitted: "not permitted: CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, and CAP_SYS_PTRACE are needed"
        case .other(let code): String(cString: strerror(code))
        }
    }
}

extension ProcFileSystem {
    /// Opens the file behind a mapping, without being led astray: devices and pipes are never opened, symbolic links
    /// cannot leave the process's root, and a path counts only when device and inode are the mapping's.
    /// - Parameter thread: a thread of the process that lives, for when the main thread has exited.
    public func openMappedFile(
        of pid: ProcessID, thread: ProcessID, mapping: Mapping
    ) throws(MappedFileError) -> OpenedFile {
        guard mapping.kind == .file else { throw .notAFile }
        var failure = MappedFileError.gone
        do throws(MappedFileError) {
            return try openThroughMapFiles(pid, thread, mapping)
        } catch {
            if error == .notARegularFile { throw error }
            failure = error
        }
        for folder in thread == pid ? ["root"] : ["root", "task/\(thread)/root"] {
            do throws(MappedFileError) {
                let found = try openInRoot(path(pid, folder), mapping.path)
                return try Self.reopen(found, source: .processRoot) { Self.isSame($0, as: mapping.file) }
            } catch {
                if error != .gone { failure = error }
            }
        }
        do throws(MappedFileError) {
            let found = try openInRoot("/", mapping.path)
            return try Self.reopen(found, source: .hostPath) { Self.isSame($0, as: mapping.file) }
        } catch {
            throw failure == .gone ? error : failure
        }
    }

    private func openThroughMapFiles(
        _ pid: ProcessID, _ thread: ProcessID, _ mapping: Mapping
    ) throws(MappedFileError) -> OpenedFile {
        do throws(MappedFileError) {
            return try openMapFile(pid, start: mapping.start, end: mapping.end)
        } catch {
            // The kernel may have split or joined ranges since the mapping was seen.
            guard error == .gone, let current = try? mappings(of: pid, thread: thread).mappings,
                let index = current.indexOfMapping(at: mapping.start), current[index].file == mapping.file
            else { throw error }
            return try openMapFile(pid, start: current[index].start, end: current[index].end)
        }
    }

    private func openMapFile(_ pid: ProcessID, start: UInt64, end: UInt64) throws(MappedFileError) -> OpenedFile {
        let link = path(pid, "map_files/\(String(start, radix: 16))-\(String(end, radix: 16))")
        let descriptor = open(link, openPathOnly | O_CLOEXEC)
        guard descriptor >= 0 else { throw MappedFileError(errno: errno) }
        return try Self.reopen(OwnedFileDescriptor(owning: descriptor), source: .mapFiles) { _ in true }
    }

    /// Turns an O_PATH descriptor of a regular file into one that can be read.
    static func reopen(
        _ file: borrowing OwnedFileDescriptor, source: OpenedFile.Source, if isWanted: (stat) -> Bool
    ) throws(MappedFileError) -> OpenedFile {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw MappedFileError(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile }
        guard isWanted(status) else { throw .replaced }
        let descriptor = open("/proc/self/fd/\(file.rawValue)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw MappedFileError(errno: errno) }
        let opened = OwnedFileDescriptor(owning: descriptor)
        guard fstat(opened.rawValue, &status) == 0 else { throw MappedFileError(errno: errno) }
        return OpenedFile(descriptor: opened, identity: FileIdentity(status), source: source)
    }

    /// Whether `stat` and the kernel's mapping mean the same file. File systems without a block device of their own
    /// (overlayfs, btrfs; major number 0) give `stat` another device number than the mapping has, but the same inode.
    private static func isSame(_ status: stat, as file: MappedFileIdentity) -> Bool {
        let device = UInt64(status.st_dev)
        // Encoding of dev_t in glibc, <bits/sysmacros.h>.
        let major = UInt32(truncatingIfNeeded: (device >> 8) & 0xfff | (device >> 32) & 0xffff_f000)
        let minor = UInt32(truncatingIfNeeded: device & 0xff | (device >> 12) & 0xffff_ff00)
        guard UInt64(status.st_ino) == file.inode else { return false }
        return (major == file.deviceMajor && minor == file.deviceMinor) || major == 0 || file.deviceMajor == 0
    }
}
