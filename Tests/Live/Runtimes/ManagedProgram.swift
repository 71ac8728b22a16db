import Foundation
import Glibc
import LiveSupport

/// A program of a managed runtime, whose stacks are known.
struct ManagedProgram: Sendable, CustomStringConvertible {
    /// One kind of sample of the program, and what it must look like.
    struct Role: Sendable {
        /// A sample belongs to the role when it has such a frame.
        var busy: FramePattern
        var stack: StackPattern
    }

    var name: String
    /// In `Programs/`.
    var source: String
    /// Runs the source file that is appended to it.
    var command: [String]
    /// Of the program, behind its source file.
    var arguments: [String] = []
    var roles: [Role]

    var description: String { name }

    static let folder = ((#filePath as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("../Programs")

    /// A program that runs until its last reference goes; it says its process id when it is ready.
    func start() async throws -> Running {
        let path = "\(Self.folder)/\((source as NSString).deletingLastPathComponent)"
        let file = (source as NSString).lastPathComponent
        let command = self.command + [file] + arguments
        let child = try ChildProcess(command, folder: path)
        guard let line = try await onThread({ try child.readLine() }), line.hasPrefix("ready "),
            let own = Int32(line.dropFirst(6))
        else { throw ProofRun.Unexpected(description: "\(name) did not say that it is ready") }
        guard let pid = ProcessTree.descendant(of: child.pid, whoseOwnNumberIs: own) else {
            throw ProofRun.Unexpected(description: "\(name) says that it is process \(own), which is none of it")
        }
        return Running(program: self, child: child, pid: pid)
    }

    struct Running: Sendable {
        let program: ManagedProgram
        let child: ChildProcess
        /// Of the process that runs the program, which need not be the child.
        let pid: Int32

        func stop() { kill(pid, SIGKILL) }
    }
}

/// What the samples say about one role of a program.
struct ManagedVerdict: Sendable, CustomStringConvertible {
    let program: String
    let role: ManagedProgram.Role
    private(set) var busy = 0
    private(set) var conforming = 0
    private(set) var deviations: [[ProofFrame]: Int] = [:]
    private let total: Int

    /// - Parameter samples: those of the program.
    init(_ program: String, _ role: ManagedProgram.Role, _ samples: [ProofSample]) {
        self.program = program
        self.role = role
        total = samples.reduce(0) { $0 + $1.weight }
        for sample in samples where sample.frames.contains(where: role.busy.matches) {
            busy += sample.weight
            if role.stack.matches(sample.frames) {
                conforming += sample.weight
            } else {
                deviations[sample.frames, default: 0] += sample.weight
            }
        }
    }

    /// At least 99 % of the samples are complete and in order, of enough samples to tell: a function of several in a program
    /// gets few on a loaded machine, and of fewer than a hundred all have to match.
    var isProven: Bool { busy >= 30 && conforming * 100 >= busy * 99 }

    var description: String {
        var text = "\(program): \(conforming) of \(busy) samples match, \(total) in all\n  expected: \(role.stack)"
        for (frames, weight) in deviations.sorted(by: { $0.value > $1.value }).prefix(3) {
            text += "\n  \(weight) × \(frames.map { "\($0)" }.joined(separator: " < "))"
        }
        return text
    }
}

/// Runs programs under the profiler, a few at a time.
enum ManagedRuns {
    /// Samples of each program, from when the runtime's frames of all that run beside it were seen first: before that
    /// their processes may not have been inspected. On a busy machine that takes seconds; it is waited for half a minute.
    ///
    /// - Parameter seconds: of CPU time that each program gets, unless other programs keep it from them for a minute.
    static func samples(
        of programs: [ManagedProgram], seconds: Double = 2, atATime: Int = 4
    ) async throws -> [String: [ProofSample]] {
        let windows = Windows()
        let samples = try await EngineProfile(samplesPerSecond: 199).samples(watching: { gathered in
            for first in stride(from: 0, to: programs.count, by: atATime) {
                var running: [ManagedProgram.Running] = []
                defer { running.forEach { $0.stop() } }
                for program in programs[first..<min(first + atATime, programs.count)] {
                    running.append(try await program.start())
                }
                try await Task.sleep(for: .seconds(1))
                for _ in 0..<120 where !running.allSatisfy({ gathered.hasManagedFrames(of: $0.pid) }) {
                    try await Task.sleep(for: .milliseconds(250))
                }
                let start = unixNanoseconds()
                let wanted = running.map { cpuSeconds($0.pid) + seconds }
                for _ in 0..<240 where zip(running, wanted).contains(where: { cpuSeconds($0.pid) < $1 }) {
                    try await Task.sleep(for: .milliseconds(250))
                }
                for run in running { await windows.add(run.program.name, run.pid, start...unixNanoseconds()) }
            }
        })
        var result: [String: [ProofSample]] = [:]
        for (name, pid, window) in await windows.all {
            result[name] = samples.filter { $0.pid == pid && window.contains($0.timeUnixNanoseconds) }
        }
        return result
    }

    private actor Windows {
        private(set) var all: [(String, Int32, ClosedRange<UInt64>)] = []
        func add(_ name: String, _ pid: Int32, _ window: ClosedRange<UInt64>) { all.append((name, pid, window)) }
    }

    /// In user mode: fields 14 of `/proc/PID/stat` (proc(5)), in ticks of 10 ms.
    static func cpuSeconds(_ pid: Int32) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        // The name, in parentheses, may have spaces.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 11 ? (Double(fields[11]) ?? 0) / 100 : .infinity
    }

    static func unixNanoseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
