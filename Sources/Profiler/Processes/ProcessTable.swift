/// Who runs on this host, and which executable memory each process has: a pure state machine, without input, output or
/// clock of its own.
///
/// Events go in by `apply`, `sampled` and the answers to its questions; what has to be done comes out of `takeActions`.
/// Times are CLOCK_MONOTONIC nanoseconds.
///
/// What it rests on:
/// - A process whose `fork` or `execve` was seen is *complete*: its mappings follow from events alone and nothing is
///   read. Any other is read from `/proc` when its first sample arrives.
/// - `munmap` gives no event. A new mapping replaces what it overlaps; ranges that were only unmapped stay until the
///   next read, which is harmless, since no program counter lies there.
/// - Only processes that were sampled are published; the others cost an entry here.
/// - A process ends with its last thread, not with its main thread. Threads are counted where the birth of the process
///   was seen; for others `checkLiveness` asks when the main thread ends, and a slow sweep asks for all.
/// - Events can be older than an answer from `/proc`, since they wait in rings: whatever happened before a read started
///   is contained in what was read, and does not change it again.
public struct ProcessTable: Sendable {
    enum ReadState: Sendable { case idle, wanted, inFlight }

    struct Entry: Sendable {
        var key: ProcessKey
        var parentPID: ProcessID = 0
        /// Events of this pid that are older belong to an earlier life.
        var bornNanoseconds: UInt64
        /// Mapping events that are older are contained in `mappings`.
        var mappingsAsOfNanoseconds: UInt64
        var mappings: [Mapping] = []
        var isComplete: Bool
        /// Events were lost since the mappings were read; even an `execve` may be among them.
        var isSuspect = false
        /// Nil: not known, the process is older than the profiler or events were lost.
        var liveThreads: Int?
        var leaderExited = false
        /// Set when the last thread exited: when it will be forgotten.
        var forgetAtNanoseconds: UInt64?
        var exitedNanoseconds: UInt64 = 0
        /// Field 22 of `/proc/PID/stat`, 0 until it was read.
        var startTimeTicks: UInt64 = 0
        var isSampled = false
        var sampledThread: ProcessID
        var isDirty = false
        var published: [Mapping]?
        var readState = ReadState.idle
        var nextReadNanoseconds: UInt64 = 0
        var readDoublings: UInt8 = 0
        var lastUseNanoseconds: UInt64
        var commandName = ""
        /// The first file that `execve` mapped: the program itself.
        var programPath = ""
        /// Born by `fork`, and has not executed a program of its own.
        var runsParentsProgram = false
        var facts = FactsState.unknown
        var context = ContextState()
        /// Mapping events that came while `/proc` was being read, which may have missed them.
        var mappedMeanwhile = TimedMappings()
    }

    struct TimedMappings: Sendable {
        var list: [(timeNanoseconds: UInt64, mapping: Mapping)] = []
    }

    private struct ExecutableState: Sendable {
        var publishers = 0
        var isAcquired = false
    }

    public let limits: ProcessTableLimits
    public internal(set) var counters = ProcessTableCounters()
    var entries: [ProcessID: Entry] = [:]
    private var executables: [ExecutableReference: ExecutableState] = [:]
    private var unreferenced: Set<ExecutableReference> = []
    private var nextGeneration: UInt64 = 1
    /// Actions that must come before all that follows from the present state.
    private var immediate: [ProcessAction] = []
    private var dirty: Set<ProcessID> = []
    private var wantedReads: [ProcessID] = []
    private var livenessChecks: [ProcessID] = []
    /// Processes that have exited, those to be forgotten first in front; an entry counts only while the process's own
    /// time to be forgotten is the same.
    private var exited = FirstInFirstOut<(pid: ProcessID, forgetAtNanoseconds: UInt64)>()
    /// Lives that ended a short while ago, oldest first, and the order in which they will be forgotten.
    var endedLives: [ProcessID: [EndedLife]] = [:]
    var endedInOrder = FirstInFirstOut<(key: ProcessKey, forgetAtNanoseconds: UInt64)>()
    /// Those of them that had no sample when they ended.
    var unsampledLives = FirstInFirstOut<(key: ProcessKey, forgetAtNanoseconds: UInt64)>()
    /// Processes without main thread whose threads could not be counted: looked at in every round of the clock.
    var headless: Set<ProcessID> = []
    private var nextHeadlessCheckNanoseconds: UInt64 = 0
    private var nextSweepNanoseconds: UInt64 = 0
    private var internedPaths: [String: String] = [:]

