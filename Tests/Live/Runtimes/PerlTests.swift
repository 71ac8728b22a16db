import LiveSupport
import Testing

extension LiveSuite {
    /// Perl's subroutines in every stack, by version: at least 99 % of the busy samples of each program have every
    /// frame in order, down to the thread's root, with file and line, native ones in their true places. The frames are
    /// those that `caller` tells of each program.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements + [.path("/usr/bin/perl")])))
    struct PerlTests {
        private static let session = Task {
            try await ManagedRuns.samples(of: PerlInstallation.all.flatMap { $0.proven + [$0.churn] })
        }

        @Test(arguments: PerlInstallation.all)
        func everyFrameInOrder(_ perl: PerlInstallation) async throws {
            let samples = try await Self.session.value
            for program in perl.proven {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }

        /// Names that follow each other at one address: one may be missing, but none is wrong.
        @Test(arguments: PerlInstallation.all)
        func namesOfFreedCodeAreNeverWrong(_ perl: PerlInstallation) async throws {
            let samples = try await Self.session.value[perl.churn.name] ?? []
            var named = 0
            for frame in samples.flatMap(\.frames) where frame.type != nil {
                guard let name = frame.name, name.hasPrefix("main::made_"), !frame.file.isEmpty else { continue }
                named += 1
                #expect(frame.file == "made-\(name.dropFirst(11))")
            }
            #expect(named > 0)
        }

        /// Stacks and names are rewritten at random: other processes are profiled as ever, stacks end with a reason.
        @Test(arguments: PerlInstallation.all.filter(\.hasModules))
        func hostileStacksHarmNobody(_ perl: PerlInstallation) async throws {
            // The first two only have the unwinder loaded, which takes the kernel a while.
            let samples = try await ManagedRuns.samples(
                of: [perl.unicode, perl.recursion, perl.hostile, perl.calls], seconds: 1, atATime: 2)
            let hostile = samples[perl.hostile.name] ?? []
            #expect(hostile.count > 50)
            let verdict = ManagedVerdict(perl.calls.name, perl.calls.roles[0], samples[perl.calls.name] ?? [])
            #expect(verdict.isProven, "\(verdict)")
        }
    }
}
