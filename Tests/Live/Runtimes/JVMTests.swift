import LiveSupport
import Testing

extension LiveSuite {
    /// Java's methods in every stack, by version and by how HotSpot runs them: at least 99 % of the busy samples of
    /// each program have every frame in order, down to the thread's root, with class, method, file and line, inlined
    /// ones and native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !JVMInstallation.all.isEmpty))
    struct JVMTests {
        private static let session = Task {
            try await ManagedRuns.samples(of: JVMInstallation.modes.flatMap(\.programs), seconds: 3)
        }

        @Test(arguments: JVMInstallation.modes)
        func everyFrameInOrder(_ jvm: JVMInstallation) async throws {
            let samples = try await Self.session.value
            for program in jvm.programs {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }
    }
}
