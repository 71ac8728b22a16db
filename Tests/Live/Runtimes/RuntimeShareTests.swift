import Foundation
import Glibc
import LiveSupport
import Testing

extension LiveSuite {
    /// How much of a process's time each of its functions has, by this profiler and by another judge of the same process at
    /// the same time: py-spy for Python, and perf where Python tells it of its functions (`-X perf`), of which perf finds
    /// the innermost; for Ruby, PHP and Perl the process itself, which looks at its own stack whenever a signal comes.
    /// Five seconds for each, so `make test-matrix` alone runs it.
    @Suite(
        .enabled(if: getenv("OTELCOL_TEST_MATRIX") != nil, "long: make test-matrix"),
        .enabled(if: try Live.has(EngineProfile.requirements + [.path("/usr/bin/python3")])))
    struct RuntimeShareTests {
        struct Case: Sendable, CustomStringConvertible {
            enum Judge: Sendable { case pySpy, perf, itself }
            var runtime: String
            var judge: Judge
            var program: ManagedProgram
            var description: String { runtime }
        }

        private static let seconds = 4
        private static let functions = ["work", "often", "seldom", "rarely", "turn"]

        private static let cases: [Case] = {
            func program(_ runtime: String, _ source: String, _ command: [String]) -> ManagedProgram {
                ManagedProgram(
                    name: "\(runtime) shares", source: source, command: command, arguments: ["\(seconds)"], roles: [])
            }
            var cases: [Case] = []
            if PythonEnvironment.pySpy != nil {
                for python in PythonInstallation.all where !python.isFreeThreaded {
                    let program = program(python.name, "python/shares.py", python.command)
                    cases.append(Case(runtime: python.name, judge: .pySpy, program: program))
                }
            }
            // The file that Python writes for perf is looked for in this machine's /tmp.
            for python in PythonInstallation.all
            where python.minor >= 12 && python.command.count == 1 && Tool.path(of: "perf") != nil {
                let program = program(python.name + " perf", "python/leaves.py", python.command + ["-X", "perf"])
                cases.append(Case(runtime: python.name + " perf", judge: .perf, program: program))
            }
            for ruby in RubyInstallation.all {
                let program = program(ruby.name, "ruby/shares.rb", ruby.command)
                cases.append(Case(runtime: ruby.name, judge: .itself, program: program))
            }
            for php in PHPInstallation.all {
                let program = program(php.name, "php/shares.php", php.command)
                cases.append(Case(runtime: php.name, judge: .itself, program: program))
            }
            for perl in PerlInstallation.all where perl.hasModules {
                let program = program(perl.name, "perl/shares.pl", perl.command)
                cases.append(Case(runtime: perl.name, judge: .itself, program: program))
            }
            return cases
        }()

        /// Samples of this profiler, and the other's counts.
        private static let session = Task {
            let gathered = Gathered()
            let samples = try await EngineProfile(samplesPerSecond: 397).samples(watching: { profiled in
                for test in cases {
                    // What a runtime's first process needs is there when the one that counts begins.
                    var warming = test.program
                    warming.arguments = ["60"]
                    let first = try await warming.start()
                    for _ in 0..<120 where !profiled.hasManagedFrames(of: first.pid) {
                        try await Task.sleep(for: .milliseconds(250))
                    }
                    first.stop()
                    await gathered.set(try await judge(test), of: test.runtime)
                }
            })
            var results: [String: ([ProofSample], [ProofSample])] = [:]
            for (runtime, judged) in await gathered.all {
                let own = samples.filter { $0.pid == judged.pid && judged.window.contains($0.timeUnixNanoseconds) }
                results[runtime] = (own, judged.samples)
            }
            return results
        }

        @Test(arguments: cases)
        func anotherJudgeSeesTheSameShares(_ test: Case) async throws {
            let (samples, judged) = try #require(try await Self.session.value[test.runtime])
            var own = samples.compactMap(Self.simplified)
            var functions = Self.functions
            if test.judge == .perf {
                own = own.map { sample in
                    var innermost = sample
                    innermost.frames = Array(sample.frames.prefix(1))
                    return innermost
                }
                functions.removeAll { ["work", "turn"].contains($0) }
            }
            let comparison = ShareComparison(own, judged, functions: functions)
            print("shares: \(test.runtime): \(comparison)")
            #expect(min(comparison.counts.0, comparison.counts.1) > 100, "\(comparison)")
            #expect(comparison.agrees, "\(test.runtime): \(comparison)")
        }

