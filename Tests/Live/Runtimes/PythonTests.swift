import LiveSupport
import Testing

extension LiveSuite {
    /// CPython's functions in every stack, by version: at least 99 % of the busy samples of each program have every frame
    /// in order, down to the thread's root, with function, file and line, native ones in their true places.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements + [.path("/usr/bin/python3")])))
    struct PythonTests {
        private struct Session: Sendable {
            var samples: [String: [ProofSample]]
            var embedded: [ManagedProgram]
        }

        private static func proven(_ python: PythonInstallation) -> [ManagedProgram] {
            [python.calls, python.coroutines, python.unicode, python.recursion]
                + (python.hasModules ? [python.threads] : []) + ((8...12).contains(python.minor) ? [python.subinterpreters] : [])
                + (python.minor >= 14 ? [python.tasks] : [])
        }

        private static let session = Task {
            let folder = try TemporaryFolder()
            let executable = folder.path(of: "embedded")
            let embedding = PythonInstallation.all.compactMap { $0.embedded(in: executable) }
            if !embedding.isEmpty {
                let source = "\(ManagedProgram.folder)/python/embedded.c"
                try await Command.run(["gcc", "-O2", "-Wall", "-Werror", source, "-o", executable, "-ldl"])
            }
            let programs = PythonInstallation.all.flatMap { proven($0) + [$0.churn] }
            return Session(samples: try await ManagedRuns.samples(of: programs + embedding), embedded: embedding)
        }

        @Test(arguments: PythonInstallation.all)
        func everyFrameInOrder(_ python: PythonInstallation) async throws {
            let session = try await Self.session.value
            let embedded = session.embedded.filter { $0.name.hasPrefix(python.name + " ") }
            for program in Self.proven(python) + embedded {
                for role in program.roles {
                    let verdict = ManagedVerdict(program.name, role, session.samples[program.name] ?? [])
                    #expect(verdict.isProven, "\(verdict)")
                }
            }
        }

        /// Python's own account of what waits for a task, given where the program is busy otherwise.
        @Test(arguments: PythonInstallation.all.filter { $0.minor >= 14 })
        func awaitersAreThosePythonTellsOf(_ python: PythonInstallation) async throws {
            let folder = "\(ManagedProgram.folder)/python"
            let told = try await onThread {
                try ChildProcess(python.tasks.command + ["awaiters.py", "graph"], folder: folder)
            }
            defer { ProcessTree.end(told.pid) }
            var graph: [String] = []
            while let line = try await onThread({ try told.readLine() }) {
                if !line.hasPrefix("ready") { graph.append(line) }
            }
            #expect(graph.count > 8)
            let samples = try await Self.session.value.samples[python.tasks.name] ?? []
            var agreeing = 0, busy = 0
            for sample in samples {
                guard let leaf = sample.frames.firstIndex(where: { $0.name == "leaf" }) else { continue }
                busy += sample.weight
                // What the coroutine calls is not part of the account.
                let account = sample.frames[(leaf + 1)...].prefix { $0.type != nil }.map { "\($0.name ?? "?") \($0.line)" }
                if account == graph { agreeing += sample.weight }
            }
            #expect(busy >= 50)
            #expect(agreeing * 100 >= busy * 99, "\(agreeing) of \(busy); Python says \(graph)")
        }

        /// Code objects that follow each other at one address: a name may be missing, but none is wrong.
        @Test(arguments: PythonInstallation.all)
        func namesOfFreedCodeAreNeverWrong(_ python: PythonInstallation) async throws {
            let samples = try await Self.session.value.samples[python.churn.name] ?? []
            var named = 0
            for frame in samples.flatMap(\.frames) where frame.type != nil {
                guard let name = frame.name, name.hasPrefix("made_") else { continue }
                named += 1
                #expect(frame.file == "made-\(name.dropFirst(5))")
            }
            #expect(named > 0)
        }

        /// The list of frames is rewritten at random: other processes are profiled as ever, and stacks end with a reason.
        @Test(arguments: PythonInstallation.all.filter(\.hasModules))
        func hostileFramesHarmNobody(_ python: PythonInstallation) async throws {
            let samples = try await ManagedRuns.samples(of: [python.hostile, python.calls], seconds: 1)
            let hostile = samples[python.hostile.name] ?? []
            #expect(hostile.count > 50)
            let verdict = ManagedVerdict(python.calls.name, python.calls.roles[0], samples[python.calls.name] ?? [])
            #expect(verdict.isProven, "\(verdict)")
        }
    }
}
