import CBPFInterface
import TestRandomness
import Testing

@testable import UnwindCases

struct CaseTextTests {
    @Test(arguments: RecordedCases.names)
    func textAndCaseAgree(_ name: String) throws {
        let text = try RecordedCases.text(name)
        #expect(text.utf8.count < 20_000)
        #expect(try UnwindCase.parse(text).text == text)
    }

    @Test(arguments: [
        ("", 1), ("otelcol unwind case 2\n", 1), ("\nwhat 1", 2), ("\nregister rax", 2), ("\nregister x0 1", 2),
        ("\nstack 0 99999999", 2), ("\nstack 0 -1", 2), ("\nstack 7ff0 8\nwords 8 1", 3), ("\nstack 7ff0 8\nwords fffffffff 1", 3),
        ("\nrow 0 end", 2), ("\npage 0", 2), ("\nexecutable table 0 12 - a\npage 9999999", 3),
        ("\nexecutable table 0 63 - a", 2), ("\nexecutable table 0 12 - a\npage 1\nrow 4 end", 4),
        ("\nexecutable table 0 12 - a\npage 1\npage 1", 4), ("\nexecutable table 0 12 - a\npage 1\nrow 0 cfa 7 8", 4),
        ("\nmapping 10 10 0 0 file", 2), ("\nmapping 10 20 0 0 file\nmapping 18 30 0 0 file", 3),
        ("\nmapping 10 20 0 1 file\nstop root", 0), ("\nframe 1 20 return -\nstop root", 0), ("\nagain 1", 2),
        ("\nframe 0 20 return -\nagain 4096", 3), ("\nstop tea", 2), ("\nstop root more", 2), ("\ncomment only", 0),
    ])
    func refusesWithTheLine(_ lines: String, _ line: Int) {
        let text = lines.isEmpty || lines.hasPrefix("otelcol") ? lines : UnwindCase.firstLine + lines
        do {
            _ = try UnwindCase.parse(text)
            Issue.record("'\(text)' was taken")
        } catch {
            #expect(error.line == line, "\(error)")
        }
    }

    /// Damaged files are refused or replayed; nothing traps.
    @Test(arguments: ["x86_64-signal.case", "arm64-signal.case"])
    func damagedTextIsSafe(_ name: String) throws {
        let bytes = Array(try RecordedCases.text(name).utf8)
        var random = SplitMix64(seed: 7)
        let letters = Array("0123456789abcdef -".utf8)
        var accepted = 0
        for _ in 0..<1500 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 22..<damaged.count, using: &random)] = letters[Int.random(in: letters.indices, using: &random)]
            }
            guard let parsed = try? UnwindCase.parse(String(decoding: damaged, as: UTF8.self)) else { continue }
            accepted += 1
            let outcome = try parsed.replay()
            #expect(outcome.stopReason != STOP_NONE.rawValue)
        }
        #expect(accepted > 100)
    }
}
