import LiveSupport
import Testing

extension LiveSuite {
    /// Erlang's functions in every stack, by release and by what the emulator is told: at least 99 % of the busy samples of
    /// each program have every frame in order, down to the process's first function, with module, function, arity, file
    /// and line, and native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !BEAMInstallation.all.isEmpty))
    struct BEAMTests {
        private static let session = Task {
            try await ManagedRuns.samples(of: BEAMInstallation.modes.flatMap { [$0.busy] }, seconds: 5)
        }

        @Test(arguments: BEAMInstallation.modes)
        func everyFrameInOrder(_ erlang: BEAMInstallation) async throws {
            let samples = try await Self.session.value
            for program in [erlang.busy] {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }
    }
}
