/// A privilege of capabilities(7) that the profiler uses; the number is that of `include/uapi/linux/capability.h`.
public enum Capability: Int, CaseIterable, Sendable, CustomStringConvertible {
    /// Reading executables that only their owner may read.
    case dacReadSearch = 2
    /// Locking more memory than the limit for perf's buffers, which kernels without the BPF ring buffer need.
    case ipcLock = 14
    /// Other users' processes: their mappings, files and memory.
    case sysPtrace = 19
    /// What many newer capabilities were cut out of; it still stands for them.
    case sysAdmin = 21
    /// Raising limits: kernels before 5.11 count BPF maps as locked memory.
    case sysResource = 24
    /// Addresses in `/proc/kallsyms`.
    case syslog = 34
    /// perf events of all processes, and BPF programs that read kernel memory.
    case perfmon = 38
    /// bpf(2).
    case bpf = 39
    /// `/proc/PID/map_files`.
    case checkpointRestore = 40

    public var description: String {
        switch self {
        case .dacReadSearch: "CAP_DAC_READ_SEARCH"
        case .ipcLock: "CAP_IPC_LOCK"
        case .sysPtrace: "CAP_SYS_PTRACE"
        case .sysAdmin: "CAP_SYS_ADMIN"
        case .sysResource: "CAP_SYS_RESOURCE"
        case .syslog: "CAP_SYSLOG"
        case .perfmon: "CAP_PERFMON"
        case .bpf: "CAP_BPF"
        case .checkpointRestore: "CAP_CHECKPOINT_RESTORE"
        }
    }

    /// The first kernel that has it, where that is later than any supported one; before, CAP_SYS_ADMIN is asked for.
    var since: KernelVersion? {
        switch self {
        case .bpf, .perfmon: KernelVersion(major: 5, minor: 8)
        case .checkpointRestore: KernelVersion(major: 5, minor: 9)
        default: nil
        }
    }

    /// What a kernel of this version asks for in its place.
    func asked(by kernel: KernelVersion) -> Capability {
        if let since, kernel < since { return .sysAdmin }
        return self
    }
}

/// Capabilities that a thread holds.
public struct CapabilitySet: Equatable, Sendable {
    /// Bit n is capability number n.
    public var bits: UInt64

    public init(bits: UInt64) {
        self.bits = bits
    }

    public init(_ capabilities: [Capability]) {
        bits = capabilities.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    public static let all = CapabilitySet(bits: .max)

    public func contains(_ capability: Capability) -> Bool {
        bits & 1 << UInt64(capability.rawValue) != 0
    }

    /// Whether a kernel of this version lets a holder of these do what `capability` is for.
    func allows(_ capability: Capability, on kernel: KernelVersion) -> Bool {
        contains(capability.asked(by: kernel)) || (capability.since != nil && contains(.sysAdmin))
    }
}
