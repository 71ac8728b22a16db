import Glibc

/// Ids of the machine's control groups of version 2, as `bpf_get_current_cgroup_id` (bpf-helpers(7)) gives them: the inode
/// numbers of their folders, since Linux 5.5 (`kernfs_id_ino`, include/linux/kernfs.h). Before, no id matches.
struct ControlGroups: Sendable {
    /// Where the hierarchy is mounted; nil if it is not.
    let mount: String?
    /// In a cgroup namespace of its own a process sees paths relative to that namespace's root (cgroup_namespaces(7)):
    /// how many folders that lies below the hierarchy's.
    let depth: Int

    /// As the machine's first process has it.
    static let ofMachine = ControlGroups(
        mount: ["/proc/1/root", ""].lazy
            .flatMap { root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map { root + $0 } }
            .first(where: isHierarchy),
        firstProcess: (try? ProcFile.read("/proc/1/cgroup", limitBytes: 64 << 10)) ?? [])

    /// - Parameter firstProcess: content of its `/proc/PID/cgroup`, whose own group is the hierarchy's root or just below.
    init(mount: String?, firstProcess: [UInt8]) {
        self.mount = mount
        let path = ContainerID.cgroupPaths(inCgroupFile: firstProcess).first { $0.isVersion2 }?.path ?? []
        depth = path.split(separator: UInt8(ascii: "/")).prefix { $0.elementsEqual("..".utf8) }.count
    }

    /// Groups of version 1 have no such file (cgroups(7)).
    private static func isHierarchy(_ path: String) -> Bool { access(path + "/cgroup.controllers", F_OK) == 0 }

    /// Where a group is in the hierarchy; nil for the root, and for what cannot be told from here.
    func folder(ofGroup path: String) -> String? {
        guard let mount else { return nil }
        let parts = path.split(separator: "/")
        let above = parts.prefix { $0 == ".." }.count
        let below = parts[above...]
        guard above == depth, !below.isEmpty, !below.contains("..") else { return nil }
        return mount + "/" + below.joined(separator: "/")
    }

    /// Blocks, for a look at a file system in memory.
    /// - Parameter text: content of a `/proc/PID/cgroup`.
    /// - Returns: the id of the group that is also `ContainerID.mainPath`; nil where that is of version 1, or the root.
    func id(inCgroupFile text: [UInt8]) -> UInt64? {
        guard let main = ContainerID.mainPath(inCgroupFile: text),
            let own = ContainerID.cgroupPaths(inCgroupFile: text).first(where: { $0.isVersion2 }),
            main.utf8.elementsEqual(own.path), let folder = folder(ofGroup: main)
        else { return nil }
        var status = stat()
        return stat(folder, &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
