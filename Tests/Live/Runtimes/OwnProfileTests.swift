import Foundation
import Glibc
import LiveSupport
import Testing

/// A program of a runtime that profiles itself while it runs.
struct SelfProfilingProgram: Sendable, CustomStringConvertible {
    var description: String
    /// Runs in the folder of the program's source; what the runtime says comes after the line that begins with "done", as
    /// text, or into `file`.
    var command: [String]
    var source: String
    var file: String?
    /// How often the runtime saw each of the functions `five`, `three` and `two`.
    var counts: @Sendable (String) throws -> [String: Int]

    static let functions = ["five", "three", "two"]

    static let all: [SelfProfilingProgram] = node + java

    private static let node = NodeInstallation.all.compactMap { node -> SelfProfilingProgram? in
        let file = "/tmp/otelcol-own-\(node.name).cpuprofile"
        let options = ["node", "--cpu-prof", "--cpu-prof-dir=/tmp", "--cpu-prof-name=otelcol-own-\(node.name).cpuprofile"]
        // Debian's see another /tmp.
        guard !node.name.hasSuffix("debian"), let command = TestBed.command(runtime: node.name, options + ["shares.js"])
        else { return nil }
        return SelfProfilingProgram(description: "\(node.name) --cpu-prof", command: command, source: "v8", file: file) {
            struct Profile: Decodable {
                struct CallFrame: Decodable { var functionName: String }
                struct Node: Decodable {
                    var callFrame: CallFrame
                    var hitCount: Int
                }
                var nodes: [Node]
            }
            let profile = try JSONDecoder().decode(Profile.self, from: Data($0.utf8))
            return profile.nodes.reduce(into: [:]) { $0[$1.callFrame.functionName, default: 0] += $1.hitCount }
        }
    }

    private static let java = JVMInstallation.all.filter { $0.version >= 11 }.compactMap { jvm -> SelfProfilingProgram? in
        let classes = "/tmp/otelcol-own-\(jvm.name)"
        let script = """
            mkdir -p \(classes) && javac -nowarn -d \(classes) $0 && \
            java -XX:+UnlockDiagnosticVMOptions -XX:+DebugNonSafepoints \
            -XX:StartFlightRecording=filename=\(classes)/own.jfr,settings=profile -cp \(classes) Shares && \
            jfr print --events jdk.ExecutionSample --stack-depth 1 \(classes)/own.jfr
            """
        guard let command = TestBed.command(runtime: jvm.name, ["sh", "-c", script, "Shares.java"]) else { return nil }
        return SelfProfilingProgram(description: "\(jvm.name) JFR", command: command, source: "jvm") { text in
            functions.reduce(into: [:]) { $0[$1] = text.ranges(of: "Shares.\($1)(").count }
        }
    }
}

extension LiveSuite {
    /// How much of the time each function takes, as the runtimes' own profilers see it at the same time. Ten seconds for each,
    /// so `make test-matrix` alone runs it, which sets `OTELCOL_TEST_MATRIX`.
    @Suite(
        .enabled(
            if: try getenv("OTELCOL_TEST_MATRIX") != nil && Live.has(EngineProfile.requirements)
                && !SelfProfilingProgram.all.isEmpty))
    struct OwnProfileTests {
        @Test(arguments: SelfProfilingProgram.all)
        func sharesAgree(_ program: SelfProfilingProgram) async throws {
            let folder = "\(ManagedProgram.folder)/\(program.source)"
            let texts = Texts()
            let samples = try await EngineProfile(samplesPerSecond: 199).samples {
                let child = try ChildProcess(program.command, folder: folder)
                var lines: [String] = []
                var pid: Int32?
                while let line = try await onThread({ try child.readLine() }) {
                    if line.hasPrefix("ready ") { pid = Int32(line.dropFirst(6)) }
                    lines.append(line)
                }
                await texts.set(pid ?? 0, lines.joined(separator: "\n"))
            }
            let (pid, output) = await texts.value
            #expect(pid != 0 && output.contains("done"), "\(output.suffix(500))")
            let text = try program.file.map { try String(contentsOfFile: $0, encoding: .utf8) } ?? output
            let theirs = try program.counts(text)
            var ours: [String: Int] = [:]
            for sample in samples where sample.pid == pid {
                // The youngest of the program's own functions.
                guard let name = sample.frames.lazy.compactMap(Self.function).first else { continue }
                ours[name, default: 0] += 1
            }
            func shares(_ counts: [String: Int]) -> [Double] {
                let all = SelfProfilingProgram.functions.map { Double(counts[$0] ?? 0) }
                return all.map { $0 / max(1, all.reduce(0, +)) }
            }
            let total = { (counts: [String: Int]) in SelfProfilingProgram.functions.reduce(0) { $0 + (counts[$1] ?? 0) } }
            #expect(total(ours) > 200 && total(theirs) > 100, "\(ours), \(theirs)")
            for (our, their) in zip(shares(ours), shares(theirs)) {
                // Three standard deviations of the smaller sample, of some 150.
                #expect(abs(our - their) < 0.1, "\(ours), \(theirs)")
            }
        }

        /// "int Shares.five(int)" is `five`.
        private static func function(_ frame: ProofFrame) -> String? {
            guard let name = frame.name else { return nil }
            return SelfProfilingProgram.functions.first { function in
                name == function || name.contains("Shares.\(function)(")
            }
        }

        private actor Texts {
            private(set) var value: (pid: Int32, text: String) = (0, "")
            func set(_ pid: Int32, _ text: String) { value = (pid, text) }
        }
    }
}
