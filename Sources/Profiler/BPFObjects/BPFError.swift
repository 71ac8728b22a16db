import Glibc
import Privileges

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

    /// - Parameter call: the system call that was refused.
    public init(action: String, errorNumber: Int32, call: String = "bpf(2)", log: String? = nil) {
        self.action = action
        self.errorNumber = errorNumber
        remedy = Privileges.current().remedy(for: call, errno: errorNumber)
        self.log = log
    }

    public var description: String {
        var text = "cannot \(action)"
        if errorNumber != 0 { text += ": \(String(cString: strerror(errorNumber)))" }
        // Where the cause is known, libbpf's guesses at others only mislead.
        if remedy == nil, let log = log.flatMap(BPFError.tellingLine) { text += " (\(log))" }
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
