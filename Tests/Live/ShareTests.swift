import LiveSupport
import Testing

/// How much of a process's time each function has, by two profilers that watched the same process at the same time.
struct ShareComparison: Sendable, CustomStringConvertible {
    struct Row: Sendable {
        var function: String
        var shares: (Double, Double)
        var tolerance: Double
        var agrees: Bool { abs(shares.0 - shares.1) <= tolerance }
    }
    let counts: (Int, Int)
    let rows: [Row]

    /// - Parameter functions: names; a sample counts for a function when any of its frames is of that function.
    ///
    /// Two independent estimates of one proportion p from m and n samples differ by a standard error of
    /// √(p (1 - p) (1/m + 1/n)), p pooled from both. They agree within four of those (chance of a false alarm 1 in
    /// 16,000 for each function) and half a percentage point for the ends, which the two do not watch alike.
    init(_ first: [ProofSample], _ second: [ProofSample], functions: [String]) {
        let users = [first, second].map { $0.filter { sample in sample.frames.contains { !$0.isKernel } } }
        let totals = users.map { $0.reduce(0) { $0 + $1.weight } }
        counts = (totals[0], totals[1])
        rows = functions.map { function in
            let pattern = FramePattern.function(function)
            let hits = users.map { samples in
                samples.reduce(0) { $0 + ($1.frames.contains(where: pattern.matches) ? $1.weight : 0) }
            }
            let m = Double(max(totals[0], 1))
            let n = Double(max(totals[1], 1))
            let pooled = Double(hits[0] + hits[1]) / (m + n)
            return Row(
                function: function, shares: (Double(hits[0]) / m, Double(hits[1]) / n),
                tolerance: 4 * (pooled * (1 - pooled) * (1 / m + 1 / n)).squareRoot() + 0.005)
        }
    }

    var agrees: Bool { counts.0 > 0 && counts.1 > 0 && rows.allSatisfy(\.agrees) }

    var description: String {
        func percent(_ share: Double) -> String { "\((share * 10_000).rounded() / 100) %" }
        return "\(counts.0) and \(counts.1) samples"
            + rows.map {
                "\n  \($0.function): \(percent($0.shares.0)) and \(percent($0.shares.1)), "
                    + "tolerance \(percent($0.tolerance))"
                    + ($0.agrees ? "" : "  <- disagrees")
            }.joined()
    }
}

extension LiveSuite {
    @Suite struct ShareTests {
        struct Case: Sendable, CustomStringConvertible {
            var program: ProofProgram
            var functions: [String]
            var description: String { program.name }
        }

        static let cases: [Case] = [
            Case(
                program: .shares,
                functions: ["shares_often", "shares_seldom", "shares_rarely", "shares_outer", "main", "_start"]),
            Case(program: .named("plt"), functions: ["plt_inner", "plt_middle", "plt_outer", "plt_main", "_start"]),
            Case(program: .named("std-sort"), functions: ["sort_compare", "sort_outer", "_start"]),
            Case(program: .named("signal"), functions: ["signal_handler", "signal_step", "signal_waiting", "_start"]),
            Case(program: .named("vdso"), functions: ["__vdso_clock_gettime", "vdso_inner", "main", "_start"]),
        ]

        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"), .tool("gcc"), .tool("g++"))),
            .enabled(if: try Live.has(EngineProfile.requirements + PerfOracle.requirements)),
            arguments: cases)
        func perfSeesTheSameShares(_ test: Case) async throws {
            let built = try await test.program.build()
            let gathered = Gathered()
            let samples = try await EngineProfile(samplesPerSecond: 397).samples {
                let run = try await ProofRun(of: built, seconds: 5) { pid in
                    await gathered.set(
                        try await PerfOracle.samples(ofProcess: pid, frequency: 397, stackBytes: 8192))
                }
                await gathered.set(run)
            }
            let run = try #require(await gathered.run)
            let comparison = ShareComparison(run.own(samples), await gathered.samples, functions: test.functions)
            #expect(min(comparison.counts.0, comparison.counts.1) > 200, "\(comparison)")
            #expect(comparison.agrees, "\(comparison)")
        }

        private actor Gathered {
            private(set) var samples: [ProofSample] = []
            private(set) var run: ProofRun?
            func set(_ samples: [ProofSample]) { self.samples = samples }
            func set(_ run: ProofRun) { self.run = run }
        }

        @Test func differentSharesAreFound() {
            func samples(_ often: Int, _ seldom: Int) -> [ProofSample] {
                [("often", often), ("seldom", seldom)].map { name, weight in
                    ProofSample(
                        pid: 1, threadName: "x", frames: [ProofFrame(name: name, object: "x")], weight: weight)
                }
            }
            #expect(ShareComparison(samples(600, 400), samples(1230, 770), functions: ["often", "seldom"]).agrees)
            #expect(!ShareComparison(samples(600, 400), samples(1000, 1000), functions: ["often"]).agrees)
            #expect(!ShareComparison(samples(600, 400), [], functions: ["often"]).agrees)
        }
    }
}
