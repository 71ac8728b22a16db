import LiveSupport
import Testing

extension LiveSuite {
    /// The engine on every proof program: at least 99 % of the samples of the busy loop have every frame of the known
    /// chain, in order, down to the thread's root.
    @Suite struct ChainTests {
        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"), .tool("gcc"), .tool("g++"), .tool("strip"))),
            .enabled(if: try Live.has(EngineProfile.requirements)),
            arguments: ProofProgram.all)
        func everyFrameInOrder(_ program: ProofProgram) async throws {
            guard try Live.has(program.requirements) else { return }
            let verdict = try #require(try await Self.session.value[program.name])
            #expect(verdict.isProven, "\(verdict)")
        }

        /// All programs in one run of the engine, a few at a time, so that each has its share of the CPUs.
        private static let session = Task {
            var built: [BuiltProgram] = []
            for program in ProofProgram.all where try Live.has(program.requirements) {
                built.append(try await program.build())
            }
            let programs = built
            return try await verdicts(of: programs, by: EngineProfile(samplesPerSecond: 499))
        }

        static func verdicts(
            of programs: [BuiltProgram], by profiler: some ProfileUnderTest, atATime: Int = 4, seconds: Double = 4
        ) async throws -> [String: Verdict] {
            let runs = Runs()
            let samples = try await profiler.samples {
                for first in stride(from: 0, to: programs.count, by: atATime) {
                    try await withThrowingTaskGroup(of: ProofRun.self) { group in
                        for built in programs[first..<min(first + atATime, programs.count)] {
                            group.addTask { try await ProofRun(of: built, seconds: seconds) }
                        }
                        for try await run in group { await runs.add(run) }
                    }
                }
            }
            return Dictionary(uniqueKeysWithValues: await runs.all.map { ($0.program.name, $0.verdict(on: samples)) })
        }

        private actor Runs {
            private(set) var all: [ProofRun] = []
            func add(_ run: ProofRun) { all.append(run) }
        }
    }
}
