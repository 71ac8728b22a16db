import TestRandomness
import Testing

@testable import Processes

private let millisecond: UInt64 = 1_000_000
private let second: UInt64 = 1_000_000_000

private func file(_ start: UInt64, inode: UInt64, offset: UInt64 = 0, pages: UInt64 = 1) -> Mapping {
    Mapping(
        start: start, end: start + pages * 0x1000, fileOffset: offset,
        file: MappedFileIdentity(deviceMajor: 8, deviceMinor: 1, inode: inode), kind: .file, path: "/bin/file-\(inode)")
}

/// A table and a clock; actions are answered by the test.
private struct Scene {
    var table: ProcessTable
    var now: UInt64 = 10 * second

    init(_ limits: ProcessTableLimits = ProcessTableLimits()) {
        table = ProcessTable(limits: limits)
        _ = table.takeActions(now: now)
    }

    mutating func apply(_ event: SideBandRecord.Event) {
        now += 1000
        table.apply(SideBandRecord(timeNanoseconds: now, event: event))
    }

    mutating func sampled(_ pid: ProcessID, tid: ProcessID? = nil) {
        now += 1000
        table.sampled(pid: pid, tid: tid ?? pid, timeNanoseconds: now)
    }

    mutating func actions(after nanoseconds: UInt64 = 1000) -> [ProcessAction] {
        now += nanoseconds
        return table.takeActions(now: now)
    }

    mutating func exec(_ pid: ProcessID, mapping mappings: [Mapping]) {
        apply(.commandName(pid: pid, tid: pid, name: "program", isExec: true))
        for mapping in mappings { apply(.mapping(pid: pid, tid: pid, mapping)) }
    }

    mutating func read(_ pid: ProcessID, _ mappings: [Mapping], startTime: UInt64 = 0) throws {
        now += 1000
        let key = try #require(table.key(of: pid))
        table.mappingsRead(key, mappings: mappings, startTimeTicks: startTime, startedAtNanoseconds: now)
    }

    func key(_ pid: ProcessID) throws -> ProcessKey { try #require(table.key(of: pid)) }
}

struct ProcessTableTests {
    @Test func anUnknownProcessIsReadWhenSampledAndThenPublished() throws {
        var scene = Scene()
        scene.sampled(7, tid: 9)
        let key = try scene.key(7)
        #expect(scene.actions() == [.readMappings(key, thread: 9)])
        #expect(scene.table.mappings(of: 7) == nil)
        scene.sampled(7)
        #expect(scene.actions() == [])
        try scene.read(7, [file(0x2000, inode: 2), file(0x1000, inode: 1)])
        let list = [file(0x1000, inode: 1), file(0x2000, inode: 2)]
        #expect(
            scene.actions() == [
                .acquire(ExecutableReference(file: list[0].file, kind: .file), process: key, mapping: list[0]),
                .acquire(ExecutableReference(file: list[1].file, kind: .file), process: key, mapping: list[1]),
                .publish(key, mappings: list),
            ])
        #expect(scene.table.mappings(of: key) == list)
    }

