import Glibc
import LiveSupport
import Testing

extension LiveSuite {
    /// What surrounds a scripting runtime's process and must not matter: a container, an old kernel. A minute, so
    /// `make test-matrix` alone runs it.
    @Suite(
        .enabled(if: getenv("OTELCOL_TEST_MATRIX") != nil, "long: make test-matrix"),
        .enabled(if: try Live.has(EngineProfile.requirements + [.path("/usr/bin/python3")])))
    struct SurroundingsTests {
        /// One of each runtime, the newest that is installed.
        private static let newest: [ManagedProgram] =
            [PythonInstallation.all.last?.calls, RubyInstallation.all.last?.calls].compactMap { $0 }
            + [PHPInstallation.modes.last?.calls, PerlInstallation.all.last?.calls].compactMap { $0 }

        private static let contained: [ManagedProgram] =
            PythonInstallation.all.compactMap(\.contained) + RubyInstallation.all.compactMap(\.contained)
            + PHPInstallation.all.compactMap(\.contained) + PerlInstallation.all.compactMap(\.contained)

        /// Files are the process's own, and so is its number.
        @Test(.enabled(if: !contained.isEmpty)) func inAContainer() async throws {
            try await Self.prove(Self.contained)
        }

        /// As on a kernel of the 5.4 age.
        @Test func onAnOldKernel() async throws {
            setenv("OTELCOL_BPF_LEGACY", "1", 1)
            defer { unsetenv("OTELCOL_BPF_LEGACY") }
            try await Self.prove(Self.newest)
        }

        private static func prove(_ programs: [ManagedProgram]) async throws {
            let samples = try await ManagedRuns.samples(of: programs, seconds: 1)
            for program in programs {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }
    }
}
