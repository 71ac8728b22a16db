import Glibc

extension ContainerID {
    /// The id of the container that the profiler itself runs in.
    ///
    /// Inside a private cgroup namespace (cgroups version 2) the own path reads "/", so that its text tells nothing.
    /// But the root of the cgroup file system as seen from inside is a folder of the host's, with the same inode: that
    /// folder's path on the host has the id. Needs the host's pid namespace and CAP_SYS_PTRACE.
    /// - Parameters:
    ///   - root: the cgroup file system as the profiler sees it.
    ///   - hostRoot: as the host sees it.
    /// - Returns: nil outside of containers, and where the host's cgroups cannot be seen.
    public static func own(
        root: String = "/sys/fs/cgroup", hostRoot: String = "/proc/1/root/sys/fs/cgroup"
    ) -> String? {
        guard let wanted = inode(of: root), wanted != inode(of: hostRoot) else { return nil }
        return find(inode: wanted, below: hostRoot)
    }

    /// Most folders looked at, and how deep: a host with a thousand containers has some ten thousand cgroups.
    private static let maximumFolders = 50_000
    private static let maximumDepth = 16

    /// Breadth first, since containers lie near the root.
    private static func find(inode wanted: UInt64, below root: String) -> String? {
        var pending: [(path: String, depth: Int)] = [("", 0)]
        var next = 0
        while next < pending.count, next < maximumFolders {
            let (path, depth) = pending[next]
            next += 1
            guard let folder = opendir(root + path) else { continue }
            defer { closedir(folder) }
            while let entry = readdir(folder) {
                guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name == "." || name == ".." { continue }
                let below = "\(path)/\(name)"
                // cgroupfs gives the inode in the entry; stat settles it where a file system is mounted.
                if inode(of: root + below) == wanted, let id = find(inPath: Array(below.utf8)[...]) { return id }
                if depth + 1 < maximumDepth, pending.count < maximumFolders { pending.append((below, depth + 1)) }
            }
        }
        return nil
    }

    private static func inode(of path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