    public init(limits: ProcessTableLimits = ProcessTableLimits()) {
        self.limits = limits
    }

    // MARK: - Looking up

    public var count: Int { entries.count }

    public func key(of pid: ProcessID) -> ProcessKey? { entries[pid]?.key }

    /// What is known of the process's executable memory; nil when the process is unknown or has not been read yet.
    public func mappings(of pid: ProcessID) -> [Mapping]? {
        guard let entry = entries[pid], entry.isComplete || entry.published != nil else { return nil }
        return entry.mappings
    }

    public func mappings(of key: ProcessKey) -> [Mapping]? {
        key == self.key(of: key.pid) ? mappings(of: key.pid) : nil
    }

    // MARK: - Samples

    /// A sample of this process was taken.
    public mutating func sampled(pid: ProcessID, tid: ProcessID, timeNanoseconds: UInt64) {
        guard pid > 0 else { return }
        keepSampledLife(of: pid, at: timeNanoseconds)
        guard let index = entries.index(forKey: pid) else {
            insert(bornNanoseconds: timeNanoseconds, pid: pid, tid: tid, isComplete: false)
            markSampled(pid)
            return
        }
        entries.values[index].lastUseNanoseconds = timeNanoseconds
        if let forgetAt = entries.values[index].forgetAtNanoseconds,
            timeNanoseconds > entries.values[index].exitedNanoseconds, forgetAt != 0
        {
            revive(pid)
        }
        if !entries.values[index].isSampled {
            entries.values[index].sampledThread = tid
            markSampled(pid)
        }
    }

    /// A program counter of a known process lies in none of its mappings: read them again, but not too often.
    public mutating func missingMapping(pid: ProcessID, tid: ProcessID, timeNanoseconds: UInt64) {
        sampled(pid: pid, tid: tid, timeNanoseconds: timeNanoseconds)
        guard let index = entries.index(forKey: pid), entries.values[index].forgetAtNanoseconds == nil else { return }
        // Read after the sample was taken: reading once more would find the same.
        if entries.values[index].isComplete, entries.values[index].mappingsAsOfNanoseconds > timeNanoseconds { return }
        entries.values[index].sampledThread = tid
        requestRead(pid, timeNanoseconds: timeNanoseconds)
    }

    private mutating func markSampled(_ pid: ProcessID) {
        guard let index = entries.index(forKey: pid) else { return }
        entries.values[index].isSampled = true
        if entries.values[index].isComplete {
            markDirty(pid)
        } else {
            requestRead(pid, timeNanoseconds: entries.values[index].lastUseNanoseconds)
        }
    }

    // MARK: - Answers

