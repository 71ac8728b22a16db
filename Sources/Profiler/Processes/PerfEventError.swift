import Glibc

/// Why perf events could not be opened, and what to do about it.
public struct PerfEventError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Step: String, Sendable { case open = "perf_event_open", map = "mmap of the event ring" }

    public var step: Step
    public var cpu: Int
    public var errno: Int32

    public init(_ step: Step, cpu: Int, errno: Int32) {
        self.step = step
        self.cpu = cpu
        self.errno = errno
    }

    public var description: String {
        let reason = String(cString: strerror(errno))
        let advice =
            switch errno {
            case EACCES, EPERM:
                "run as root, or with CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8) and CAP_IPC_LOCK"
            case ENOENT, EOPNOTSUPP, ENOSYS: "the kernel lacks CONFIG_PERF_EVENTS"
            case EMFILE: "raise the limit of open files (ulimit -n)"
            case ENODEV: "the CPU is offline"
            default: "see perf_event_open(2)"
            }
        return "\(step.rawValue) on CPU \(cpu): \(reason); \(advice)"
    }
}
