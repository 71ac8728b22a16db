import LiveSupport
import ObjectFiles
import Symbolization
import Synchronization
import Testing

extension LiveSuite {
    /// Names of a stripped program whose debug file comes from elsewhere while it is being profiled, and names that are
    /// left to a back end.
    @Suite struct FetchedDebugFileTests {
        /// Has one file, after a second.
        private final class Provider: DebugFileProvider {
            let path: String
            let id: BuildID
            let questions = Mutex<[BuildID: Int]>([:])

            init(path: String, id: BuildID) {
                self.path = path
                self.id = id
            }

            func debugFile(of buildID: BuildID, _ completion: @escaping @Sendable (String?) -> Void) {
                questions.withLock { $0[buildID, default: 0] += 1 }
                guard buildID == id else { return completion(nil) }
                let path = path
                Task {
                    try? await Task.sleep(for: .seconds(1))
                    completion(path)
                }
            }
        }

        private static func build() async throws -> BuiltProgram {
            try await ProofProgram(
                name: "chain-fetched", source: "chain.c", flags: ["-g", "-Wl,--build-id"],
                busy: .function("chain_inner"),
                stack: StackPattern(
                    .zeroOrMore(.kernel), .optional(.function("proof_burn")), .function("chain_inner"),
                    .function("chain_middle"), .function("chain_outer"), .function("main"),
                    .oneOrMore(.object("libc.so.6")), .function("_start")),
                warmUpSeconds: 3
            ).build()
        }

        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"), .tool("gcc"), .tool("objcopy"), .tool("strip"))),
            .enabled(if: try Live.has(EngineProfile.requirements)))
        func namesComeWithTheFile() async throws {
            let built = try await Self.build()
            let program = built.folder.path(of: built.program.name)
            let debugFile = built.folder.path(of: "elsewhere")
            try await Command.run(["objcopy", "--only-keep-debug", program, debugFile])
            try await Command.run(["strip", program])
            let id = try #require(try ELFFile(FileReader(path: program)).gnuBuildID())
            let provider = Provider(path: debugFile, id: id)
            let runs = Mutex<ProofRun?>(nil)
            var profile = EngineProfile(samplesPerSecond: 199, settling: .zero)
            profile.change = { $0.debugFileProvider = provider }
            let samples = try await profile.samples {
                let run = try await ProofRun(of: built, seconds: 6)
                runs.withLock { $0 = run }
            }
            let run = try #require(runs.withLock { $0 })
            let verdict = run.verdict(on: samples)
            #expect(verdict.isProven, "\(verdict)")
            // Nobody waited for it: the first samples are there, without names.
            let first = samples.filter {
                $0.pid == run.pid && $0.timeUnixNanoseconds < run.readyUnixNanoseconds + 1_000_000_000
            }
            #expect(
                first.contains { sample in sample.frames.contains { $0.object == "chain-fetched" && $0.name == nil } })
            #expect(provider.questions.withLock { $0[id] } == 1)
        }

        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"), .tool("gcc"))),
            .enabled(if: try Live.has(EngineProfile.requirements)))
        func namesAreLeftToABackEnd() async throws {
            let built = try await Self.build()
            let pid = Mutex<Int32>(0)
            var profile = EngineProfile(samplesPerSecond: 199, settling: .zero)
            profile.change = { $0.namesNativeCode = false }
            let samples = try await profile.samples {
                let run = try await ProofRun(of: built, seconds: 1.5)
                pid.withLock { $0 = run.pid }
            }
            let own = samples.filter { sample in pid.withLock { $0 == sample.pid } }.flatMap(\.frames)
            let native = own.filter { $0.object == "chain-fetched" || $0.object == "libc.so.6" }
            #expect(native.count > 100)
            #expect(native.allSatisfy { $0.name == nil })
            #expect(samples.flatMap(\.frames).contains { $0.isKernel && $0.name != nil })
        }
    }
}
