import LiveSupport
import Testing

extension LiveSuite {
    /// Erlang's functions in every stack, by release and by what the emulator is told: at least 99 % of the busy samples of
    /// each program have every frame in order, down to the process's first function, with module, function, arity, file
    /// and line, and native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !BEAMInstallation.all.isEmpty))
    struct BEAMTests {
        private static let session = Task {
            let modes = BEAMInstallation.modes.flatMap { [$0.busy, $0.natives] }
            return try await ManagedRuns.samples(
                of: modes + BEAMInstallation.all.flatMap { [$0.switching, $0.churn, $0.größe] }, seconds: 4)
        }

        @Test(arguments: BEAMInstallation.modes)
        func everyFrameInOrder(_ erlang: BEAMInstallation) async throws {
            let samples = try await Self.session.value
            for program in [erlang.busy, erlang.natives] + (erlang.options.isEmpty ? [erlang.größe] : []) {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }

        /// Whatever the emulator does, its stacks lead to a process's first function or to a thread's root.
        @Test(arguments: BEAMInstallation.all)
        func stacksAreComplete(_ erlang: BEAMInstallation) async throws {
            for program in [erlang.busy, erlang.natives, erlang.switching, erlang.churn, erlang.größe] {
                // A busy machine may need longer than a second to recognise a program that has just been started.
                let samples = (try await Self.session.value[program.name] ?? []).filter { sample in
                    !sample.frames.contains { $0.isMarker && $0.name?.contains("not yet known") ?? false }
                }
                let cut = samples.filter { $0.frames.contains(where: \.isMarker) }
                #expect(samples.count > 100)
                let example = cut.first?.frames.map { "\($0)" }.joined(separator: " < ") ?? ""
                #expect(cut.count * 100 <= samples.count, "\(program): \(cut.count) of \(samples.count): \(example)")
            }
        }

        /// Modules that follow each other at one address: a name may be missing, but none is wrong.
        @Test(arguments: BEAMInstallation.all)
        func namesOfPurgedModulesAreNeverGiven(_ erlang: BEAMInstallation) async throws {
            let samples = try await Self.session.value[erlang.churn.name] ?? []
            var made: Set<String> = []
            for sample in samples {
                // One module runs at a time; its file, its name and its function's have the same number.
                let frames = sample.frames.filter { $0.type != nil && $0.file.hasPrefix("made-") }
                for frame in frames {
                    let number = String(frame.file.dropFirst(5))
                    made.insert(number)
                    #expect(["made_\(number):work_\(number)/2", "made_\(number):run/0"].contains(frame.name), "\(frame)")
                    #expect(frame.line == 1 + (Int(number) ?? 0) % 1000)
                }
                #expect(Set(frames.map(\.file)).count <= 1)
            }
            #expect(made.count > 5)
        }
    }
}
