import LiveSupport
import Testing

extension LiveSuite {
    /// Java's methods in every stack, by version and by how HotSpot runs them: at least 99 % of the busy samples of
    /// each program have every frame in order, down to the thread's root, with class, method, file and line, inlined
    /// ones and native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !JVMInstallation.all.isEmpty))
    struct JVMTests {
        private static let session = Task {
            try await ManagedRuns.samples(
                of: JVMInstallation.modes.flatMap(\.programs) + JVMInstallation.all.map(\.churn), seconds: 3)
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

        /// The names of a class, of the method that works and of its caller have the same number, however often other
        /// methods and other code lay at their addresses.
        @Test(arguments: JVMInstallation.all)
        func namesOfUnloadedMethodsAreNeverGivenToOthers(_ jvm: JVMInstallation) async throws {
            var met: Set<Substring> = []
            for sample in try await Self.session.value[jvm.churn.name] ?? [] {
                var numbers: Set<Substring> = []
                for frame in sample.frames {
                    guard let name = frame.name, name.contains("Churn$Made") else { continue }
                    for match in name.matches(of: /(?:Made|calling|churned)([0-9]{4})/) { numbers.insert(match.output.1) }
                }
                #expect(numbers.count <= 1, "\(sample.frames)")
                met.formUnion(numbers)
            }
            #expect(met.count > 5)
        }
    }
}
