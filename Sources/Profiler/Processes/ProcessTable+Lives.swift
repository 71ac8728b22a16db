/// The lives of processes and what is known of each: `execve` begins a new one, and a sample belongs to the one in
/// which it was taken, which may have ended when the sample is read.
extension ProcessTable {
    /// What is known of the facts of a life.
    enum FactsState: Sendable {
        case unknown
        case asked
        case known(ProcessFacts)
        /// Could not be read; worth another try from then on.
        case failed(retryAtNanoseconds: UInt64)
    }

    /// What is known of the context that a process publishes (`ProcessContext`).
    struct ContextState: Sendable {
        var place: ProcessContextPlace?
        var isAsked = false
        var nextCheckNanoseconds: UInt64 = 0
        var doublings: UInt64 = 0
    }

    struct EndedLife: Sendable {
        var key: ProcessKey
        var bornNanoseconds: UInt64
        var endedNanoseconds: UInt64
        var facts: ProcessFacts?
        /// Empty where they were not known.
        var mappings: [Mapping]
        var isSampled: Bool
    }

    /// How long a life that has ended is remembered: longer than any trace waits to be unwound, in nanoseconds.
    private static let memoryNanoseconds: UInt64 = 30_000_000_000
    /// Lives that had no sample when they ended are remembered up to this number: those of children that execute a
    /// program soon, whose samples come after that event.
    static let unsampledLivesLimit = 1024
    /// How long after a failure facts are asked for again, in nanoseconds.
    private static let factsRetryNanoseconds: UInt64 = 30_000_000_000

    /// The life of a process in which something happened; nil for a process that is not known.
    public func life(of pid: ProcessID, at timeNanoseconds: UInt64) -> ProcessKey? {
        let present = entries[pid]
        guard let past = endedLives[pid] else { return present?.key }
        if let present, present.bornNanoseconds <= timeNanoseconds { return present.key }
        return (past.last { $0.bornNanoseconds <= timeNanoseconds } ?? past.first)?.key
    }

    /// When the present life of a process began, as far as that is known; nil for a process that is not known.
    public func birth(of pid: ProcessID) -> UInt64? { entries[pid]?.bornNanoseconds }

    /// What is known of a life: what was read, or else what events told. Nil when there is nothing at all.
    public func facts(of key: ProcessKey) -> ProcessFacts? {
        if let entry = entries[key.pid], entry.key == key { return facts(of: entry) }
        return endedLives[key.pid]?.last { $0.key == key }?.facts
    }

    func isReadingFacts(of key: ProcessKey) -> Bool {
        guard let entry = entries[key.pid], entry.key == key, case .asked = entry.facts else { return false }
        return true
    }

    func sampledThread(of key: ProcessKey) -> ProcessID? {
        entries[key.pid].flatMap { $0.key == key ? $0.sampledThread : nil }
    }

    /// - Returns: whether facts are to be read now; `factsRead` or `factsFailed` must follow.
    mutating func wantFacts(_ key: ProcessKey, now: UInt64) -> Bool {
        guard let index = entries.index(forKey: key.pid), entries.values[index].key == key else { return false }
        switch entries.values[index].facts {
        case .asked, .known: return false
        case .failed(let retryAt) where now < retryAt: return false
        case .unknown, .failed: break
        }
        entries.values[index].facts = .asked
        return true
    }

    /// The answer to a `wantFacts` that was true.
    /// - Parameter endedAtNanoseconds: CLOCK_MONOTONIC when all was read. All events before have been applied.
    mutating func factsRead(_ key: ProcessKey, _ facts: ProcessFacts, endedAtNanoseconds: UInt64) {
        if let index = entries.index(forKey: key.pid), entries.values[index].key == key {
            entries.values[index].facts = .known(facts)
        } else if let index = endedLives[key.pid]?.lastIndex(where: { $0.key == key }),
            let life = endedLives[key.pid]?[index], endedAtNanoseconds <= life.endedNanoseconds
        {
            endedLives[key.pid]?[index].facts = facts
        }
    }

    /// The other answer.
    mutating func factsFailed(_ key: ProcessKey, now: UInt64) {
        guard let index = entries.index(forKey: key.pid), entries.values[index].key == key else { return }
        entries.values[index].facts = .failed(retryAtNanoseconds: now &+ Self.factsRetryNanoseconds)
    }

    /// The mappings of the life in which something happened, if it has ended since.
    public func endedMappings(
        of pid: ProcessID, at timeNanoseconds: UInt64
    ) -> (key: ProcessKey, mappings: [Mapping])? {
        guard let lives = endedLives[pid], entries[pid].map({ $0.bornNanoseconds > timeNanoseconds }) ?? true,
            let life = lives.last(where: { $0.holds(timeNanoseconds) }), !life.mappings.isEmpty
        else { return nil }
        return (life.key, life.mappings)
    }

    /// A sample has come of what may be a life that has ended.
    mutating func keepSampledLife(of pid: ProcessID, at timeNanoseconds: UInt64) {
        guard let index = endedLives[pid]?.lastIndex(where: { $0.holds(timeNanoseconds) }),
            let life = endedLives[pid]?[index], !life.isSampled
        else { return }
        endedLives[pid]?[index].isSampled = true
        keep(life)
    }