    /// The answer to `readMappings`.
    /// - Parameters:
    ///   - mappings: executable mappings in any order.
    ///   - startTimeTicks: field 22 of `/proc/PID/stat`, 0 when it could not be read.
    ///   - startedAtNanoseconds: CLOCK_MONOTONIC before the file was opened.
    public mutating func mappingsRead(
        _ key: ProcessKey, mappings: [Mapping], startTimeTicks: UInt64, startedAtNanoseconds: UInt64
    ) {
        guard let index = entries.index(forKey: key.pid), entries.values[index].key == key else { return }
        if entries.values[index].startTimeTicks != 0, startTimeTicks != 0,
            entries.values[index].startTimeTicks != startTimeTicks
        {
            restart(key.pid, bornNanoseconds: startedAtNanoseconds)
        }
        var list: [Mapping] = []
        for mapping in mappings.sorted(by: { $0.start < $1.start }) {
            if list.count >= limits.mappingsPerProcess {
                counters.droppedMappings &+= 1
                continue
            }
            var interned = mapping
            interned.path = intern(mapping.path)
            list.replaceRange(with: interned)
        }
        guard let index = entries.index(forKey: key.pid) else { return }
        let meanwhile = entries.values[index].mappedMeanwhile.list
        for (time, mapping) in meanwhile where time > startedAtNanoseconds && list.count < limits.mappingsPerProcess {
            list.replaceRange(with: mapping)
        }
        let changed = !entries.values[index].mappings.elementsEqual(list) { $0.hasSameContent(as: $1) }
        let shared = entries.values[index].mappings.contains { old in
            old.kind == .file && list.contains { $0.start == old.start && $0.file == old.file }
        }
        if entries.values[index].isSuspect, changed, !shared, !entries.values[index].mappings.isEmpty {
            restart(key.pid, bornNanoseconds: startedAtNanoseconds)
        }
        guard let index = entries.index(forKey: key.pid) else { return }
        finishRead(&entries.values[index], changed: changed, now: startedAtNanoseconds)
        entries.values[index].isComplete = true
        entries.values[index].isSuspect = false
        entries.values[index].mappingsAsOfNanoseconds = startedAtNanoseconds
        if startTimeTicks != 0 { entries.values[index].startTimeTicks = startTimeTicks }
        if changed { entries.values[index].mappings = list }
        if changed || entries.values[index].published == nil { markDirty(key.pid) }
        if meanwhile.count >= limits.mappingsPerProcess { requestRead(key.pid, timeNanoseconds: startedAtNanoseconds) }
    }

    /// The other answer to `readMappings`. What events told stays, and is published even when it is nothing, so that
    /// nobody waits for a process that cannot be read.
    public mutating func readFailed(_ key: ProcessKey, _ failure: ProcessReadFailure, now: UInt64) {
        guard let index = entries.index(forKey: key.pid), entries.values[index].key == key else { return }
        finishRead(&entries.values[index], changed: false, now: now)
        entries.values[index].isComplete = true
        if entries.values[index].published == nil { markDirty(key.pid) }
        if failure == .gone { markExited(key.pid, timeNanoseconds: now) }
    }

    /// The answer to `checkLiveness`.
    /// - Parameters:
    ///   - threads: field 20 of `/proc/PID/stat`, 0 when there is no such process.
    ///   - startTimeTicks: field 22 of it.
    public mutating func liveness(_ key: ProcessKey, threads: Int, startTimeTicks: UInt64, now: UInt64) {
        guard let index = entries.index(forKey: key.pid), entries.values[index].key == key else { return }
        if threads <= 0 {
            markExited(key.pid, timeNanoseconds: now)
        } else if entries.values[index].startTimeTicks != 0, startTimeTicks != 0,
            entries.values[index].startTimeTicks != startTimeTicks
        {
            restart(key.pid, bornNanoseconds: now)
        } else if threads == 1, entries.values[index].leaderExited {
            // The one that is left is the main thread itself, a zombie that keeps the pid.
            markExited(key.pid, timeNanoseconds: now)
        } else {
            entries.values[index].startTimeTicks = startTimeTicks
        }
    }

    /// The answer to an `acquire` that failed: the next process that maps the executable is asked.
    public mutating func executableUnavailable(_ executable: ExecutableReference) {
        executables[executable]?.isAcquired = false
    }

    /// Counts mappings that the reader of a maps file left out.
    mutating func countDroppedMappings(_ count: Int) {
        counters.droppedMappings &+= UInt64(max(0, count))
    }

    private func finishRead(_ entry: inout Entry, changed: Bool, now: UInt64) {
        entry.readState = .idle
        entry.mappedMeanwhile = TimedMappings()
        if changed {
            entry.readDoublings = 0
        } else if entry.readDoublings < limits.maximumReadBackoffDoublings {
            entry.readDoublings += 1
        }
        entry.nextReadNanoseconds = now &+ (limits.firstReadBackoffNanoseconds << UInt64(entry.readDoublings))
    }

    // MARK: - Changes of state

    mutating func insert(
        bornNanoseconds: UInt64, pid: ProcessID, tid: ProcessID, isComplete: Bool, mappings: [Mapping] = []
    ) {
        if entries.count >= limits.processes { evict(now: bornNanoseconds) }
        entries[pid] = Entry(
            key: ProcessKey(pid: pid, generation: takeGeneration()), bornNanoseconds: bornNanoseconds,
            mappingsAsOfNanoseconds: isComplete ? bornNanoseconds : 0, mappings: mappings, isComplete: isComplete,
            sampledThread: tid, lastUseNanoseconds: bornNanoseconds)
    }

