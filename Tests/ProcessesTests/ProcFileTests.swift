import Glibc
import Testing

@testable import Processes

struct ProcFileTests {
    @Test(arguments: [
        ("0", [0]), ("0-3", [0, 1, 2, 3]), ("0-1,4,6-7\n", [0, 1, 4, 6, 7]), ("\n", []), ("3,1,2-3", [1, 2, 3]),
    ]) func readsCPULists(text: String, cpus: [Int]) {
        #expect(CPUList.parse(text) == cpus)
    }

    @Test(arguments: ["a", "1-", "-1", "3-1", "1,,2", "1-2-3", "+1", "0-99999999999999999999", "0-16384", "1 2"])
    func refusesOtherTexts(text: String) {
        #expect(CPUList.parse(text) == nil)
    }

    @Test func onlineCPUsAreThoseOfTheCLibrary() throws {
        #expect(try CPUList.online().count == sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    @Test func findsWhatChanged() {
        let changes = CPUList.changes(open: [0, 1, 3], online: [0, 2, 3, 4])
        #expect(changes.toOpen == [2, 4] && changes.toClose == [1])
    }

    @Test func readsStatWithHostileNames() throws {
        let line =
            "17 (a) R (b) S 4 17 17 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 3 0 12345 0 0 18446744073709551615 0 0 0\n"
        let stat = try #require(ProcStat(parsing: Array(line.utf8)))
        #expect(stat.commandName == "a) R (b")
        #expect(stat.state == UInt8(ascii: "S") && stat.parentPID == 4 && stat.threads == 3)
        #expect(stat.startTimeTicks == 12345 && stat.isKernelThread)
        for end in 0..<line.utf8.count { _ = ProcStat(parsing: Array(line.utf8.prefix(end))) }
        #expect(ProcStat(parsing: Array(line.utf8.prefix(60))) == nil)
        #expect(ProcStat(parsing: Array("17 )a( S 4".utf8)) == nil)
    }

    @Test func readsItsOwnFacts() throws {
        let proc = ProcFileSystem()
        let facts = try proc.facts(of: getpid(), thread: getpid(), environmentVariables: ["PATH", "NOT_SET_HERE"])
        #expect(facts.executablePath?.hasPrefix("/") == true)
        #expect(facts.executableName?.isEmpty == false)
        #expect(!facts.isKernelThread && facts.parentPID == getppid() && facts.userID == getuid())
        #expect(facts.namespacePIDs.last == getpid())
        #expect(facts.environment.map(\.name) == ["PATH"])
        #expect(throws: ProcessReadFailure.gone) { try proc.facts(of: .max, thread: .max) }
    }

    @Test func takesOnlyTheVariablesAskedFor() {
        var facts = ProcessFacts(commandName: "")
        facts.readEnvironment(
            Array("A=1\0B\0=x\0C=a=b\0A=2\0D=\u{e4}\0E=cut".utf8), names: ["A", "B", "C", "D", "E"])
        #expect(
            facts.environment == [
                .init(name: "A", value: "1"), .init(name: "C", value: "a=b"), .init(name: "D", value: "\u{e4}"),
            ])
    }

    @Test func readsItsOwnMappings() throws {
        let parser = try ProcFileSystem().mappings(of: getpid(), thread: getpid())
        #expect(parser.malformedLines == 0)
        #expect(parser.mappings.contains { $0.kind == .file && $0.path.hasSuffix("/libc.so.6") })
        #expect(throws: ProcessReadFailure.gone) { try ProcFileSystem().mappings(of: .max, thread: .max) }
    }

    /// Chunks may end anywhere.
    @Test func mapsMayComeInAnyChunks() {
        let text = Array(
            "1000-2000 r-xp 00000000 08:01 7 /a\n3000-4000 r-xp 00000000 08:01 7 /\(String(repeating: "b", count: 99))\n"
                .utf8)
        let whole = MapsParser(parsing: text)
        #expect(whole.mappings.count == 2)
        for size in 1..<text.count {
            var parser = MapsParser()
            for start in stride(from: 0, to: text.count, by: size) {
                Array(text[start..<min(start + size, text.count)]).withUnsafeBytes { parser.consume($0) }
            }
            #expect(parser.mappings == whole.mappings && parser.malformedLines == 0)
        }
        var parser = MapsParser()
        let endless = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000)
        for _ in 0..<10 { endless.withUnsafeBytes { parser.consume($0) } }
        (Array("\n".utf8) + text).withUnsafeBytes { parser.consume($0) }
        #expect(parser.malformedLines == 1 && parser.mappings == whole.mappings)
    }
}