    /// A process publishes its context when its SDK starts, and may change it at any time: it is looked for again after
    /// 1 s, 2 s, 4 s and so on while there is none, and one that is there is compared every second at most.
    private static let contextCheckNanoseconds: UInt64 = 1_000_000_000
    private static let contextCheckDoublings: UInt64 = 6

    /// - Returns: nil when the context of a life is not to be looked at now, else where it was last; `contextRead` must
    ///   follow.
    mutating func wantContext(_ key: ProcessKey, now: UInt64) -> ContextQuestion? {
        guard let index = entries.index(forKey: key.pid), entries.values[index].key == key,
            case .known(let facts) = entries.values[index].facts, !facts.isKernelThread,
            !entries.values[index].context.isAsked, entries.values[index].context.nextCheckNanoseconds <= now
        else { return nil }
        entries.values[index].context.isAsked = true
        return ContextQuestion(place: entries.values[index].context.place)
    }

    /// The answer to `wantContext`; nil when there was none in time.
    mutating func contextRead(_ key: ProcessKey, _ answer: ContextAnswer?, now: UInt64) {
        guard let index = entries.index(forKey: key.pid), entries.values[index].key == key else { return }
        var context = entries.values[index].context
        context.isAsked = false
        if case .read(let place, let content)? = answer, case .known(var facts) = entries.values[index].facts {
            context.place = place
            if facts.context != content {
                facts.context = content
                entries.values[index].facts = .known(facts)
            }
        }
        if context.place?.publishedAt != nil, answer != nil {
            context.doublings = 0
        } else {
            context.doublings = min(context.doublings &+ 1, Self.contextCheckDoublings)
        }
        context.nextCheckNanoseconds = now &+ Self.contextCheckNanoseconds << (max(context.doublings, 1) &- 1)
        entries.values[index].context = context
    }

    /// Remembers a life that ends.
    mutating func remember(_ entry: Entry, endedNanoseconds: UInt64) {
        guard entry.isSampled || (entry.isComplete && entry.runsParentsProgram),
            entry.bornNanoseconds < endedNanoseconds
        else { return }
        let life = EndedLife(
            key: entry.key, bornNanoseconds: entry.bornNanoseconds, endedNanoseconds: endedNanoseconds,
            facts: facts(of: entry), mappings: entry.isComplete ? entry.mappings : [], isSampled: entry.isSampled)
        endedLives[entry.key.pid, default: []].append(life)
        if entry.isSampled {
            keep(life)
        } else {
            while unsampledLives.count >= Self.unsampledLivesLimit { forgetFirstUnsampledLife() }
            unsampledLives.append((life.key, endedNanoseconds &+ Self.memoryNanoseconds))
        }
    }

    private mutating func keep(_ life: EndedLife) {
        while endedInOrder.count >= limits.processes { forgetFirstEndedLife() }
        endedInOrder.append((life.key, life.endedNanoseconds &+ Self.memoryNanoseconds))
    }

    mutating func forgetEndedLives(now: UInt64) {
        while let first = endedInOrder.first, first.forgetAtNanoseconds <= now { forgetFirstEndedLife() }
        while let first = unsampledLives.first, first.forgetAtNanoseconds <= now { forgetFirstUnsampledLife() }
    }

    private mutating func forgetFirstEndedLife() {
        guard let (key, _) = endedInOrder.popFirst() else { return }
        forgetLives(of: key.pid) { $0.key == key }
    }

    private mutating func forgetFirstUnsampledLife() {
        guard let (key, _) = unsampledLives.popFirst() else { return }
        forgetLives(of: key.pid) { $0.key == key && !$0.isSampled }
    }

    private mutating func forgetLives(of pid: ProcessID, where isForgotten: (EndedLife) -> Bool) {
        endedLives[pid]?.removeAll(where: isForgotten)
        if endedLives[pid]?.isEmpty == true { endedLives[pid] = nil }
    }

    private func facts(of entry: Entry) -> ProcessFacts? {
        if case .known(let facts) = entry.facts { return facts }
        let parent = entries[entry.parentPID]
        var parentFacts: ProcessFacts?
        if case .known(let facts)? = parent?.facts { parentFacts = facts }
        var told = ProcessFacts(commandName: entry.commandName)
        told.parentPID = entry.parentPID
        // A child is born into its parent's cgroup, and runs its parent's program until it executes its own.
        told.containerID = parentFacts?.containerID
        told.cgroupPath = parentFacts?.cgroupPath
        told.placement = parentFacts?.placement
        told.container = parentFacts?.container
        told.executablePath = entry.programPath.isEmpty ? nil : entry.programPath
        if entry.runsParentsProgram {
            told.executablePath = told.executablePath ?? parentFacts?.executablePath
            if told.commandName.isEmpty { told.commandName = parentFacts?.commandName ?? "" }
        }
        if entry.runsParentsProgram { told.observedService = parentFacts?.service }
        // The environment was not read; the other rules need no more than what events told.
        told.observedService =
            told.observedService
            ?? ServiceName(
                environment: [], containerName: told.container?.name, systemdUnit: told.placement?.systemdUnit,
                executableName: told.executableName.map(MapsParser.withoutDeletedMark))
        return told.executablePath == nil && told.commandName.isEmpty ? nil : told
    }
}

extension ProcessTable.EndedLife {
    fileprivate func holds(_ timeNanoseconds: UInt64) -> Bool {
        bornNanoseconds <= timeNanoseconds && timeNanoseconds < endedNanoseconds
    }
}
