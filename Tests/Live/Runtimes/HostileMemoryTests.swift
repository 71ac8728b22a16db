import Foundation
import Glibc
import LiveSupport
import Testing

extension LiveSuite {
    /// Programs of managed runtimes whose memory another process rewrites at random while they are profiled: pointers to themselves, to
    /// unmapped memory, to the kernel's, huge lengths. The profiler goes on as ever, does not grow, and says nothing wrong
    /// about others.
    @Suite(.enabled(if: try Live.has(EngineProfile.requirements + [.tool("gcc"), .path("/usr/bin/python3")])))
    struct HostileMemoryTests {
        enum Kind: String, Sendable, CaseIterable {
            case interpreters, compilers
        }

        /// One of each runtime, the newest that is installed.
        /// - Parameter folder: for what is built.
        private static func programs(_ kind: Kind, in folder: TemporaryFolder) throws -> [ManagedProgram] {
            switch kind {
            case .interpreters:
                return [PythonInstallation.all.last?.calls, RubyInstallation.all.last?.calls].compactMap { $0 }
                    + [PHPInstallation.modes.last?.calls, PerlInstallation.all.last?.calls].compactMap { $0 }
            case .compilers:
                let dotnet = try DotNetInstallation.all.first?.busy(in: URL(fileURLWithPath: folder.path))
                return [JVMInstallation.all.last?.busy, NodeInstallation.all.last?.calls].compactMap { $0 }
                    + [dotnet, BEAMInstallation.all.last?.busy].compactMap { $0 }
            }
        }

        /// `make test-matrix` goes on for longer.
        private static let rounds = getenv("OTELCOL_TEST_MATRIX") == nil ? 1 : 6
        private static let seconds = getenv("OTELCOL_TEST_MATRIX") == nil ? "1" : "2"

        private static let samplesPerSecond: UInt64 = 199

        /// Anonymous memory; what the test itself gathers is in it, some KiB a sample.
        private static let growthLimitBytes = 96 << 20

        @Test(arguments: Kind.allCases)
        func othersAreProfiledAsEver(_ kind: Kind) async throws {
            let folder = try TemporaryFolder()
            let programs = try Self.programs(kind, in: folder)
            let scribble = folder.path(of: "scribble")
            let source = "\(ManagedProgram.folder)/scribble.c"
            try await Command.run(["gcc", "-O2", "-Wall", "-Werror", "-Wno-unused-result", source, "-o", scribble])
            let gathered = Gathered()
            let samples = try await EngineProfile(samplesPerSecond: Self.samplesPerSecond).samples(watching: { profiled in
                var healthy: [ManagedProgram.Running] = []
                defer { healthy.forEach { $0.stop() } }
                for program in programs { healthy.append(try await program.start()) }
                for _ in 0..<120 where !healthy.allSatisfy({ profiled.hasManagedFrames(of: $0.pid) }) {
                    try await Task.sleep(for: .milliseconds(250))
                }
                let start = ManagedRuns.unixNanoseconds(), before = Self.anonymousBytes()
                let used = healthy.map { ManagedRuns.cpuSeconds($0.pid) }
                for (number, program) in programs.enumerated() {
                    for round in 0..<Self.rounds {
                        let victim = try await program.start()
                        defer { victim.stop() }
                        try await Task.sleep(for: .milliseconds(400))
                        // Its end, however it comes, is what was wanted.
                        try await Command.run([scribble, "\(victim.pid)", Self.seconds, "\(number * 100 + round)"])
                        await gathered.add(victim: victim.pid)
                    }
                }
                let end = ManagedRuns.unixNanoseconds()
                await gathered.set(
                    zip(healthy, used).map { ($0.pid, ManagedRuns.cpuSeconds($0.pid) - $1) }, start...end,
                    growth: Self.anonymousBytes() - before)
            })
            let window = try #require(await gathered.window)
            for (program, (pid, cpuSeconds)) in zip(programs, await gathered.healthy) {
                let own = samples.filter { $0.pid == pid && window.contains($0.timeUnixNanoseconds) }
                // None was lost.
                #expect(Double(own.count) > 0.8 * cpuSeconds * Double(Self.samplesPerSecond), "\(program.name)")
                let verdict = ManagedVerdict(program.name, program.roles[0], own)
                #expect(verdict.isProven, "\(verdict)")
                // To the end: nothing was held up for long.
                let last = own.map(\.timeUnixNanoseconds).max() ?? 0
                #expect(last + 3_000_000_000 > window.upperBound, "\(program.name)")
            }
            let victims = await gathered.victims
            #expect(programs.isEmpty || samples.contains { victims.contains($0.pid) })
            let growth = await gathered.growth
            #expect(growth < Self.growthLimitBytes)
        }

        private actor Gathered {
            private(set) var healthy: [(pid: Int32, cpuSeconds: Double)] = []
            private(set) var victims: Set<Int32> = []
            private(set) var window: ClosedRange<UInt64>?
            private(set) var growth = 0
            func add(victim pid: Int32) { victims.insert(pid) }
            func set(_ healthy: [(pid: Int32, cpuSeconds: Double)], _ window: ClosedRange<UInt64>, growth: Int) {
                (self.healthy, self.window, self.growth) = (healthy, window, growth)
            }
        }

        private static func anonymousBytes() -> Int {
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            for line in status.split(separator: "\n") where line.hasPrefix("RssAnon:") {
                return (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
            }
            return 0
        }
    }
}
