import Glibc

/// Why the kernel side could not be set up, with what to do about it.
public struct BPFError: Error, Sendable, CustomStringConvertible {
    /// What was tried, such as `load BPF program "sample"`.
    public var action: String
    /// errno of the failed call, 0 if none.
    public var errorNumber: Int32
    /// What the reader can do.
    public var remedy: String?
    /// The last lines of libbpf's or the verifier's log.
    public var log: String?

    public init(action: String, errorNumber: Int32, remedy: String? = nil, log: String? = nil) {
        self.action = action
        self.errorNumber = errorNumber
        self.remedy = remedy ?? BPFError.remedy(forErrorNumber: errorNumber)
        self.log = log
    }

    private static func remedy(forErrorNumber number: Int32) -> String? {
        switch number {
        case EPERM:
            "run as root, or grant the capabilities BPF, PERFMON and SYS_PTRACE (SYS_ADMIN before Linux 5.8)"
        case ENOSYS: "this kernel was built without CONFIG_BPF_SYSCALL or CONFIG_PERF_EVENTS"
        case ENOMEM: "raise the limit of locked memory (ulimit -l), or lower the profiler's memory budget"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
        default: nil
        }
    }

    public var description: String {
        var text = "cannot \(action)"
        if errorNumber != 0 { text += ": \(String(cString: strerror(errorNumber)))" }
        // Without the privilege libbpf guesses at other causes.
        if errorNumber != EPERM, let log = log.flatMap(BPFError.tellingLine) { text += " (\(log))" }
        if let remedy { text += "; \(remedy)" }
        return text
    }

    /// The last line of a verifier's log that says something, without its statistics.
    static func tellingLine(of log: String) -> String? {
        log.split(separator: "\n").last { line in
            !line.hasPrefix("processed ") && !line.contains("END PROG LOAD LOG") && !line.contains("failed to load")
                && !line.hasPrefix("verification time") && !line.hasPrefix("stack depth")
        }.map(String.init)
    }
}
