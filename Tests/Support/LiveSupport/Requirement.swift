import CLiveSupport
import Glibc
import Synchronization

/// Something of the machine that a live test cannot do without.
public enum Requirement: Sendable, Hashable {
    /// Effective user id 0.
    case root
    /// bpf(2) works for this process.
    case bpf
    /// perf_event_open(2) of the software CPU clock works for all processes of a CPU.
    case perfEvents
    /// An executable of this name in `PATH`.
    case tool(String)
    /// A file or folder that this process may read.
    case path(String)
    /// A package of the Python that `Scripts/test-python` makes.
    case pythonPackage(String)
    /// The machine's architecture as `uname -m` says it.
    case architecture(String)

    /// Why the requirement is not met, and what to do about it; nil when it is met.
    public func whyMissing() -> String? {
        switch self {
        case .root:
            geteuid() == 0 ? nil : "not root: run the tests with sudo"
        case .bpf:
            Self.describe(live_bpf_error(), "bpf(2)", "run as root on a kernel with CONFIG_BPF_SYSCALL")
        case .perfEvents:
            Self.describe(
                live_perf_event_error(), "perf_event_open(2)", "run as root on a kernel with CONFIG_PERF_EVENTS")
        case .tool(let name):
            Tool.path(of: name) == nil ? "\(name) is not in PATH: install it (`make setup`)" : nil
        case .path(let path):
            access(path, R_OK) == 0 ? nil : "\(path) is missing or unreadable"
        case .pythonPackage(let name):
            PythonEnvironment.has(name)
                ? nil : "\(PythonEnvironment.folder) has no package \(name): run Scripts/test-python"
        case .architecture(let wanted):
            Machine.architecture == wanted ? nil : "needs \(wanted), this machine is \(Machine.architecture)"
        }
    }

    private static func describe(_ error: Int32, _ call: String, _ remedy: String) -> String? {
        error == 0 ? nil : "\(call) fails with \(String(cString: strerror(error))): \(remedy)"
    }
}

/// Thrown in place of skipping where the environment says that nothing may be skipped.
public struct MissingRequirement: Error, CustomStringConvertible {
    public let reasons: [String]
    public var description: String {
        "\(Live.environmentVariable)=1 and the test cannot run here: \(reasons.joined(separator: "; "))"
    }
}

/// The gate in front of every test that needs a real kernel, real privileges or other programs:
///
///     @Test(.enabled(if: try Live.has(.root, .bpf, .tool("gcc"))))
///
/// A test whose requirements are not met is skipped and a line `SKIPPED: reason` is printed. With
/// `OTELCOL_REQUIRE_LIVE=1` (continuous integration) it fails instead, so that nothing is skipped unnoticed.
public enum Live {
    public static let environmentVariable = "OTELCOL_REQUIRE_LIVE"

    /// Whether a missing requirement fails the test.
    public static var isRequired: Bool { getenv(environmentVariable).map { String(cString: $0) } == "1" }

    private static let printed = Mutex<Set<String>>([])

    /// - Returns: whether all requirements are met.
    /// - Throws: `MissingRequirement` when one is not and `OTELCOL_REQUIRE_LIVE` is 1.
    public static func has(_ requirements: Requirement...) throws -> Bool { try has(requirements) }

    public static func has(_ requirements: [Requirement]) throws -> Bool {
        let reasons = try reasonsToSkip(requirements, isRequired: isRequired)
        if reasons.isEmpty { return true }
        let line = "SKIPPED: \(reasons.joined(separator: "; "))"
        if printed.withLock({ $0.insert(line).inserted }) { print(line) }
        return false
    }

    static func reasonsToSkip(_ requirements: [Requirement], isRequired: Bool) throws -> [String] {
        let reasons = requirements.compactMap { $0.whyMissing() }
        if isRequired, !reasons.isEmpty { throw MissingRequirement(reasons: reasons) }
        return reasons
    }
}

public enum Tool {
    /// The first executable regular file of that name in `PATH`; a name with a slash stands for itself.
    public static func path(of name: String) -> String? {
        if name.contains("/") { return isExecutableFile(name) ? name : nil }
        let folders = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return folders.split(separator: ":").lazy.map { "\($0)/\(name)" }.first(where: isExecutableFile)
    }

    private static func isExecutableFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}

public enum Machine {
    /// `uname -m`: `x86_64`, `aarch64`, …
    public static let architecture: String = {
        var names = utsname()
        guard uname(&names) == 0 else { return "unknown" }
        return withUnsafeBytes(of: &names.machine) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }()
}
