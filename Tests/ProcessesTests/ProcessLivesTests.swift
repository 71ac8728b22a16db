import Testing

@testable import Processes

private let second: UInt64 = 1_000_000_000

/// By reference, so that expectations can change it.
private final class Table {
    var table: ProcessTable
    init(_ limits: ProcessTableLimits = ProcessTableLimits()) { table = ProcessTable(limits: limits) }

    func sampled(_ pid: ProcessID, at time: UInt64) { table.sampled(pid: pid, tid: pid, timeNanoseconds: time) }
    func life(of pid: ProcessID, at time: UInt64) -> ProcessKey? { table.life(of: pid, at: time) }
    func wantFacts(_ key: ProcessKey, now: UInt64) -> Bool { table.wantFacts(key, now: now) }
    func facts(of key: ProcessKey) -> ProcessFacts? { table.facts(of: key) }
    func factsFailed(_ key: ProcessKey, now: UInt64) { table.factsFailed(key, now: now) }
    func factsRead(_ key: ProcessKey, _ facts: ProcessFacts, endedAtNanoseconds: UInt64) {
        table.factsRead(key, facts, endedAtNanoseconds: endedAtNanoseconds)
    }
}

/// Which life of a process a sample belongs to, and what is known of it.
struct ProcessLivesTests {
    private func facts(_ name: String) -> ProcessFacts {
        var facts = ProcessFacts(commandName: name)
        facts.executablePath = "/bin/\(name)"
        facts.containerID = "container"
        return facts
    }

    private func exec(_ table: Table, _ pid: ProcessID, _ name: String, at time: UInt64) {
        table.table.apply(
            SideBandRecord(
                timeNanoseconds: time, event: .commandName(pid: pid, tid: pid, name: name, isExec: true)))
        table.table.apply(
            SideBandRecord(
                timeNanoseconds: time + 1,
                event: .mapping(
                    pid: pid, tid: pid,
                    Mapping(
                        start: 0x1000, end: 0x2000,
                        file: MappedFileIdentity(deviceMajor: 8, deviceMinor: 1, inode: 5), kind: .file,
                        path: "/bin/\(name)"))))
    }

    @Test func aSampleFromBeforeAnExecBelongsToTheOldProgram() throws {
        let table = Table()
        table.sampled(7, at: 10 * second)
        let old = try #require(table.life(of: 7, at: 10 * second))
        #expect(table.wantFacts(old, now: 10 * second))
        #expect(!table.wantFacts(old, now: 10 * second), "asked once")
        table.factsRead(old, facts("sh"), endedAtNanoseconds: 10 * second + 5)
        #expect(!table.wantFacts(old, now: 10 * second), "known")

        exec(table, 7, "python", at: 11 * second)
        let new = try #require(table.life(of: 7, at: 11 * second))
        #expect(new != old)
        #expect(table.life(of: 7, at: 11 * second - 1) == old)
        #expect(table.life(of: 7, at: 1) == old, "older than all that is known")
        #expect(table.life(of: 7, at: 99 * second) == new)
        #expect(table.facts(of: old)?.executablePath == "/bin/sh")
        // Not read yet: what events told.
        #expect(table.facts(of: new)?.executablePath == "/bin/python")
        #expect(table.facts(of: new)?.commandName == "python")

        #expect(table.wantFacts(new, now: 11 * second))
        exec(table, 7, "ls", at: 12 * second)
        // Read when it was over already: these are the next program's.
        table.factsRead(new, facts("ls"), endedAtNanoseconds: 12 * second + 1)
        #expect(table.facts(of: new)?.executablePath == "/bin/python")
    }

    @Test func factsThatWereReadInTimeCountAfterTheEnd() throws {
        let table = Table()
        table.sampled(7, at: 10 * second)
        let old = try #require(table.life(of: 7, at: 10 * second))
        #expect(table.wantFacts(old, now: 10 * second))
        exec(table, 7, "python", at: 11 * second)
        #expect(table.facts(of: old) == nil)
        table.factsRead(old, facts("sh"), endedAtNanoseconds: 11 * second)
        #expect(table.facts(of: old)?.executablePath == "/bin/sh")
    }

    @Test func aChildRunsItsParentsProgramUntilItExecutesItsOwn() throws {
        let table = Table()
        table.sampled(7, at: 10 * second)
        let parent = try #require(table.life(of: 7, at: 10 * second))
        #expect(table.wantFacts(parent, now: 10 * second))
        table.factsRead(parent, facts("sh"), endedAtNanoseconds: 10 * second)
        table.table.apply(SideBandRecord(timeNanoseconds: 11 * second, event: .fork(pid: 8, tid: 8, parentPID: 7)))
        table.sampled(8, at: 11 * second + 1)
        let child = try #require(table.life(of: 8, at: 11 * second + 1))
        #expect(table.facts(of: child)?.executablePath == "/bin/sh")
        #expect(table.facts(of: child)?.containerID == "container" && table.facts(of: child)?.parentPID == 7)
        exec(table, 8, "ls", at: 12 * second)
        let own = try #require(table.life(of: 8, at: 12 * second))
        #expect(table.facts(of: own)?.executablePath == "/bin/ls")
        #expect(table.facts(of: own)?.containerID == "container")
        #expect(table.facts(of: child)?.executablePath == "/bin/sh", "what the child was before")
    }

    @Test func failuresAreTriedAgainLater() throws {
        let table = Table()
        table.sampled(7, at: 10 * second)
        let key = try #require(table.life(of: 7, at: 10 * second))
        #expect(table.wantFacts(key, now: 10 * second))
        table.factsFailed(key, now: 12 * second)
        #expect(!table.wantFacts(key, now: 13 * second))
        #expect(table.wantFacts(key, now: 43 * second))
    }

    /// A process that executes itself without end does not fill memory.
    @Test func endedLivesAreBoundedInNumberAndTime() throws {
        var limits = ProcessTableLimits()
        limits.processes = 100
        let table = Table(limits)
        for round in 1...1000 as ClosedRange<UInt64> {
            exec(table, 7, "program-\(round)", at: round * 1000)
            table.sampled(7, at: round * 1000 + 10)
        }
        #expect(table.table.endedInOrder.count == 100 && table.table.endedLives[7]?.count == 100)
        _ = table.table.takeActions(now: 100 * second)
        #expect(table.table.endedInOrder.count == 0 && table.table.endedLives.isEmpty)
    }
}
