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

    struct EndedLife: Sendable {
        var key: ProcessKey
        var bornNanoseconds: UInt64
        var endedNanoseconds: UInt64
        var facts: ProcessFacts?
    }

    /// How long a life that has ended is remembered: longer than any trace waits to be unwound, in nanoseconds.
    private static let memoryNanoseconds: UInt64 = 30_000_000_000
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

    /// Remembers a life that ends.
    mutating func remember(_ entry: Entry, endedNanoseconds: UInt64) {
        guard entry.isSampled, entry.bornNanoseconds < endedNanoseconds else { return }
        while endedInOrder.count >= limits.processes { forgetFirstEndedLife() }
        endedLives[entry.key.pid, default: []].append(
            EndedLife(
                key: entry.key, bornNanoseconds: entry.bornNanoseconds, endedNanoseconds: endedNanoseconds,
                facts: facts(of: entry)))
        endedInOrder.append((entry.key, endedNanoseconds &+ Self.memoryNanoseconds))
    }

    mutating func forgetEndedLives(now: UInt64) {
        while let first = endedInOrder.first, first.forgetAtNanoseconds <= now { forgetFirstEndedLife() }
    }

    private mutating func forgetFirstEndedLife() {
        guard let (key, _) = endedInOrder.popFirst() else { return }
        endedLives[key.pid]?.removeAll { $0.key == key }
        if endedLives[key.pid]?.isEmpty == true { endedLives[key.pid] = nil }
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
        if entry.runsParentsProgram { told.service = parentFacts?.service }
        return told.executablePath == nil && told.commandName.isEmpty ? nil : told
    }
}
