import LiveSupport
import Synchronization
import Testing

extension LiveSuite {
    /// Code that a process makes at run time and tells of in the ways that perf knows.
    @Suite struct RunTimeCodeTests {
        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"), .tool("gcc"))),
            .enabled(if: try Live.has(EngineProfile.requirements)),
            arguments: ["perf map", "jitdump"])
        func framesHaveNames(_ way: String) async throws {
            let folder = try TemporaryFolder()
            let program = folder.path(of: "made")
            try await Command.run(
                ["gcc"] + ProofProgram.compilerFlags + ["\(ProofProgram.sources)/run_time_code.c", "-o", program])
            let pid = Mutex<Int32>(0)
            let samples = try await EngineProfile(samplesPerSecond: 199).samples {
                let arguments = way == "jitdump" ? ["jitdump", folder.path] : []
                let child = try ChildProcess([program, "4"] + arguments)
                pid.withLock { $0 = child.pid }
                #expect(try await onThread({ try child.readLine() })?.hasPrefix("ready ") ?? false)
                #expect(try await onThread { child.wait() } == .code(0))
            }
            let role = ManagedProgram.Role(
                busy: .function("made_inner"),
                stack: StackPattern(
                    .zeroOrMore(.kernel), .function("made_inner"), .function("made_outer<int, 2> at file.js:3"),
                    .function("main"), .oneOrMore(.object("libc.so.6")), .function("_start")))
            let own = samples.filter { sample in pid.withLock { $0 == sample.pid } }
            let verdict = ManagedVerdict(way, role, own)
            #expect(verdict.isProven, "\(verdict)")
            // The first samples too: what was not known when they were taken is known when they are named.
            #expect(verdict.busy * 100 >= own.count * 90, "\(verdict)")
        }
    }
}
