import LiveSupport
import Testing

extension LiveSuite {
    /// Go's functions in every stack, by version and by how a program was built: at least 99 % of the busy samples have
    /// every frame in order, down to where the goroutine begins, inlined ones too, with file and line.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !GoInstallation.all.isEmpty))
    struct GoTests {
        private static let session = Task {
            try await ManagedRuns.samples(of: GoInstallation.modes.flatMap(\.programs), seconds: 3)
        }

        /// Samples of the goroutine that has labels say so, and only those.
        @Test(arguments: GoInstallation.modes)
        func labelsAreThoseOfTheGoroutine(_ go: GoInstallation) async throws {
            let samples = try await Self.session.value[go.chain.name] ?? []
            func counts(_ function: String) -> (all: Int, labelled: Int, other: Int) {
                let those = samples.filter { $0.frames.contains { $0.name == function } }
                let labelled = those.filter { $0.labels == ["job=rec", "worker=w1"] }
                return (those.count, labelled.count, those.filter { !$0.labels.isEmpty }.count - labelled.count)
            }
            let work = counts("main.work"), main = counts("main.a")
            #expect(work.all >= 50 && work.labelled * 100 >= work.all * 99 && work.other == 0, "\(go): \(work)")
            #expect(main.all >= 50 && main.labelled * 100 <= main.all && main.other == 0, "\(go): \(main)")
        }

        /// Labels that lead nowhere, or to what is none, cost no sample and stay within their bounds.
        @Test(arguments: GoInstallation.all)
        func hostileLabelsHarmNobody(_ go: GoInstallation) async throws {
            let samples = try await Self.session.value[go.hostile.name] ?? []
            let labels = samples.flatMap(\.labels)
            #expect(samples.count >= 50 && samples.allSatisfy { $0.labels.count <= 10 }, "\(go): \(samples.count) samples")
            #expect(labels.allSatisfy { $0.utf8.count <= 3 * 32 + 1 + 3 * 64 }, "\(go): \(labels.max { $0.count < $1.count } ?? "")")
        }

        @Test(arguments: GoInstallation.modes)
        func everyFrameInOrder(_ go: GoInstallation) async throws {
            let samples = try await Self.session.value
            for program in go.programs {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }
    }
}
