import Glibc

extension Privileges {
    /// Those of the calling thread. Blocks for some small reads of `/proc` and `/sys`.
    ///
    /// Where they do not tell, nothing is held against the process: what it tries will show.
    public static func current() -> Privileges {
        var privileges = Privileges(capabilities: .all, kernel: .running() ?? .minimum)
        if let status = contents(of: "/proc/thread-self/status") { privileges.take(status: status) }
        if let map = contents(of: "/proc/self/uid_map") { privileges.isInUserNamespace = !isWholeMachine(uidMap: map) }
        // The inode number of the machine's own pid namespace: PROC_PID_INIT_INO, include/linux/proc_ns.h.
        var status = stat()
        if stat("/proc/self/ns/pid", &status) == 0 { privileges.isInPIDNamespace = status.st_ino != 0xefff_fffc }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max {
            privileges.lockedMemoryLimitBytes = UInt64(limit.rlim_cur)
        }
        if let modes = contents(of: "/sys/kernel/security/lockdown") {
            privileges.isLockedDown = modes.contains("[confidentiality]")
        }
        if let level = contents(of: "/proc/sys/kernel/perf_event_paranoid") {
            privileges.perfEventParanoia = Int(level.filter { $0 != "\n" })
        }
        return privileges
    }

    /// Takes what `/proc/PID/status` says (proc_pid_status(5)): capabilities in hexadecimal, seccomp's mode.
    mutating func take(status text: String) {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == "\t" || $0 == " " }
            switch parts[0] {
            case "CapEff": if let bits = UInt64(value, radix: 16) { capabilities = CapabilitySet(bits: bits) }
            case "Seccomp": hasSystemCallFilter = value != "0"
            default: break
            }
        }
    }

    /// Whether `/proc/PID/uid_map` (user_namespaces(7)) maps every user id to itself, as outside of any namespace.
    static func isWholeMachine(uidMap text: String) -> Bool {
        text.split { $0 == " " || $0 == "\n" } == ["0", "0", "4294967295"]
    }

    /// A small file as text; nil when it cannot be read.
    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
