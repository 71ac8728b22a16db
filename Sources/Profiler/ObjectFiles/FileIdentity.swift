import Glibc

/// Which file it is and whether it was changed: equal identities mean equal contents for a profiler's purposes. Taken
/// by `fstat` from an open descriptor, so that it is dependable on every file system.
public struct FileIdentity: Hashable, Sendable {
    /// `st_dev`.
    public var device: UInt64
    public var inode: UInt64
    public var sizeBytes: UInt64
    /// Nanoseconds since 1970; an inode number may be used again after a file was removed.
    public var modificationTimeNanoseconds: Int64

    public init(device: UInt64, inode: UInt64, sizeBytes: UInt64, modificationTimeNanoseconds: Int64) {
        self.device = device
        self.inode = inode
        self.sizeBytes = sizeBytes
        self.modificationTimeNanoseconds = modificationTimeNanoseconds
    }

    public init(_ status: stat) {
        self.init(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), sizeBytes: UInt64(max(0, status.st_size)),
            modificationTimeNanoseconds: Int64(status.st_mtim.tv_sec) &* 1_000_000_000
                &+ Int64(status.st_mtim.tv_nsec))
    }
}
