import LiveSupport
import Testing

extension LiveSuite {
    /// CPython's functions in every stack, by version: at least 99 % of the busy samples of each program have every frame
    /// in order, down to the thread's root, with function, file and line, native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements + [.path("/usr/bin/python3")])))
    struct PythonTests {
        private static let session = Task {
            try await ManagedRuns.samples(
                of: PythonInstallation.all.flatMap { python in
                    [python.calls, python.threads, python.coroutines, python.unicode, python.recursion, python.churn]
                })
        }

        @Test(arguments: PythonInstallation.all)
        func everyFrameInOrder(_ python: PythonInstallation) async throws {
            let samples = try await Self.session.value
            for program in [python.calls, python.threads, python.coroutines, python.unicode, python.recursion] {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }

        /// Code objects that follow each other at one address: a name may be missing, but none is wrong.
        @Test(arguments: PythonInstallation.all)
        func namesOfFreedCodeAreNeverWrong(_ python: PythonInstallation) async throws {
            let samples = try await Self.session.value[python.churn.name] ?? []
            var named = 0
            for frame in samples.flatMap(\.frames) where frame.type != nil {
                guard let name = frame.name, name.hasPrefix("made_") else { continue }
                named += 1
                #expect(frame.file == "made-\(name.dropFirst(5))")
            }
            #expect(named > 0)
        }

        /// The list of frames is rewritten at random: other processes are profiled as ever, and stacks end with a reason.
        @Test(arguments: PythonInstallation.all)
        func hostileFramesHarmNobody(_ python: PythonInstallation) async throws {
            let samples = try await ManagedRuns.samples(of: [python.hostile, python.calls], seconds: 1)
            let hostile = samples[python.hostile.name] ?? []
            #expect(hostile.count > 50)
            let verdict = ManagedVerdict(python.calls.name, python.calls.roles[0], samples[python.calls.name] ?? [])
            #expect(verdict.isProven, "\(verdict)")
        }
    }
}
