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
    func wantContext(_ key: ProcessKey, now: UInt64) -> ContextQuestion? { table.wantContext(key, now: now) }
    func contextRead(_ key: ProcessKey, _ answer: ContextAnswer?, now: UInt64) {
        table.contextRead(key, answer, now: now)
    }
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

    /// A shell's child executes its program before any sample of it has been read; the sample is the shell's all the same.
    @Test func aSampleMayComeAfterItsLifeHasEnded() throws {
        let table = Table()
        table.table.apply(SideBandRecord(timeNanoseconds: 10 * second, event: .fork(pid: 7, tid: 7, parentPID: 1)))
        exec(table, 7, "sh", at: 10 * second + 1)
        let shell = table.table.mappings(of: 7)
        table.table.apply(SideBandRecord(timeNanoseconds: 11 * second, event: .fork(pid: 8, tid: 8, parentPID: 7)))
        exec(table, 8, "ls", at: 12 * second)
        #expect(shell?.isEmpty == false && shell != table.table.mappings(of: 8))
        table.sampled(8, at: 11 * second + 5)
        let ended = try #require(table.table.endedMappings(of: 8, at: 11 * second + 5))
        #expect(ended.mappings == shell)
        #expect(ended.key == table.life(of: 8, at: 11 * second + 5))
        #expect(table.facts(of: ended.key)?.executablePath == "/bin/sh")
        #expect(table.table.endedMappings(of: 8, at: 12 * second) == nil, "the present life's are the table's")
    }

    @Test func unsampledLivesAreBoundedInNumberAndTime() {
        let table = Table()
        for pid in 100..<5100 as Range<ProcessID> {
            let time = 10 * second + UInt64(pid) * 1000
            table.table.apply(SideBandRecord(timeNanoseconds: time, event: .fork(pid: 99, tid: 99, parentPID: 1)))
            exec(table, 99, "sh", at: time + 1)
            table.table.apply(SideBandRecord(timeNanoseconds: time + 2, event: .fork(pid: pid, tid: pid, parentPID: 99)))
            exec(table, pid, "ls", at: time + 3)
        }
        #expect(table.table.unsampledLives.count == ProcessTable.unsampledLivesLimit)
        #expect(table.table.endedLives.count == ProcessTable.unsampledLivesLimit)
        _ = table.table.takeActions(now: 100 * second)
        #expect(table.table.unsampledLives.count == 0 && table.table.endedLives.isEmpty)
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

    /// The program is known by its execve alone: that names the service too.
    @Test func aLifeThatWasNeverReadHasAService() throws {
        let table = Table()
        table.sampled(7, at: 10 * second)
        exec(table, 7, "batch", at: 11 * second)
        table.sampled(7, at: 11 * second + 5)
        let life = try #require(table.life(of: 7, at: 11 * second + 5))
        #expect(table.wantFacts(life, now: 11 * second + 5))
        table.factsFailed(life, now: 11 * second + 6)
        #expect(table.facts(of: life)?.service == ServiceName("batch", source: .executable))
    }

    @Test func aContextIsLookedForLessAndLessUntilThereIsOne() throws {
        let table = Table()
        table.sampled(7, at: second)
        let life = try #require(table.life(of: 7, at: second))
        #expect(table.wantContext(life, now: second) == nil, "nothing else is known yet")
        #expect(table.wantFacts(life, now: second))
        table.factsRead(life, facts("sh"), endedAtNanoseconds: second)
        var now = second
        for wait: UInt64 in [1, 2, 4, 8, 16, 32, 32] {
            #expect(table.wantContext(life, now: now) == ContextQuestion(place: nil))
            #expect(table.wantContext(life, now: now) == nil, "asked once")
            table.contextRead(life, .unchanged, now: now)
            #expect(table.wantContext(life, now: now + wait * second - 1) == nil)
            now += wait * second
        }
        let context = ProcessContext(attributes: [.init(key: "service.name", value: .string("cart"))])
        let place = ProcessContextPlace(address: 8, publishedAt: 1)
        #expect(table.wantContext(life, now: now) != nil)
        table.contextRead(life, .read(place, context), now: now)
        #expect(table.facts(of: life)?.service == ServiceName("cart", source: .processContext))
        now += second
        #expect(table.wantContext(life, now: now) == ContextQuestion(place: place))
        // It was not read in time: what is known stays.
        table.contextRead(life, nil, now: now)
        #expect(table.facts(of: life)?.context == context)
        #expect(table.wantContext(life, now: now + second) == ContextQuestion(place: place))
        table.contextRead(life, .read(nil, nil), now: now + second)
        #expect(table.facts(of: life)?.context == nil)
    }
}
