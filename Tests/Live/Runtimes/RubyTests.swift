import LiveSupport
import Testing

extension LiveSuite {
    /// Ruby's methods in every stack, by version: at least 99 % of the busy samples of each program have every frame in
    /// order, down to the thread's root, with class, method, file and line, native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !RubyInstallation.all.isEmpty))
    struct RubyTests {
        private static let session = Task {
            try await ManagedRuns.samples(of: RubyInstallation.all.flatMap { $0.programs + [$0.churn] })
        }

        @Test(arguments: RubyInstallation.all)
        func everyFrameInOrder(_ ruby: RubyInstallation) async throws {
            let samples = try await Self.session.value
            for program in ruby.programs {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }

        /// Methods that follow each other at one address, and objects that are moved: a name may be missing, but none is
        /// wrong.
        @Test(arguments: RubyInstallation.all)
        func namesOfFreedAndMovedCodeAreNeverWrong(_ ruby: RubyInstallation) async throws {
            let samples = try await Self.session.value[ruby.churn.name] ?? []
            var named = 0
            for frame in samples.flatMap(\.frames) where frame.type != nil && frame.file.hasPrefix("made-") {
                guard let name = frame.name, name != "<main>", name != "<compiled>" else { continue }
                named += 1
                #expect(name.hasSuffix("made_\(frame.file.dropFirst(5))"), "\(frame)")
            }
            #expect(named > 50)
        }

        /// The frames are rewritten at random: other processes are profiled as ever, and stacks end with a reason.
        @Test(arguments: RubyInstallation.all)
        func hostileFramesHarmNobody(_ ruby: RubyInstallation) async throws {
            let samples = try await ManagedRuns.samples(of: [ruby.hostile, ruby.calls], seconds: 1)
            let hostile = samples[ruby.hostile.name] ?? []
            #expect(hostile.count > 50)
            let verdict = ManagedVerdict(ruby.calls.name, ruby.calls.roles[0], samples[ruby.calls.name] ?? [])
            #expect(verdict.isProven, "\(verdict)")
        }
    }
}
