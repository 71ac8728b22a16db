import Glibc
import LiveSupport
import Testing

/// The program itself as another user with few privileges, or with system calls refused: it works, or ends with one
/// line that names what is missing.
@Suite(.serialized) struct PrivilegesLiveTests {
    static let least = ["bpf", "perfmon", "sys_ptrace", "checkpoint_restore", "dac_read_search", "syslog"]
    static let nobody = "65534"

    struct Outcome {
        var exit: Command.Exit
        var output: String
        /// What is not of the log's level `info`.
        var complaints: [Substring] {
            output.split(separator: "\n").filter { !$0.contains("\tinfo\t") }
        }
    }

    /// Runs otelcol behind `wrapper` until `isEnough` says so of the profiles written, or it ends by itself.
    static func run(behind wrapper: [String], until isEnough: (String) -> Bool = { _ in false }) throws -> Outcome {
        let bundle = try #require(CommandLine.arguments.first { $0.hasSuffix(".xctest") })
        let program = bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/otelcol"
        let folder = try TemporaryFolder()
        chmod(folder.path, 0o777)
        let configuration = """
            yaml:{receivers: {profiling: {samples_per_second: 99, reporter_interval: 1s}}, \
            exporters: {file: {path: \(folder.path)/profiles.json}}, \
            service: {pipelines: {profiles: {receivers: [profiling], exporters: [file]}}}}
            """
        let log = "\(folder.path)/log"
        let child = try ChildProcess(
            ["sh", "-c", "exec \"$@\" >\(log) 2>&1", "sh"] + wrapper + [
                program, "--config", configuration, "--feature-gates=service.profilesSupport",
            ])
        let end = time(nil) + 60
        while time(nil) < end {
            usleep(200_000)
            if kill(child.pid, 0) != 0 || Self.isZombie(child.pid) { break }
            if isEnough(contents(of: "\(folder.path)/profiles.json")) { break }
        }
        child.send(SIGTERM)
        let exit = child.wait()
        return Outcome(exit: exit, output: contents(of: log))
    }

    static func isZombie(_ pid: pid_t) -> Bool {
        contents(of: "/proc/\(pid)/stat").contains(") Z ")
    }

    static func contents(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    static func asNobody(_ capabilities: [String]) -> [String] {
        let set = (["-all"] + capabilities.map { "+\($0)" }).joined(separator: ",")
        return [
            "setpriv", "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups", "--bounding-set=\(set)",
            "--inh-caps=\(set)", "--ambient-caps=\(set)",
        ]
    }

    static func compiled(_ source: String, in folder: TemporaryFolder, _ flags: [String] = []) throws -> String {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let program = "\(folder.path)/\(source.dropLast(2))"
        try Command.runBlocking(
            ["gcc", "-O2", "\(root)/Tests/Live/Programs/\(source)", "-o", program] + flags)
        return program
    }

    /// Another user's process, whose file nobody else may read, is unwound to its functions.
    @Test(.enabled(if: try Live.has(.root, .bpf, .perfEvents, .tool("setpriv"), .tool("gcc"))))
    func theLeastCapabilitiesAreEnough() async throws {
        try await onThread {
            let folder = try TemporaryFolder()
            let chain = try Self.compiled(
                "chain.c", in: folder, ["-fomit-frame-pointer", "-fno-optimize-sibling-calls"])
            chmod(chain, 0o700)
            let child = try ChildProcess([chain, "60"])
            let outcome = try Self.run(behind: Self.asNobody(Self.least)) {
                $0.contains("chain_inner") && $0.contains("chain_outer") && $0.contains("_start")
            }
            child.send(SIGKILL)
            #expect(outcome.exit == .code(0))
            #expect(outcome.complaints == [])
        }
    }

    @Test(
        .enabled(if: try Live.has(.root, .bpf, .perfEvents, .tool("setpriv"))),
        arguments: [("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON"), ("sys_ptrace", "CAP_SYS_PTRACE")])
    func aMissingCapabilityIsNamed(capability: String, name: String) async throws {
        try await onThread {
            let outcome = try Self.run(behind: Self.asNobody(Self.least.filter { $0 != capability }))
            #expect(outcome.exit == .code(1))
            #expect(outcome.complaints.count == 1)
            #expect(outcome.complaints.first?.contains("needs \(name), which") == true)
        }
    }

    @Test(
        .enabled(if: try Live.has(.root, .bpf, .perfEvents, .tool("setpriv"))),
        arguments: [
            ("checkpoint_restore", "CAP_CHECKPOINT_RESTORE is missing"),
            ("dac_read_search", "CAP_DAC_READ_SEARCH is missing"), ("syslog", "with CAP_SYSLOG"),
        ])
    func oneThatCanBeDoneWithoutIsOneWarning(capability: String, text: String) async throws {
        try await onThread {
            let outcome = try Self.run(behind: Self.asNobody(Self.least.filter { $0 != capability })) { !$0.isEmpty }
            #expect(outcome.exit == .code(0))
            #expect(outcome.complaints.count == 1)
            #expect(outcome.complaints.first?.contains(text) == true)
        }
    }

    @Test(
        .enabled(if: try Live.has(.root, .bpf, .perfEvents, .tool("gcc"))),
        arguments: ["bpf", "perf_event_open"], [EPERM, EACCES, ENOSYS])
    func aFilterOfSystemCallsIsNamed(call: String, code: Int32) async throws {
        #if arch(x86_64)
        let numbers = ["bpf": 321, "perf_event_open": 298]
        #else
        let numbers = ["bpf": 280, "perf_event_open": 241]
        #endif
        let number = try #require(numbers[call])
        try await onThread {
            let folder = try TemporaryFolder()
            let outcome = try Self.run(behind: [Self.compiled("deny_call.c", in: folder), "\(number)", "\(code)"])
            #expect(outcome.exit == .code(1))
            #expect(outcome.complaints.count == 1)
            #expect(outcome.complaints.first?.contains("let it allow \(call)(2)") == true)
        }
    }

    @Test(
        .enabled(if: try Live.has(.root, .bpf, .perfEvents, .tool("unshare"))),
        arguments: [(["-mpf", "--mount-proc"], "--pid=host"), (["-Ur"], "user namespace")])
    func aNamespaceIsNamed(flags: [String], text: String) async throws {
        try await onThread {
            let outcome = try Self.run(behind: ["unshare"] + flags)
            #expect(outcome.exit == .code(1))
            #expect(outcome.complaints.count == 1)
            #expect(outcome.complaints.first?.contains(text) == true)
        }
    }
}