    mutating func takeGeneration() -> UInt64 {
        defer { nextGeneration &+= 1 }
        return nextGeneration
    }

    mutating func markDirty(_ pid: ProcessID) {
        dirty.insert(pid)
    }

    mutating func requestRead(_ pid: ProcessID, timeNanoseconds: UInt64) {
        guard let index = entries.index(forKey: pid), entries.values[index].readState == .idle else { return }
        entries.values[index].readState = .wanted
        // After a silence of 5 s the first wait is short again.
        if timeNanoseconds > entries.values[index].nextReadNanoseconds &+ 5_000_000_000 {
            entries.values[index].readDoublings = 0
        }
        wantedReads.append(pid)
    }

    mutating func requestLivenessCheck(_ pid: ProcessID) {
        livenessChecks.append(pid)
    }

    mutating func requestSweep() {
        nextSweepNanoseconds = 0
    }

    mutating func markExited(_ pid: ProcessID, timeNanoseconds: UInt64) {
        guard let index = entries.index(forKey: pid), entries.values[index].forgetAtNanoseconds == nil else { return }
        entries.values[index].forgetAtNanoseconds = timeNanoseconds &+ limits.exitGraceNanoseconds
        entries.values[index].exitedNanoseconds = timeNanoseconds
        exited.append((pid, timeNanoseconds &+ limits.exitGraceNanoseconds))
        headless.remove(pid)
    }

    private mutating func forgetExited(now: UInt64) {
        while let (pid, forgetAt) = exited.first, forgetAt <= now {
            _ = exited.popFirst()
            if entries[pid]?.forgetAtNanoseconds == forgetAt { forget(pid, now: now) }
        }
    }

    /// It was taken for dead and is not.
    mutating func revive(_ pid: ProcessID) {
        guard let index = entries.index(forKey: pid) else { return }
        entries.values[index].forgetAtNanoseconds = nil
        entries.values[index].liveThreads = nil
        requestLivenessCheck(pid)
    }

    /// The pid has a new life whose beginning was not seen: nothing is known of it but that it was sampled.
    private mutating func restart(_ pid: ProcessID, bornNanoseconds: UInt64) {
        guard let old = entries[pid] else { return }
        counters.reusedPIDs &+= 1
        forget(pid, now: bornNanoseconds)
        insert(bornNanoseconds: bornNanoseconds, pid: pid, tid: old.sampledThread, isComplete: false)
        if old.isSampled { markSampled(pid) }
    }

    /// Takes a process out of the table; its users hear of it.
    mutating func forget(_ pid: ProcessID, now: UInt64) {
        guard let entry = entries.removeValue(forKey: pid) else { return }
        remember(entry, endedNanoseconds: now)
        headless.remove(pid)
        dirty.remove(pid)
        retract(entry)
    }

    mutating func retract(_ entry: Entry) {
        guard let published = entry.published else { return }
        immediate.append(.retract(entry.key))
        dereference(Set(published.compactMap(\.executable)))
    }

    private mutating func dereference(_ references: Set<ExecutableReference>) {
        for reference in references {
            guard var state = executables[reference] else { continue }
            state.publishers -= 1
            executables[reference] = state
            if state.publishers <= 0 { unreferenced.insert(reference) }
        }
    }

    /// Makes room: a sixteenth of the processes goes, those never sampled first, then those not heard of for longest.
    private mutating func evict(now: UInt64) {
        let victims = entries.values
            .sorted { ($0.isSampled ? 1 : 0, $0.lastUseNanoseconds) < ($1.isSampled ? 1 : 0, $1.lastUseNanoseconds) }
            .prefix(max(1, limits.processes / 16))
            .map(\.key.pid)
        for pid in victims { forget(pid, now: now) }
        counters.evictedProcesses &+= UInt64(victims.count)
    }

