import Glibc

/// How much memory this process may use, and how much it does. All of it blocks for small reads of `/proc` and `/sys`.
struct AvailableMemory {
    /// Where the files are found; another folder in tests.
    var root = ""

    enum Source: Equatable {
        case cgroup(path: String)
        case machine
    }

    /// The smallest limit of this process's own cgroup and those above it (cgroups(7)); the machine's memory if there
    /// is none, or none that is smaller.
    func total() -> (bytes: UInt64, source: Source)? {
        let machine = memoryInfo("MemTotal")
        var smallest: (bytes: UInt64, source: Source)? = machine.map { ($0, .machine) }
        for (folder, file) in limitFiles() {
            guard let text = contents(of: "\(folder)/\(file)"),
                let bytes = UInt64(text.split(whereSeparator: \.isWhitespace).first ?? "")
            else { continue }
            if bytes < smallest?.bytes ?? .max { smallest = (bytes, .cgroup(path: folder)) }
        }
        return smallest
    }

    /// Resident memory of this process: the second field of `/proc/self/statm`, in pages.
    func residentBytes() -> UInt64? {
        let fields = contents(of: "/proc/self/statm")?.split(separator: " ")
        guard let fields, fields.count > 1, let pages = UInt64(fields[1]) else { return nil }
        return pages.multipliedReportingOverflow(by: UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))).partialValue
    }

    /// Files that may hold a limit: of this process's cgroup and all above it, in version 2 and version 1.
    private func limitFiles() -> [(folder: String, file: String)] {
        guard let text = contents(of: "/proc/self/cgroup") else { return [] }
        var files: [(String, String)] = []
        for line in text.split(separator: "\n") {
            // hierarchy:controllers:path; version 2 has number 0 and no controllers.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let (mount, file): (String, String)
            if parts[0] == "0", parts[1].isEmpty {
                (mount, file) = ("/sys/fs/cgroup", "memory.max")
            } else if parts[1].split(separator: ",").contains("memory") {
                (mount, file) = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            } else {
                continue
            }
            // In a cgroup namespace the path may lead out of what is mounted: then only the mount's own file is there.
            var components = parts[2].split(separator: "/").filter { $0 != ".." }
            while true {
                files.append((([mount] + components.map(String.init)).joined(separator: "/"), file))
                if components.isEmpty { break }
                components.removeLast()
            }
        }
        return files
    }

    private func memoryInfo(_ name: String) -> UInt64? {
        guard let text = contents(of: "/proc/meminfo") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
            let fields = line.split(separator: " ")
            guard fields.count > 1, let kibibytes = UInt64(fields[1]) else { return nil }
            return kibibytes.multipliedReportingOverflow(by: 1024).partialValue
        }
        return nil
    }

    private func contents(of path: String) -> String? {
        let descriptor = open(root + path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
