import Engine
import LiveSupport
import Testing

extension LiveSuite {
    /// A shell that starts one short program after the other, as build systems and service scripts do. Most samples are
    /// of processes that live for some milliseconds, many of the kernel starting or ending one.
    @Suite struct ExecutionTests {
        private static let ending = "the process was ending: its stack is gone"

        @Test(.enabled(if: try Live.has(EngineProfile.requirements)))
        func stacksOfShortLivedProcessesAreWhole() async throws {
            let folder = try TemporaryFolder()
            // Names of their own, so that nothing else on this machine is taken for them.
            let script = folder.path(of: "otelcol-sh"), copy = folder.path(of: "otelcol-cp")
            try await Command.run(["cp", "/bin/bash", script])
            try await Command.run(["cp", "/bin/cp", copy])
            let source = """
                echo ready; end=$((SECONDS + 6))
                while [ $SECONDS -lt $end ]; do "$0" "$1" "$2"; x=$(echo "$x"); done
                """
            let arguments = [script, "-c", source, copy, "/etc/hostname", folder.path(of: "copied")]
            let samples = try await EngineProfile(samplesPerSecond: 999).samples {
                let child = try ChildProcess(arguments)
                _ = try await onThread { try child.readLine() }
                #expect(try await onThread { child.wait() } == .code(0))
            }
            let own = samples.filter { $0.threadName == "otelcol-sh" || $0.threadName == "otelcol-cp" }
            var reasons: [String: Int] = [:]
            for sample in own {
                let stop = sample.frames.last { $0.object == "[stop]" }
                reasons[stop?.name ?? "", default: 0] += 1
                // What the kernel does for a program that it is starting is not a function's of the one before.
                if sample.frames.contains(where: { $0.name == "load_elf_binary" }) {
                    #expect(stop?.name != "no executable mapping at this address")
                }
            }
            let whole = reasons["", default: 0], ended = reasons[Self.ending, default: 0]
            #expect(own.count > 500)
            #expect(own.contains { sample in sample.frames.contains { $0.name == "load_elf_binary" } })
            #expect(Double(whole + ended) >= 0.97 * Double(own.count), "\(reasons)")
        }
    }
}
