import Glibc
import LiveSupport
import Testing

extension LiveSuite {
    /// Real software under load: how many stacks reach the root, how many frames have names. `make test-software` runs
    /// it, with OTELCOL_TEST_SOFTWARE naming the software, or "all".
    @Suite(.enabled(if: getenv("OTELCOL_TEST_SOFTWARE") != nil, "long: make test-software"))
    struct SoftwareTests {
        private static let wanted: [Software] = {
            let named = getenv("OTELCOL_TEST_SOFTWARE").map { String(cString: $0) } ?? ""
            let names = Set(named.split(separator: " ").map(String.init))
            return Software.all.filter { names.contains("all") || names.contains($0.name) }
        }()

        private static let seconds = getenv("OTELCOL_TEST_SECONDS").flatMap { Int(String(cString: $0)) } ?? 10

        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"))), .enabled(if: try Live.has(EngineProfile.requirements)),
            arguments: wanted)
        func stacksAreCompleteAndNamed(_ software: Software) async throws {
            guard try Live.has(software.tools.map { .tool($0) }) else { return }
            let samples = try await EngineProfile(samplesPerSecond: 199).samples {
                try await software.run(seconds: Self.seconds)
            }
            let quality = StackQuality(samples, of: software.executables)
            print("software: \(software): \(quality)")
            #expect(quality.samples > 100)
            #expect(quality.completeShare >= 0.995, "\(quality)")
            #expect(quality.namedShare >= 0.99, "\(quality)")
        }

        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"))),
            .enabled(if: try Live.has(EngineProfile.requirements + PerfOracle.requirements)),
            arguments: wanted)
        func perfSeesTheSameSelfTime(_ software: Software) async throws {
            guard try Live.has(software.tools.map { .tool($0) }) else { return }
            let gathered = Gathered()
            let folder = try TemporaryFolder()
            // perf says when it began and ended: what ran before and afterwards is not compared.
            let command =
                "date +%s%N >'\(folder.path)/begin'; sleep \(max(1, Self.seconds - 2)); "
                + "date +%s%N >'\(folder.path)/end'"
            let samples = try await EngineProfile(samplesPerSecond: 499).samples {
                try await software.run(seconds: Self.seconds) {
                    await gathered.set(
                        try await PerfOracle.samples(
                            running: ["sh", "-c", command], ofAllProcesses: true, frequency: 499, stackBytes: 8192))
                }
            }
            func time(_ name: String) async throws -> UInt64 {
                let text = try await Command.run(["cat", folder.path(of: name)])
                return try #require(UInt64(text.filter(\.isNumber)))
            }
            let window = try await time("begin")...(try await time("end"))
            let ours = samples.filter { window.contains($0.timeUnixNanoseconds) }
            let perfs = await gathered.samples
            // Whole processes: where one of the two does not get from a library to the program, its leaf still counts.
            let processes = Set(
                (ours + perfs).filter { sample in
                    sample.frames.contains { software.executables.contains($0.object) }
                }.map(\.pid))
            let comparison = SelfTime(
                ours.filter { processes.contains($0.pid) }, perfs.filter { processes.contains($0.pid) })
            print("software: \(software): \(comparison)")
            #expect(min(comparison.counts.0, comparison.counts.1) > 100)
            #expect(comparison.distance < 0.05 + 2 * comparison.expected, "\(comparison)")
        }

        private actor Gathered {
            private(set) var samples: [ProofSample] = []
            func set(_ samples: [ProofSample]) { self.samples = samples }
        }
    }
}