    /// Equal paths share their storage: a host has few files and many processes.
    mutating func intern(_ path: String) -> String {
        if path.utf8.count <= 15 { return path }
        if let known = internedPaths[path] { return known }
        if internedPaths.count >= 8192 { internedPaths.removeAll(keepingCapacity: true) }
        internedPaths[path] = path
        return path
    }

    // MARK: - Actions

    /// What is to be done now. Call it after every batch of events, and when `nextDeadlineNanoseconds` has passed.
    public mutating func takeActions(now: UInt64) -> [ProcessAction] {
        forgetExited(now: now)
        forgetEndedLives(now: now)
        var actions = immediate
        immediate.removeAll(keepingCapacity: true)
        takeReads(now: now, into: &actions)
        takeLivenessChecks(now: now, into: &actions)
        publishDirty(into: &actions)
        for reference in unreferenced {
            guard let state = executables[reference], state.publishers <= 0 else { continue }
            executables[reference] = nil
            if state.isAcquired { actions.append(.release(reference)) }
        }
        unreferenced.removeAll(keepingCapacity: true)
        return actions
    }

    /// When `takeActions` will have something to do without a new event, at the latest.
    public var nextDeadlineNanoseconds: UInt64 {
        var deadline = nextSweepNanoseconds
        if !livenessChecks.isEmpty { return 0 }
        for pid in wantedReads { deadline = min(deadline, entries[pid]?.nextReadNanoseconds ?? .max) }
        if let next = exited.first { deadline = min(deadline, next.forgetAtNanoseconds) }
        if !headless.isEmpty { deadline = min(deadline, nextHeadlessCheckNanoseconds) }
        return deadline
    }

    private mutating func takeReads(now: UInt64, into actions: inout [ProcessAction]) {
        guard !wantedReads.isEmpty else { return }
        var later: [ProcessID] = []
        var taken = 0
        for pid in wantedReads {
            guard let index = entries.index(forKey: pid), entries.values[index].readState == .wanted else { continue }
            if taken == limits.readsPerRound {
                later.append(pid)
            } else if entries.values[index].nextReadNanoseconds > now {
                counters.deferredReads &+= 1
                later.append(pid)
            } else {
                taken += 1
                entries.values[index].readState = .inFlight
                counters.requestedReads &+= 1
                actions.append(
                    .readMappings(entries.values[index].key, thread: entries.values[index].sampledThread))
            }
        }
        wantedReads = later
    }

    private mutating func takeLivenessChecks(now: UInt64, into actions: inout [ProcessAction]) {
        if now >= nextSweepNanoseconds {
            // The first sweep comes one interval after the start.
            if nextSweepNanoseconds != 0 || counters.lostEvents != 0 { livenessChecks = Array(entries.keys) }
            nextSweepNanoseconds = now &+ limits.sweepIntervalNanoseconds
        }
        if !headless.isEmpty, now >= nextHeadlessCheckNanoseconds {
            livenessChecks.append(contentsOf: headless)
            nextHeadlessCheckNanoseconds = now &+ 1_000_000_000
        }
        let slice = livenessChecks.suffix(256)
        for pid in Set(slice) {
            guard let entry = entries[pid], entry.forgetAtNanoseconds == nil else { continue }
            actions.append(.checkLiveness(entry.key))
        }
        livenessChecks.removeLast(slice.count)
    }

    private mutating func publishDirty(into actions: inout [ProcessAction]) {
        for pid in dirty {
            guard let entry = entries[pid], entry.isSampled, entry.isComplete || entry.published != nil
            else { continue }
            let old = Set((entry.published ?? []).compactMap(\.executable))
            var new: Set<ExecutableReference> = []
            for mapping in entry.mappings {
                guard let reference = mapping.executable, new.insert(reference).inserted, !old.contains(reference)
                else { continue }
                var state = executables[reference] ?? ExecutableState()
                state.publishers += 1
                if !state.isAcquired {
                    state.isAcquired = true
                    actions.append(.acquire(reference, process: entry.key, mapping: mapping))
                }
                executables[reference] = state
            }
            dereference(old.subtracting(new))
            entries[pid]?.published = entry.mappings
            actions.append(.publish(entry.key, mappings: entry.mappings))
        }
        dirty.removeAll(keepingCapacity: true)
    }
}
