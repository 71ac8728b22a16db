import Glibc
import LiveSupport

/// One run of a proof program, from its start to its end.
struct ProofRun: Sendable {
    let program: ProofProgram
    let pid: Int32
    /// When it said that its busy loop was about to start.
    let readyUnixNanoseconds: UInt64

    struct Unexpected: Error, CustomStringConvertible {
        var description: String
    }

    /// Runs the program to its end.
    /// - Parameter whileBusy: called with the process id after the program has said that it is ready.
    init(of built: BuiltProgram, seconds: Double, whileBusy: @Sendable (Int32) async throws -> Void = { _ in })
        async throws
    {
        program = built.program
        let child = try ChildProcess(built.command(seconds: seconds))
        pid = child.pid
        guard let line = try await onThread({ try child.readLine() }), line.hasPrefix("ready ") else {
            throw Unexpected(description: "\(program) did not say that it is ready")
        }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        readyUnixNanoseconds = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        try await whileBusy(child.pid)
        let exit = try await onThread { child.wait() }
        guard exit == .code(0) else { throw Unexpected(description: "\(program) ended with \(exit)") }
    }

    func own(_ samples: [ProofSample]) -> [ProofSample] {
        let earliest = readyUnixNanoseconds + UInt64(program.warmUpSeconds * 1e9)
        return samples.filter { sample in
            (program.isSelectedByThreadName ? sample.threadName == program.name : sample.pid == pid)
                && (program.warmUpSeconds == 0 || sample.timeUnixNanoseconds >= earliest)
        }
    }

    func verdict(on samples: [ProofSample]) -> Verdict { Verdict(program, own(samples)) }
}
