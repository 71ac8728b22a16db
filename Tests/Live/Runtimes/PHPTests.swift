import LiveSupport
import Testing

extension LiveSuite {
    /// PHP's functions in every stack, by version and by what opcache does: at least 99 % of the busy samples of each program
    /// have every frame in order, down to the thread's root, with function, file and line, native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !PHPInstallation.all.isEmpty))
    struct PHPTests {
        private static func programs(_ php: PHPInstallation) -> [ManagedProgram] {
            // Ways to choose what is compiled do not change what is made of it.
            if [.first, .counted].contains(php.mode) { return [php.calls, php.hot] }
            return [php.calls, php.generators, php.includes, php.exceptions, php.natives, php.hot]
                + (php.hasFibers ? [php.fibers] : []) + php.servers
        }

        private static let session = Task {
            try await ManagedRuns.samples(of: PHPInstallation.modes.flatMap(programs) + PHPInstallation.all.map(\.requests), seconds: 1.5)
        }

        @Test(arguments: PHPInstallation.modes)
        func everyFrameInOrder(_ php: PHPInstallation) async throws {
            let samples = try await Self.session.value
            for program in Self.programs(php) {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }

        /// Functions of one request after another's at one address: a name may be missing, but none is wrong.
        @Test(arguments: PHPInstallation.all)
        func namesOfOtherRequestsAreNeverGiven(_ php: PHPInstallation) async throws {
            let samples = try await Self.session.value[php.requests.name] ?? []
            let owners = [
                "First::spin": "first.php", "first_work": "first.php", "Other::turn": "second.php",
                "other_work": "second.php",
            ]
            var named = 0
            for sample in samples {
                let files = Set(sample.frames.compactMap { $0.type == nil || $0.file.isEmpty ? nil : $0.file })
                #expect(files.count <= 1)
                for frame in sample.frames {
                    guard let name = frame.name, let owner = owners[name] else { continue }
                    named += 1
                    #expect(frame.file == owner)
                }
            }
            #expect(named > 0)
        }

        /// The chain of frames is rewritten at random: other processes are profiled as ever, and stacks end with a reason.
        @Test(arguments: PHPInstallation.all.filter(\.hasModules))
        func hostileFramesHarmNobody(_ php: PHPInstallation) async throws {
            let samples = try await ManagedRuns.samples(of: [php.hostile, php.calls], seconds: 1)
            let hostile = samples[php.hostile.name] ?? []
            #expect(hostile.count > 50)
            let verdict = ManagedVerdict(php.calls.name, php.calls.roles[0], samples[php.calls.name] ?? [])
            #expect(verdict.isProven, "\(verdict)")
        }
    }
}