    @Test func aProcessWhoseExecWasSeenNeedsNoRead() throws {
        var scene = Scene()
        scene.apply(.fork(pid: 20, tid: 20, parentPID: 1))
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        #expect(scene.actions() == [])
        scene.sampled(20)
        let key = try scene.key(20)
        #expect(scene.actions().last == .publish(key, mappings: [file(0x1000, inode: 1)]))
        let facts = try #require(scene.table.facts(of: key))
        #expect(facts.executablePath == "/bin/file-1" && facts.commandName == "program" && facts.parentPID == 1)
        // dlopen: a new list.
        scene.apply(.mapping(pid: 20, tid: 21, file(0x9000, inode: 3)))
        #expect(
            scene.actions() == [
                .acquire(
                    ExecutableReference(file: file(0, inode: 3).file, kind: .file), process: key,
                    mapping: file(0x9000, inode: 3)),
                .publish(key, mappings: [file(0x1000, inode: 1), file(0x9000, inode: 3)]),
            ])
        #expect(scene.table.counters.requestedReads == 0)
    }

    @Test func aChildHasItsParentsMappings() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.apply(.fork(pid: 21, tid: 21, parentPID: 20))
        scene.apply(.mapping(pid: 20, tid: 20, file(0x3000, inode: 2)))
        scene.sampled(21)
        #expect(scene.actions().last == .publish(try scene.key(21), mappings: [file(0x1000, inode: 1)]))
        // The child of a process that is not known is not known either.
        scene.apply(.fork(pid: 23, tid: 23, parentPID: 22))
        scene.sampled(23)
        #expect(scene.actions() == [.readMappings(try scene.key(23), thread: 23)])
    }

    @Test func execRetractsThenPublishesUnderANewKeyWithoutLettingGoOfWhatStays() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1), file(0x2000, inode: 2)])
        scene.sampled(20)
        _ = scene.actions()
        let old = try scene.key(20)
        scene.exec(20, mapping: [file(0x5000, inode: 3), file(0x7000, inode: 2)])
        let new = try scene.key(20)
        #expect(new != old)
        #expect(
            scene.actions() == [
                .retract(old),
                .acquire(
                    ExecutableReference(file: file(0, inode: 3).file, kind: .file), process: new,
                    mapping: file(0x5000, inode: 3)),
                .publish(new, mappings: [file(0x5000, inode: 3), file(0x7000, inode: 2)]),
                .release(ExecutableReference(file: file(0, inode: 1).file, kind: .file)),
            ])
        // An answer about the old program changes nothing.
        scene.table.mappingsRead(old, mappings: [], startTimeTicks: 0, startedAtNanoseconds: scene.now)
        scene.table.liveness(old, threads: 0, startTimeTicks: 0, now: scene.now)
        #expect(scene.actions(after: 5 * second) == [])
    }

    @Test func executablesAreSharedAndReleasedWithTheirLastProcess() throws {
        var scene = Scene()
        for pid in ProcessID(20)...21 {
            scene.exec(pid, mapping: [file(0x1000, inode: 1), file(0x2000, inode: 1, offset: 0x1000)])
            scene.sampled(pid)
        }
        let reference = ExecutableReference(file: file(0, inode: 1).file, kind: .file)
        let acquired = scene.actions().filter { if case .acquire = $0 { true } else { false } }
        #expect(acquired.count == 1)
        let keys = [try scene.key(20), try scene.key(21)]
        scene.apply(.exit(pid: 20, tid: 20))
        #expect(scene.actions() == [])
        #expect(scene.actions(after: 3 * second) == [.retract(keys[0])])
        scene.apply(.exit(pid: 21, tid: 21))
        #expect(scene.actions(after: 3 * second) == [.retract(keys[1]), .release(reference)])
        #expect(scene.table.count == 0)
    }

    @Test func anExecutableThatCouldNotBeOpenedIsTriedWithTheNextProcess() throws {
        var scene = Scene()
        let reference = ExecutableReference(file: file(0, inode: 1).file, kind: .file)
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.sampled(20)
        _ = scene.actions()
        scene.table.executableUnavailable(reference)
        scene.exec(21, mapping: [file(0x1000, inode: 1)])
        scene.sampled(21)
        let key = try scene.key(21)
        #expect(scene.actions().first == .acquire(reference, process: key, mapping: file(0x1000, inode: 1)))
    }

    @Test func theProcessOutlivesItsMainThread() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.apply(.fork(pid: 20, tid: 21, parentPID: 20))
        scene.sampled(20, tid: 21)
        _ = scene.actions()
        scene.apply(.exit(pid: 20, tid: 20))
        #expect(scene.actions(after: 5 * second) == [])
        #expect(scene.table.mappings(of: 20) != nil)
        let key = try scene.key(20)
        scene.apply(.exit(pid: 20, tid: 21))
        #expect(scene.actions(after: 5 * second).first == .retract(key))
    }

    /// The process is older than the profiler, so nobody counted its threads.
    @Test func livenessIsAskedWhenTheMainThreadOfAnOldProcessExits() throws {
        var scene = Scene()
        scene.sampled(20)
        _ = scene.actions()
        try scene.read(20, [file(0x1000, inode: 1)])
        _ = scene.actions()
        let key = try scene.key(20)
        scene.apply(.exit(pid: 20, tid: 25))
        #expect(scene.actions() == [])
        scene.apply(.exit(pid: 20, tid: 20))
        #expect(scene.actions() == [.checkLiveness(key)])
        scene.table.liveness(key, threads: 2, startTimeTicks: 5, now: scene.now)
        // As long as it has no main thread it is looked at every second.
        #expect(scene.actions(after: 2 * second) == [.checkLiveness(key)])
        scene.table.liveness(key, threads: 1, startTimeTicks: 5, now: scene.now)
        #expect(scene.actions() == [])
        #expect(scene.actions(after: 3 * second).first == .retract(key))
    }

    @Test func samplesAfterAnExitProveThatTheProcessLives() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.sampled(20)
        _ = scene.actions()
        let key = try scene.key(20)
        scene.apply(.exit(pid: 20, tid: 20))
        // A sample from before the exit that came late proves nothing.
        scene.table.sampled(pid: 20, tid: 20, timeNanoseconds: scene.now - 1)
        scene.sampled(20)
        #expect(scene.actions(after: 3 * second) == [.checkLiveness(key)])
        #expect(scene.table.mappings(of: key) != nil)
    }

    @Test func aLateSampleFindsTheProcessDuringItsGrace() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.apply(.exit(pid: 20, tid: 20))
        scene.table.sampled(pid: 20, tid: 20, timeNanoseconds: scene.now - 1)
        #expect(scene.actions().last == .publish(try scene.key(20), mappings: [file(0x1000, inode: 1)]))
        #expect(scene.actions(after: 3 * second).count == 2)
        #expect(scene.table.key(of: 20) == nil)
    }

    @Test func aForkWithAKnownPidIsANewProcess() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.sampled(20)
        _ = scene.actions()
        let old = try scene.key(20)
        scene.apply(.fork(pid: 20, tid: 20, parentPID: 1))
        scene.sampled(20)
        let new = try scene.key(20)
        #expect(new != old)
        let actions = scene.actions()
        #expect(actions.first == .retract(old))
        #expect(actions.contains(.readMappings(new, thread: 20)))
        #expect(scene.table.counters.reusedPIDs == 1)
    }

    @Test func anotherStartTimeIsANewProcess() throws {
        var scene = Scene()
        scene.sampled(20)
        _ = scene.actions()
        try scene.read(20, [file(0x1000, inode: 1)], startTime: 100)
        _ = scene.actions()
        let old = try scene.key(20)
        scene.table.liveness(old, threads: 1, startTimeTicks: 200, now: scene.now)
        let new = try scene.key(20)
        #expect(
            scene.actions() == [
                .retract(old), .readMappings(new, thread: 20),
                .release(ExecutableReference(file: file(0, inode: 1).file, kind: .file)),
            ])
    }

    /// Samples come through another buffer than events and may overtake them.
    @Test func eventsOlderThanAReadAreContainedInIt() throws {
        var scene = Scene()
        let start = scene.now
        scene.now += second
        scene.sampled(20)
        _ = scene.actions()
        try scene.read(20, [file(0x1000, inode: 1)])
        let late: [SideBandRecord.Event] = [
            .fork(pid: 20, tid: 20, parentPID: 1), .commandName(pid: 20, tid: 20, name: "program", isExec: true),
            .mapping(pid: 20, tid: 20, file(0x1000, inode: 9)),
        ]
        for (index, event) in late.enumerated() {
            scene.table.apply(SideBandRecord(timeNanoseconds: start + UInt64(index), event: event))
        }
        let key = try scene.key(20)
        #expect(scene.actions().last == .publish(key, mappings: [file(0x1000, inode: 1)]))
        // Its threads are counted from the fork on.
        scene.apply(.exit(pid: 20, tid: 20))
        #expect(scene.actions(after: 3 * second).first == .retract(key))
    }

    /// Reading takes time: what is mapped meanwhile may or may not be in what was read.
    @Test func mappingsThatComeWhileReadingAreNotLost() throws {
        var scene = Scene()
        scene.sampled(7)
        let key = try scene.key(7)
        #expect(scene.actions() == [.readMappings(key, thread: 7)])
        let start = scene.now
        scene.apply(.mapping(pid: 7, tid: 7, file(0x5000, inode: 2)))
        scene.apply(.mapping(pid: 7, tid: 7, file(0x1000, inode: 3)))
        scene.table.mappingsRead(
            key, mappings: [file(0x1000, inode: 1)], startTimeTicks: 1, startedAtNanoseconds: start)
        #expect(scene.table.mappings(of: 7) == [file(0x1000, inode: 3), file(0x5000, inode: 2)])
        // The next read begins after those events and knows better.
        scene.table.missingMapping(pid: 7, tid: 7, timeNanoseconds: scene.now)
        let actions = scene.actions(after: second)
        #expect(actions.contains(.readMappings(key, thread: 7)))
        scene.table.mappingsRead(
            key, mappings: [file(0x1000, inode: 3)], startTimeTicks: 1, startedAtNanoseconds: scene.now)
        #expect(scene.table.mappings(of: 7) == [file(0x1000, inode: 3)])
    }

    @Test func moreMappingsThanAreKeptWhileReadingCauseAnotherRead() throws {
        var limits = ProcessTableLimits()
        limits.mappingsPerProcess = 4
        var scene = Scene(limits)
        scene.sampled(7)
        let key = try scene.key(7)
        _ = scene.actions()
        let start = scene.now
        for _ in 0..<9 { scene.apply(.mapping(pid: 7, tid: 7, file(0x5000, inode: 2))) }
        scene.table.mappingsRead(key, mappings: [], startTimeTicks: 1, startedAtNanoseconds: start)
        let actions = scene.actions(after: second)
        #expect(actions.contains(.readMappings(key, thread: 7)))
    }

    @Test func anExecWhileReadingLeavesTheAnswerWithoutEffect() throws {
        var scene = Scene()
        scene.sampled(7)
        let key = try scene.key(7)
        _ = scene.actions()
        scene.exec(7, mapping: [file(0x1000, inode: 9)])
        scene.table.mappingsRead(
            key, mappings: [file(0x1000, inode: 1)], startTimeTicks: 1, startedAtNanoseconds: scene.now)
        #expect(scene.table.mappings(of: 7) == [file(0x1000, inode: 9)])
        // And the new program can be read in its turn.
        scene.table.missingMapping(pid: 7, tid: 7, timeNanoseconds: scene.now)
        let actions = scene.actions(after: second)
        #expect(actions.contains(.readMappings(try scene.key(7), thread: 7)))
    }

    @Test func aChildSampledBeforeItsForkWasReadNeedsNoRead() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        let forkTime = scene.now + 1
        scene.now += second
        scene.sampled(21)
        scene.table.apply(
            SideBandRecord(timeNanoseconds: forkTime, event: .fork(pid: 21, tid: 21, parentPID: 20)))
        #expect(scene.actions().last == .publish(try scene.key(21), mappings: [file(0x1000, inode: 1)]))
        #expect(scene.table.counters.requestedReads == 0)
    }

    @Test func exitedProcessesAreForgottenInTheirOrder() throws {
        var scene = Scene()
        for pid in ProcessID(1)...3000 {
            scene.apply(.fork(pid: pid, tid: pid, parentPID: 0))
            scene.apply(.exit(pid: pid, tid: pid))
        }
        #expect(scene.actions() == [] && scene.table.count == 3000)
        #expect(scene.table.nextDeadlineNanoseconds < scene.now + 2 * second)
        scene.sampled(7)
        // The first exit was at 2 microseconds, the last at 6 milliseconds.
        _ = scene.actions(after: 2 * second - 3 * millisecond)
        #expect((1000...2000).contains(scene.table.count))
        #expect(scene.table.key(of: 7) != nil && scene.table.key(of: 8) == nil)
        let key = try scene.key(7)
        scene.table.liveness(key, threads: 0, startTimeTicks: 0, now: scene.now)
        _ = scene.actions(after: 2 * second)
        #expect(scene.table.count == 0)
        _ = scene.actions(after: second)
        #expect(scene.table.nextDeadlineNanoseconds > scene.now + 10 * second)
    }

    @Test func lostEventsCauseReadsOfPublishedProcessesOnly() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.exec(21, mapping: [file(0x1000, inode: 1)])
        scene.sampled(20)
        _ = scene.actions()
        let key = try scene.key(20)
        scene.apply(.lost(count: 5))
        let actions = scene.actions()
        #expect(actions.first == .readMappings(key, thread: 20))
        #expect(actions.count == 3)  // and whether the two still live
        #expect(scene.table.counters.lostEvents == 5)
        try scene.read(20, [file(0x1000, inode: 1), file(0x4000, inode: 2)])
        #expect(scene.actions().last == .publish(key, mappings: [file(0x1000, inode: 1), file(0x4000, inode: 2)]))
        scene.sampled(21)
        #expect(scene.actions() == [.readMappings(try scene.key(21), thread: 21)])
    }

    @Test func anExecAmongTheLostEventsIsFoundByTheRead() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.sampled(20)
        _ = scene.actions()
        let old = try scene.key(20)
        scene.apply(.lost(count: 5))
        _ = scene.actions()
        try scene.read(20, [file(0x7000, inode: 2)])
        #expect(try scene.key(20) != old)
        #expect(scene.actions().first == .retract(old))
    }

    @Test func readsOfOneProcessBackOff() throws {
        var scene = Scene()
        scene.exec(20, mapping: [file(0x1000, inode: 1)])
        scene.sampled(20)
        _ = scene.actions()
        let key = try scene.key(20)
        var reads = 0
        let start = scene.now
        while scene.now < start + 3 * second {
            scene.table.missingMapping(pid: 20, tid: 20, timeNanoseconds: scene.now)
            if scene.actions(after: 10 * millisecond).contains(.readMappings(key, thread: 20)) {
                reads += 1
                try scene.read(20, [file(0x1000, inode: 1)])
            }
        }
        // At 0, 0.2, 0.6, 1.4 and 3.0 seconds.
        #expect((4...5).contains(reads))
        #expect(scene.table.counters.deferredReads > 0)
    }

    @Test func aSampleFromBeforeTheLastReadDoesNotCauseAnother() throws {
        var scene = Scene()
        scene.sampled(20)
        _ = scene.actions()
        try scene.read(20, [file(0x1000, inode: 1)])
        _ = scene.actions()
        scene.table.missingMapping(pid: 20, tid: 20, timeNanoseconds: scene.now - 1500)
        #expect(scene.actions(after: second) == [])
    }

    /// Whoever waits for the process to become known must not wait for ever.
    @Test(arguments: [ProcessReadFailure.gone, .notPermitted, .other(5)])
    func aFailedReadPublishesWhatIsKnown(failure: ProcessReadFailure) throws {
        var scene = Scene()
        scene.sampled(20)
        _ = scene.actions()
        let key = try scene.key(20)
        scene.table.readFailed(key, failure, now: scene.now)
        #expect(scene.actions() == [.publish(key, mappings: [])])
        #expect((scene.actions(after: 3 * second) == [.retract(key)]) == (failure == .gone))
    }

    @Test func theTableIsBoundedAndForgetsUnsampledProcessesFirst() throws {
        var limits = ProcessTableLimits()
        limits.processes = 32
        limits.mappingsPerProcess = 3
        var scene = Scene(limits)
        scene.exec(1000, mapping: (0..<5).map { file(0x1000 * (2 * $0 + 1), inode: 1) })
        scene.sampled(1000)
        for pid in ProcessID(1)...200 { scene.apply(.fork(pid: pid, tid: pid, parentPID: 1000)) }
        #expect(scene.table.count <= 32)
        #expect(scene.table.mappings(of: 1000)?.count == 3)
        #expect(scene.table.mappings(of: 200)?.count == 3)
        #expect(scene.table.counters.droppedMappings == 2)
        #expect(scene.table.counters.evictedProcesses >= 169)
    }

    @Test func everyProcessIsCheckedNowAndThen() throws {
        var scene = Scene()
        scene.exec(20, mapping: [])
        let key = try scene.key(20)
        #expect(scene.actions(after: 59 * second) == [])
        #expect(scene.actions(after: 2 * second) == [.checkLiveness(key)])
        #expect(scene.actions() == [])
        #expect(scene.table.nextDeadlineNanoseconds > scene.now + 50 * second)
    }

    /// Any order of events and answers keeps the table's promises to its reader: publish and retract alternate rightly,
    /// executables are acquired before use and released after, lists are sorted and do not overlap.
    @Test func randomHistoriesKeepTheContract() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        for _ in 0..<60 {
            var limits = ProcessTableLimits()
            limits.processes = 12
            var scene = Scene(limits)
            var published: [ProcessID: (key: ProcessKey, mappings: [Mapping])] = [:]
            var acquired: Set<ExecutableReference> = []
            for _ in 0..<400 {
                let pid = ProcessID.random(in: 1...20, using: &random)
                let tid = pid + ProcessID.random(in: 0...1, using: &random)
                let mapping = file(
                    UInt64.random(in: 1...8, using: &random) << 12, inode: UInt64.random(in: 1...5, using: &random),
                    pages: UInt64.random(in: 1...3, using: &random))
                switch Int.random(in: 0..<10, using: &random) {
                case 0: scene.apply(.commandName(pid: pid, tid: pid, name: "x", isExec: true))
                case 1: scene.apply(.fork(pid: pid, tid: tid, parentPID: ProcessID.random(in: 1...20, using: &random)))
                case 2: scene.apply(.exit(pid: pid, tid: tid))
                case 3: if Int.random(in: 0..<10, using: &random) == 0 { scene.apply(.lost(count: 1)) }
                case 4, 5: scene.sampled(pid, tid: tid)
                case 6: scene.table.missingMapping(pid: pid, tid: tid, timeNanoseconds: scene.now)
                default: scene.apply(.mapping(pid: pid, tid: tid, mapping))
                }
                for action in scene.actions(after: UInt64.random(in: 0...second, using: &random)) {
                    switch action {
                    case .readMappings(let key, _):
                        if Bool.random(using: &random) {
                            scene.table.mappingsRead(
                                key, mappings: [mapping], startTimeTicks: UInt64.random(in: 1...2, using: &random),
                                startedAtNanoseconds: scene.now)
                        } else {
                            scene.table.readFailed(key, .gone, now: scene.now)
                        }
                    case .checkLiveness(let key):
                        scene.table.liveness(
                            key, threads: Int.random(in: 0...2, using: &random), startTimeTicks: 1, now: scene.now)
                    case .acquire(let reference, let key, let mapping):
                        #expect(acquired.insert(reference).inserted, "seed \(seed)")
                        #expect(mapping.executable == reference && key.generation > 0, "seed \(seed)")
                    case .publish(let key, let mappings):
                        #expect(published[key.pid].map { $0.key == key } ?? true, "seed \(seed)")
                        published[key.pid] = (key, mappings)
                        #expect(
                            zip(mappings, mappings.dropFirst()).allSatisfy { $0.end <= $1.start }, "seed \(seed)")
                        #expect(acquired.isSuperset(of: mappings.compactMap(\.executable)), "seed \(seed)")
                    case .retract(let key):
                        #expect(published.removeValue(forKey: key.pid)?.key == key, "seed \(seed)")
                    case .release(let reference):
                        #expect(acquired.remove(reference) != nil, "seed \(seed)")
                        let users = published.values.filter { $0.mappings.contains { $0.executable == reference } }
                        #expect(users.isEmpty, "seed \(seed)")
                    }
                }
                #expect(scene.table.count <= 12, "seed \(seed)")
            }
        }
    }
}
