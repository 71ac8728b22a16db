import Glibc

/// What decides whether this process may profile the machine: what it holds, and what confines it.
///
/// A plain value, so that every judgement on it is testable; `current()` asks the kernel.
public struct Privileges: Equatable, Sendable {
    /// The effective ones of the thread that asked.
    public var capabilities: CapabilitySet
    public var kernel: KernelVersion
    /// A seccomp filter watches this process's system calls.
    public var hasSystemCallFilter = false
    /// User ids are mapped: the capabilities hold in this user namespace only, not on the machine.
    public var isInUserNamespace = false
    /// Process ids differ from those that samples carry.
    public var isInPIDNamespace = false
    /// The profiler is told to translate those that samples carry.
    public var translatesPIDs = false
    /// RLIMIT_MEMLOCK in bytes; nil for none.
    public var lockedMemoryLimitBytes: UInt64?
    /// The kernel's lockdown mode is confidentiality, which forbids to read kernel memory (kernel_lockdown(7)).
    public var isLockedDown = false
    /// `kernel.perf_event_paranoid`; nil where it cannot be read.
    public var perfEventParanoia: Int?

    public init(capabilities: CapabilitySet, kernel: KernelVersion) {
        self.capabilities = capabilities
        self.kernel = kernel
    }

    static let guide = "see docs/privileges.md"

    // MARK: - Before anything is tried

    /// Something that profiling cannot do without, and whether it is there.
    public struct Requirement: Equatable, Sendable {
        /// Two or three words, such as `kernel lockdown`.
        public var name: String
        /// Why profiling cannot work at all, with what to do about it, in one line; nil when nothing is known against
        /// it.
        public var obstacle: String?
    }

    /// Everything that is checked before anything is tried, the most telling first.
    public var requirements: [Requirement] {
        let missing = missing([.bpf, .perfmon, .sysPtrace])
        return [
            Requirement(
                name: "user namespace",
                obstacle: isInUserNamespace
                    ? "this process runs in a user namespace (a rootless container), where no privilege reaches the "
                        + "machine's kernel: run it as the machine's root, in a container with --privileged; "
                        + Self.guide
                    : nil),
            Requirement(
                name: "capabilities",
                obstacle: missing.isEmpty
                    ? nil
                    : "profiling the machine needs \(Self.list(missing)), which this process does not have: run it as "
                        + "root (sudo), or grant what is missing; \(Self.guide)"),
            Requirement(
                name: "process ids",
                obstacle: isInPIDNamespace && !translatesPIDs
                    ? "this process runs in a pid namespace of its own and cannot see the processes that it would "
                        + "profile: run the container with --pid=host (Kubernetes: hostPID: true), or set "
                        + "pid_namespace_translation_mode: auto to profile those of the namespace"
                    : nil),
            Requirement(
                name: "kernel lockdown",
                obstacle: isLockedDown
                    ? "the kernel is locked down in confidentiality mode, which forbids to read kernel memory: boot "
                        + "with lockdown=integrity or none"
                    : nil),
        ]
    }

    /// The first obstacle of `requirements`; nil when nothing is known against profiling.
    public var obstacle: String? { requirements.lazy.compactMap(\.obstacle).first }

    /// What profiles will lack, a line each.
    public var warnings: [String] {
        var lines: [String] = []
        if let name = missing([.checkpointRestore]).first {
            lines.append(
                "\(name) is missing: programs and libraries that were deleted or replaced while in use stay without "
                    + "function names, and stacks end in them; \(Self.guide)")
        }
        if let name = missing([.dacReadSearch]).first {
            lines.append(
                "\(name) is missing: programs and libraries that only their owner may read stay without function "
                    + "names, and stacks end in them; \(Self.guide)")
        }
        return lines
    }

    private func missing(_ capabilities: [Capability]) -> [Capability] {
        var missing: [Capability] = []
        for capability in capabilities where !self.capabilities.allows(capability, on: kernel) {
            let asked = capability.asked(by: kernel)
            if !missing.contains(asked) { missing.append(asked) }
        }
        return missing
    }

    private static func list(_ capabilities: [Capability]) -> String {
        let names = capabilities.map(\.description)
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }

    // MARK: - After a refusal

    /// What is likely behind a refused system call although `obstacle` found nothing, and what to do about it.
    /// - Parameter call: its name, such as `bpf(2)`.
    public func remedy(for call: String, errno code: Int32) -> String? {
        switch code {
        case EPERM, EACCES, ENOSYS:
            if let obstacle { return obstacle }
            if code == EACCES, let paranoia = paranoiaRemedy { return paranoia }
            if hasSystemCallFilter {
                return "a seccomp filter watches this process: let it allow \(call) (in a container: --privileged or "
                    + "--security-opt seccomp=unconfined; in a systemd unit: SystemCallFilter=)"
            }
            if code == ENOSYS {
                return "this kernel was built without CONFIG_BPF_SYSCALL or CONFIG_PERF_EVENTS: run another kernel"
            }
            if let memory = lockedMemoryRemedy { return memory }
            return "the capabilities are there, so a security module (SELinux, AppArmor) or the kernel's lockdown "
                + "forbids \(call): look into the kernel's log; \(Self.guide)"
        case ENOMEM: return lockedMemoryRemedy ?? "lower memory_budget_mib of the receiver, or free memory"
        case EMFILE, ENFILE: return "raise the limit of open files (ulimit -n)"
        default: return nil
        }
    }

    /// The kernels of Debian and Ubuntu have a level above 2 on which CAP_PERFMON does not count (Debian's patch
    /// "security,perf: Allow further restriction of perf_event_open"); a filter of system calls answers EPERM.
    private var paranoiaRemedy: String? {
        guard let level = perfEventParanoia, level > 2, !capabilities.contains(.sysAdmin) else { return nil }
        return "kernel.perf_event_paranoid is \(level), and above 2 this kernel lets nobody sample without "
            + "CAP_SYS_ADMIN: set it to 2 (sysctl kernel.perf_event_paranoid=2), or grant that; \(Self.guide)"
    }

    /// Kernels before 5.11 count BPF maps as locked memory; perf's buffers count on all.
    private var lockedMemoryRemedy: String? {
        guard let limit = lockedMemoryLimitBytes else { return nil }
        let countsMaps = kernel < KernelVersion(major: 5, minor: 11)
        guard countsMaps ? !capabilities.contains(.sysResource) : !capabilities.contains(.ipcLock) else { return nil }
        return "at most \(limit >> 10) KiB of memory may be locked: raise that (ulimit -l unlimited; in a systemd unit "
            + "LimitMEMLOCK=infinity), or grant \(countsMaps ? Capability.sysResource : .ipcLock)"
    }
}
