import Glibc
import Privileges

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
            case ENOENT, EOPNOTSUPP: "the kernel lacks CONFIG_PERF_EVENTS: run another kernel"
            case ENODEV: "the CPU is offline"
            default: Privileges.current().remedy(for: "perf_event_open(2)", errno: errno) ?? "see perf_event_open(2)"
            }
        return "\(step.rawValue) on CPU \(cpu): \(reason); \(advice)"
    }
}
