import CBPFInterface
import LiveSupport
import Testing

@testable import UnwindCases

struct ReplayTests {
    @Test func thereAreCasesOfBothArchitectures() {
        #expect(RecordedCases.names.count { $0.hasPrefix("x86_64-") } >= 12)
        #expect(RecordedCases.names.count { $0.hasPrefix("arm64-") } >= 8)
    }

    /// On every host, for both architectures.
    @Test(arguments: RecordedCases.names)
    func unwindsAsRecorded(_ name: String) throws {
        let recorded = try RecordedCases.load(name)
        let outcome = try recorded.replay()
        var expected = recorded.frames
        for index in expected.indices { expected[index].function = nil }
        #expect(
            outcome.frames == expected,
            "\(outcome.frames.map(recorded.describe)) instead of \(recorded.frames.map(recorded.describe))")
        #expect(outcome.stopReason == recorded.stopReason)
    }

    /// Each word that a case holds is needed: without any of them the stack unwinds otherwise.
    @Test(arguments: ["x86_64-signal.case", "arm64-signal.case", "arm64-signed.case", "x86_64-vdso.case"])
    func everyWordOfTheStackCounts(_ name: String) throws {
        let recorded = try RecordedCases.load(name)
        let outcome = try recorded.replay()
        for offset in stride(from: 0, to: recorded.stack.count, by: 8) {
            if recorded.stack[offset..<offset + 8].allSatisfy({ $0 == 0 }) { continue }
            var damaged = recorded
            for byte in offset..<offset + 8 { damaged.stack[byte] = 0 }
            #expect(try damaged.replay() != outcome, "the word at \(offset)")
        }
    }

    /// Without the mask an authentication code stays in the address.
    @Test func signedReturnAddressesNeedTheMask() throws {
        var recorded = try RecordedCases.load("arm64-signed.case")
        #expect(recorded.frames.count > 5)
        recorded.pointerMask = .max
        let outcome = try recorded.replay()
        #expect(outcome.frames.count < recorded.frames.count)
        #expect([STOP_NO_MAPPING.rawValue, STOP_KERNEL_PC.rawValue].contains(outcome.stopReason))
    }

    /// Kernels give programs 48 bits of addresses or fewer: the mask must not be wider than that.
    @Test func theRecordedSignaturesLieAboveBit47() throws {
        let recorded = try RecordedCases.load("arm64-signed.case")
        var signed = 0
        for offset in stride(from: 0, to: recorded.stack.count, by: 8) {
            let top = recorded.stack[offset + 6] | recorded.stack[offset + 7]
            if top != 0 { signed += 1 }
        }
        #expect(signed >= 2)
    }

    /// A live process becomes a case, through the kernel side's snapshots.
    @Test(.enabled(if: try Live.has(.root, .bpf, .perfEvents, .tool("gcc"))))
    func recordsALiveProcess() async throws {
        let folder = try TemporaryFolder()
        let program = folder.path(of: "recorded")
        try await Command.run([
            "gcc", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls",
            "\(RecordedCases.repository)/Tests/Live/Programs/chain.c", "-o", program,
        ])
        let child = try ChildProcess([program, "60"])
        _ = try child.readLine()
        let recorded = try await onThread {
            var recorder = CaseRecorder(pid: child.pid)
            recorder.function = "chain_inner"
            recorder.comment = "live"
            recorder.patienceNanoseconds = 60_000_000_000
            var cases: [UnwindCase] = []
            try recorder.record { cases.append($0) }
            return cases
        }
        let first = try #require(recorded.first)
        let functions = first.frames.map { $0.function ?? "-" }
        #expect(functions.starts(with: ["chain_inner", "chain_middle", "chain_outer", "main"]))
        #expect(functions.last == "_start")
        #expect(first.stopReason == STOP_ROOT.rawValue)
        #expect(first.text.utf8.count < 20_000)
        let reread = try UnwindCase.parse(first.text)
        #expect(reread == first)
        #expect(try reread.replay().frames.count == first.frames.count)
    }
}
