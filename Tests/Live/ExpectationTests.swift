import LiveSupport
import Testing

extension LiveSuite {
    /// The table of expectations itself, checked with unwinders that are not ours: what fails here is wrong in the
    /// table or in the programs, not in the profiler.
    @Suite struct ExpectationTests {
        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"), .tool("gcc"), .tool("g++"), .tool("strip"))),
            .enabled(if: try Live.has(PerfOracle.requirements + GDBOracle.requirements)),
            arguments: ProofProgram.all)
        func anotherUnwinderSeesTheSame(_ program: ProofProgram) async throws {
            guard try Live.has(program.requirements) else { return }
            let verdict = try #require(await Self.session.value[program.name]).get()
            #expect(verdict.isProven, "\(verdict)")
        }

        /// All programs, three at a time: nothing is measured here, and reading what perf recorded takes longest.
        private static let session = Task { () -> [String: Result<Verdict, any Error>] in
            var programs = ProofProgram.all.filter { (try? Live.has($0.requirements)) ?? false }[...]
            return await withTaskGroup(of: (String, Result<Verdict, any Error>).self) { group in
                func addNext() {
                    guard let program = programs.popFirst() else { return }
                    group.addTask {
                        do {
                            return (program.name, .success(try await verdict(on: program)))
                        } catch {
                            return (program.name, .failure(error))
                        }
                    }
                }
                for _ in 0..<3 { addNext() }
                var verdicts: [String: Result<Verdict, any Error>] = [:]
                while let (name, verdict) = await group.next() {
                    verdicts[name] = verdict
                    addNext()
                }
                return verdicts
            }
        }

        private static func verdict(on program: ProofProgram) async throws -> Verdict {
            let built = try await program.build()
            let samples: [ProofSample]
            switch program.oracle {
            case .perfBytes(let count):
                samples = try await PerfOracle.samples(
                    running: built.command(seconds: program.busyShare < 0.5 ? 2 : 1), stackBytes: count)
            case .gdb:
                samples = try await backtraces(of: built)
            }
            let threadName = program.threadName ?? program.name
            return Verdict(program, samples.filter { $0.threadName == threadName }, isOracle: true)
        }

        private static func backtraces(of built: BuiltProgram) async throws -> [ProofSample] {
            let program = built.program
            // gdb cannot catch a process of 300 ms: the worker runs alone and longer.
            let worker = program.isSelectedByThreadName ? ["worker"] : []
            let child = try ChildProcess(built.command(seconds: 60) + worker)
            if worker.isEmpty { _ = try #require(try await onThread { try child.readLine() }) }
            // Until it has become another program.
            if program.threadName != nil { try await Task.sleep(for: .seconds(1.5)) }
            return try await GDBOracle.samples(
                ofProcess: child.pid, threadName: program.threadName ?? program.name,
                count: program.busyShare < 0.3 ? 36 : 4)
        }
    }
}