        private struct Judged: Sendable {
            var pid: Int32
            var window: ClosedRange<UInt64>
            var samples: [ProofSample]
        }

        private actor Gathered {
            private(set) var all: [String: Judged] = [:]
            func set(_ judged: Judged, of runtime: String) { all[runtime] = judged }
        }

        private static func judge(_ test: Case) async throws -> Judged {
            let running = try await test.program.start()
            defer { running.stop() }
            // Before that its process may not have been inspected. The other judge sees the same mixture then.
            let start = now()
            var samples: [ProofSample] = []
            switch test.judge {
            case .pySpy:
                samples = try await pySpy(running.pid)
            case .perf:
                let found = try await PerfOracle.samples(ofProcess: running.pid, frequency: 199, stackBytes: 8192)
                // `py::often:/path/of/leaves.py`
                samples = found.compactMap { sample in
                    let names = sample.frames.lazy.compactMap { $0.name }
                    guard let name = names.first(where: { $0.hasPrefix("py::") }) else { return nil }
                    let function = name.dropFirst(4).prefix { $0 != ":" }
                    var innermost = sample
                    innermost.frames = [frame(functions.contains(String(function)) ? String(function) : "any")]
                    return innermost
                }
            case .itself:
                var counts: [String: Int] = [:]
                while let line = try await onThread({ try running.child.readLine() }), line != "end" {
                    let words = line.split(separator: " ")
                    if words.count == 2 { counts[String(words[0])] = Int(words[1]) }
                }
                samples = stacks(counts)
            }
            return Judged(pid: running.pid, window: start...now(), samples: samples)
        }

        private static func now() -> UInt64 { UInt64(Date().timeIntervalSince1970 * 1e9) }

        private static func frame(_ name: String) -> ProofFrame { ProofFrame(name: name, object: "", type: "judged") }

        /// Samples in which each function occurs as often as counted. Which of them occur together does not matter, but that
        /// the three in the middle exclude each other.
        private static func stacks(_ counts: [String: Int]) -> [ProofSample] {
            var middle = ["often", "seldom", "rarely"].flatMap { Array(repeating: $0, count: min(counts[$0] ?? 0, 10_000)) }
            middle.reverse()
            return (0..<min(counts["total"] ?? 0, 10_000)).map { number in
                var names = ["any"] + (middle.popLast().map { [$0] } ?? [])
                names += ["work", "turn"].filter { number < counts[$0] ?? 0 }
                return ProofSample(pid: 0, threadName: "", frames: names.map(frame), weight: 1)
            }
        }

        /// The runtime's functions alone, without classes; nil for samples of what asks about the stack, of the start, and of
        /// native code alone.
        private static func simplified(_ sample: ProofSample) -> ProofSample? {
            let names = sample.frames.compactMap { $0.type == nil ? nil : $0.name }
            guard !names.contains(where: { $0.hasSuffix("sampled") }), !names.isEmpty else { return nil }
            var simple = sample
            simple.frames = names.map { name in
                frame(functions.first { name == $0 || name.hasSuffix("#\($0)") || name.hasSuffix("::\($0)") } ?? "any")
            }
            return simple
        }

        /// Lines of `outer (file:line);inner (file:line) count`, outermost first.
        private static func pySpy(_ pid: Int32) async throws -> [ProofSample] {
            let folder = try TemporaryFolder()
            let file = folder.path(of: "stacks")
            try await Command.run([
                PythonEnvironment.pySpy ?? "", "record", "--pid", "\(pid)", "--rate", "200", "--duration", "\(seconds)",
                "--format", "raw", "--output", file,
            ])
            let text = try String(contentsOfFile: file, encoding: .utf8)
            return text.split(separator: "\n").compactMap { line in
                guard let space = line.lastIndex(of: " "), let weight = Int(line[line.index(after: space)...])
                else { return nil }
                let names = line[..<space].split(separator: ";").compactMap { $0.split(separator: " ").first.map(String.init) }
                let frames = names.reversed().map { name in frame(functions.contains(name) ? name : "any") }
                return ProofSample(pid: pid, threadName: "", frames: frames, weight: weight)
            }
        }
    }
}
