import Glibc
import LiveSupport
import Testing

extension LiveSuite {
    /// Real software in scripting languages under load: how many stacks reach the root, how many frames have names.
    /// `make test-matrix` runs it, with OTELCOL_TEST_SCRIPTS naming the software, or "all".
    @Suite(.enabled(if: getenv("OTELCOL_TEST_SCRIPTS") != nil, "long: make test-matrix"))
    struct RealScriptTests {
        private static let wanted: [RealScript] = {
            let named = getenv("OTELCOL_TEST_SCRIPTS").map { String(cString: $0) } ?? ""
            return RealScript.all.filter { named == "all" || named.contains($0.name) }
        }()

        @Test(.enabled(if: try Live.has(EngineProfile.requirements)), arguments: wanted)
        func stacksAreCompleteAndNamed(_ script: RealScript) async throws {
            // The first seconds are the profiler's: what runs is inspected.
            let start = Gathered()
            let samples = try await EngineProfile(samplesPerSecond: 199).samples {
                guard let child = try await script.start() else { return }
                defer { ProcessTree.end(child.pid) }
                try await Task.sleep(for: .seconds(5))
                await start.set()
                try await Task.sleep(for: .seconds(10))
            }
            guard let since = await start.unixNanoseconds else { return }
            let quality = ScriptQuality(
                samples.filter { $0.timeUnixNanoseconds >= since }, type: script.frameType,
                evaluator: script.evaluator)
            print("real scripts: \(script): \(quality)")
            #expect(quality.samples > 100)
            #expect(quality.completeShare >= 0.99, "\(quality)")
            // Code that is evaluated for one call alone is freed before its name can be read, and does not count. That
            // this is the reason, and the only one, shows where the collector does not run: there it has names.
            #expect(quality.namedShare >= 0.99, "\(quality)")
            #expect(Double(quality.evaluated) <= 0.05 * Double(quality.frames), "\(quality)")
        }

        private actor Gathered {
            private(set) var unixNanoseconds: UInt64?
            func set() {
                var now = timespec()
                clock_gettime(CLOCK_REALTIME, &now)
                unixNanoseconds = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
            }
        }
    }
}
