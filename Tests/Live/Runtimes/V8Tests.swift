import LiveSupport
import Testing

extension LiveSuite {
    /// JavaScript's functions in every stack, by version and by V8's compilers: at least 99 % of the busy samples of each
    /// program have every frame in order, down to the thread's root, with function, file and line.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements) && !NodeInstallation.all.isEmpty))
    struct V8Tests {
        private static func programs(_ node: NodeInstallation) -> [ManagedProgram] {
            guard node.mode == .standard else { return [node.calls] }
            return [
                node.calls, node.generators, node.names, node.modules, node.constructors, node.regularExpressions,
                node.workers, node.recursion, node.webAssembly,
            ]
        }

        private static let session = Task {
            try await ManagedRuns.samples(
                of: NodeInstallation.modes.flatMap(programs) + NodeInstallation.all.map(\.churn), seconds: 3)
        }

        @Test(arguments: NodeInstallation.modes)
        func everyFrameInOrder(_ node: NodeInstallation) async throws {
            let samples = try await Self.session.value
            for program in Self.programs(node) {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }

        /// Each function's line says which one it is.
        @Test(arguments: NodeInstallation.all)
        func namesOfFreedFunctionsAreNeverGivenToOthers(_ node: NodeInstallation) async throws {
            let samples = try await Self.session.value[node.churn.name] ?? []
            var named: Set<String> = []
            for sample in samples {
                for frame in sample.frames {
                    guard let name = frame.name, name.hasPrefix("churned"), let number = Int(name.dropFirst(7)) else {
                        continue
                    }
                    named.insert(name)
                    // V8 puts two lines before the body of `new Function`.
                    if frame.line != 0 { #expect(frame.line == number + 3) }
                }
            }
            #expect(named.count > 20)
        }
    }
}
