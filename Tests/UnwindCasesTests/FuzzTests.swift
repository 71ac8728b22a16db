import Glibc
import LiveSupport
import Testing

@testable import UnwindCases

struct FuzzTests {
    /// A short run of the fuzzer under sanitizers, from all recorded cases.
    @Test(.enabled(if: try Live.has(.tool("clang"), .tool("bash"))))
    func unwindersSurviveAnyInput() async throws {
        let folder = try TemporaryFolder()
        let corpus = folder.path(of: "corpus")
        mkdir(corpus, 0o700)
        for name in RecordedCases.names {
            let bytes = try RecordedCases.load(name).fuzzInput()
            guard let file = fopen("\(corpus)/\(name)", "w") else { throw SystemError("create \(name)") }
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
        }
        let seconds = getenv("OTELCOL_FUZZ_SECONDS").map { String(cString: $0) } ?? "10"
        let output = try await Command.run(
            ["\(RecordedCases.repository)/Scripts/fuzz-unwinder", seconds, corpus], folder: folder.path)
        let line = output.split(separator: "\n").first { $0.hasPrefix("stat::number_of_executed_units:") }
        let runs = line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
        #expect(runs > RecordedCases.names.count, "\(output)")
    }
}
