import Foundation
import LiveSupport
import Testing

extension LiveSuite {
    /// Methods of .NET in every stack, by version and by how code is compiled: at least 99 % of the busy samples of each
    /// program have every frame in order, down to the thread's root, native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !DotNetInstallation.all.isEmpty))
    struct DotNetTests {
        private static let folder = Task { try TemporaryFolder() }

        private static let session = Task {
            let programs = URL(fileURLWithPath: try await folder.value.path)
            return try await ManagedRuns.samples(
                of: DotNetInstallation.modes.flatMap { try $0.programs(in: programs) }, seconds: 5, atATime: 4)
        }

        @Test(arguments: DotNetInstallation.modes)
        func everyFrameInOrder(_ dotnet: DotNetInstallation) async throws {
            let samples = try await Self.session.value
            for program in try dotnet.programs(in: URL(fileURLWithPath: try await Self.folder.value.path)) {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }
    }
}
