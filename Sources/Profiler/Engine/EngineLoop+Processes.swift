import Processes

/// Which life of its process a sample belongs to: `execve` begins a new one, with facts of its own.
extension EngineLoop {
    /// Attributes the samples that are new. To be called after the process events of their time have been taken in, and
    /// before a life that has ended is forgotten.
    func attributeSamples() {
        while attributedSamples < samples.count {
            samples[attributedSamples].process = lifeNumber(of: samples[attributedSamples])
            attributedSamples += 1
        }
    }

    private func lifeNumber(of sample: RawSample) -> UInt32 {
        let pid = ProcessID(truncatingIfNeeded: sample.pid)
        let life = pid > 0 ? monitor.life(of: pid, at: sample.monotonicNanoseconds) : nil
        // Of kernel threads, and of processes that are gone without a trace, there is one.
        let key = life ?? ProcessKey(pid: pid, generation: 0)
        if let known = lifeNumbers[key] { return known }
        let number = UInt32(truncatingIfNeeded: lives.count)
        let id = ProfileProcess.ID(pid: pid)
        lives.append(
            RawProcess(
                id: id, generation: key.generation,
                process: ProfileProcess(
                    pid: pid, commandName: pid == 0 ? "idle" : pid < 0 ? "" : sample.threadName.text)))
        lifeNumbers[key] = number
        if let life {
            let thread = ProcessID(truncatingIfNeeded: sample.tid)
            monitor.wantFacts(of: life, thread: thread)
            monitor.wantContext(of: life, thread: thread)
        }
        return number
    }

    /// What is known by now of the interval's processes, by life number.
    func describeLives() -> [RawProcess] {
        var described = lives
        for index in described.indices {
            let raw = described[index]
            guard raw.generation != 0,
                let facts = monitor.facts(of: ProcessKey(pid: raw.id.pid, generation: raw.generation))
            else { continue }
            described[index].process = ProfileProcess(pid: raw.id.pid, facts)
        }
        // Generations grow with time.
        var counts: [Int32: UInt32] = [:]
        for index in described.indices.sorted(by: { described[$0].generation < described[$1].generation }) {
            let pid = described[index].id.pid
            described[index].id.life = counts[pid, default: 0]
            counts[pid, default: 0] += 1
        }
        return described
    }
}

extension ProfileProcess {
    init(pid: Int32, _ facts: ProcessFacts) {
        var environment: [String: String] = [:]
        for variable in facts.environment { environment[variable.name] = variable.value }
        self.init(
            pid: pid, parentPID: facts.parentPID, executablePath: facts.executablePath,
            commandName: facts.commandName, containerID: facts.containerID, environment: environment)
        placement = facts.placement
        container = facts.container
        service = facts.service
        context = facts.context
    }
}
