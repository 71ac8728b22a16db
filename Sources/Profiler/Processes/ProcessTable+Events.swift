extension ProcessTable {
    /// Takes in one side-band event. Events of all CPUs come in the order of their times.
    public mutating func apply(_ record: SideBandRecord) {
        let time = record.timeNanoseconds
        switch record.event {
        case .mapping(let pid, let tid, let mapping): mapped(pid: pid, tid: tid, mapping, time: time)
        case .commandName(let pid, let tid, let name, let isExec):
            if isExec {
                executed(pid: pid, name: name, time: time)
            } else if pid == tid, let index = entries.index(forKey: pid) {
                entries.values[index].commandName = name
            }
        case .fork(let pid, let tid, let parentPID): forked(pid: pid, tid: tid, parentPID: parentPID, time: time)
        case .exit(let pid, let tid): exited(pid: pid, tid: tid, time: time)
        case .lost(let count): lost(count, time: time)
        }
    }

    private mutating func mapped(pid: ProcessID, tid: ProcessID, _ mapping: Mapping, time: UInt64) {
        // A process that is not known will be read as a whole when it is sampled.
        guard let index = entries.index(forKey: pid), time > entries.values[index].mappingsAsOfNanoseconds
        else { return }
        if let _ = entries.values[index].forgetAtNanoseconds {
            guard time > entries.values[index].exitedNanoseconds else { return }
            revive(pid)
        }
        entries.values[index].lastUseNanoseconds = time
        guard entries.values[index].isComplete || entries.values[index].readState != .idle else { return }
        if entries.values[index].mappings.count >= limits.mappingsPerProcess {
            counters.droppedMappings &+= 1
            return
        }
        var interned = mapping
        interned.path = intern(mapping.path)
        if entries.values[index].readState == .inFlight,
            entries.values[index].mappedMeanwhile.list.count < limits.mappingsPerProcess
        {
            entries.values[index].mappedMeanwhile.list.append((time, interned))
        }
        entries.values[index].mappings.replaceRange(with: interned)
        if mapping.kind == .file, entries.values[index].programPath.isEmpty {
            entries.values[index].programPath = interned.path
        }
        if entries.values[index].isSampled { markDirty(pid) }
    }

    private mutating func executed(pid: ProcessID, name: String, time: UInt64) {
        guard pid > 0 else { return }
        guard let index = entries.index(forKey: pid) else {
            insert(bornNanoseconds: time, pid: pid, tid: pid, isComplete: true)
            entries[pid]?.liveThreads = 1
            entries[pid]?.commandName = name
            return
        }
        var entry = entries.values[index]
        if time < entry.bornNanoseconds, entry.liveThreads != nil { return }
        retract(entry)
        remember(entry, endedNanoseconds: time)
        entry.published = nil
        entry.facts = .unknown
        entry.context = ContextState()
        entry.runsParentsProgram = false
        entry.mappedMeanwhile = TimedMappings()
        entry.key.generation = takeGeneration()
        // Read after the execve took place: those are the new program's mappings.
        if entry.mappingsAsOfNanoseconds < time {
            entry.mappings = []
            entry.mappingsAsOfNanoseconds = time
            entry.isComplete = true
            entry.isSuspect = false
        }
        // The answer to a read of the old program will not count.
        entry.readState = .idle
        // execve leaves one thread, and it takes over the main thread's id.
        entry.bornNanoseconds = time
        entry.liveThreads = 1
        entry.leaderExited = false
        entry.sampledThread = pid
        entry.commandName = name
        entry.programPath = ""
        entry.readDoublings = 0
        entry.nextReadNanoseconds = 0
        entry.lastUseNanoseconds = max(entry.lastUseNanoseconds, time)
        headless.remove(pid)
        let wasExited = entry.forgetAtNanoseconds != nil
        entries.values[index] = entry
        if wasExited { revive(pid) }
        if entry.isSampled { markDirty(pid) }
    }

    private mutating func forked(pid: ProcessID, tid: ProcessID, parentPID: ProcessID, time: UInt64) {
        guard pid > 0 else { return }
        if pid == parentPID {
            if let index = entries.index(forKey: pid), let threads = entries.values[index].liveThreads {
                entries.values[index].liveThreads = threads &+ 1
            }
            return
        }
        if let index = entries.index(forKey: pid) {
            if time <= entries.values[index].bornNanoseconds {
                // This life was first seen by a sample that overtook this event.
                entries.values[index].parentPID = parentPID
                entries.values[index].runsParentsProgram = true
                entries.values[index].bornNanoseconds = time
                if !entries.values[index].leaderExited { entries.values[index].liveThreads = 1 }
                inheritMappings(pid, from: parentPID, time: time)
                return
            }
            if entries.values[index].forgetAtNanoseconds == nil { counters.reusedPIDs &+= 1 }
            forget(pid, now: time)
        }
        let parent = entries[parentPID]
        insert(
            bornNanoseconds: time, pid: pid, tid: tid, isComplete: parent?.isComplete ?? false,
            mappings: parent?.mappings ?? [])
        guard let index = entries.index(forKey: pid) else { return }
        entries.values[index].parentPID = parentPID
        entries.values[index].runsParentsProgram = true
        entries.values[index].liveThreads = 1
        entries.values[index].isSuspect = parent?.isSuspect ?? false
        entries.values[index].commandName = parent?.commandName ?? ""
        entries.values[index].programPath = parent?.programPath ?? ""
    }

    /// A process that was sampled before its fork was read needs no read of `/proc` if its parent is known.
    private mutating func inheritMappings(_ pid: ProcessID, from parentPID: ProcessID, time: UInt64) {
        guard let parent = entries[parentPID], parent.isComplete, !parent.isSuspect,
            let index = entries.index(forKey: pid), !entries.values[index].isComplete,
            entries.values[index].readState != .inFlight
        else { return }
        entries.values[index].mappings = parent.mappings
        entries.values[index].mappingsAsOfNanoseconds = time
        entries.values[index].isComplete = true
        entries.values[index].readState = .idle
        entries.values[index].commandName = parent.commandName
        entries.values[index].programPath = parent.programPath
        if entries.values[index].isSampled { markDirty(pid) }
    }

    private mutating func exited(pid: ProcessID, tid: ProcessID, time: UInt64) {
        guard let index = entries.index(forKey: pid), time >= entries.values[index].bornNanoseconds else { return }
        if let threads = entries.values[index].liveThreads {
            entries.values[index].liveThreads = threads &- 1
            if tid == pid { entries.values[index].leaderExited = true }
            if threads <= 1 { markExited(pid, timeNanoseconds: time) }
            return
        }
        if tid == pid { entries.values[index].leaderExited = true }
        if entries.values[index].leaderExited {
            headless.insert(pid)
            requestLivenessCheck(pid)
        }
    }

    /// Anything may have happened. Processes of interest are read again; the others when they are sampled.
    private mutating func lost(_ count: UInt64, time: UInt64) {
        counters.lostEvents &+= count
        for pid in Array(entries.keys) {
            guard let index = entries.index(forKey: pid) else { continue }
            entries.values[index].liveThreads = nil
            if entries.values[index].isSampled {
                entries.values[index].isSuspect = true
                requestRead(pid, timeNanoseconds: time)
            } else {
                entries.values[index].isComplete = false
                entries.values[index].mappings = []
            }
        }
        requestSweep()
    }
}
