import BPFObjects
import CBPFInterface
import Glibc
import Processes

/// Which processes are profiled, as the configuration says: judged once what there is to know of a process is known, and
/// told to the kernel side, which then takes no samples of those left out, and fewer of those that weigh more.
extension EngineLoop {
    /// How often those left out are judged again: what is known of them may have changed.
    private static let reconsiderationNanoseconds: UInt64 = 30_000_000_000

    var isSelective: Bool { !options.selection.isEmpty || options.minimumProcessAgeNanoseconds > 0 }

    /// What the kernel side is to know of a process; nil while what decides is still being read.
    func selection(of key: ProcessKey) -> ProcessPublisher.Selection? {
        guard isSelective else { return .all }
        guard !monitor.isWaitingForFacts(of: key) else { return nil }
        var result = ProcessPublisher.Selection.all
        let facts = monitor.facts(of: key)
        switch options.selection.verdict(on: facts, options.podLabels) {
        case .excluded: result.isExcluded = true
        case .profiled(let oneIn): result.oneIn = oneIn
        }
        result.notBeforeNanoseconds = oldEnough(key, facts)
        return result
    }

    /// When the process reaches the age at which it is sampled.
    private func oldEnough(_ key: ProcessKey, _ facts: ProcessFacts?) -> UInt64 {
        guard options.minimumProcessAgeNanoseconds > 0 else { return 0 }
        let birth = facts.flatMap { startNanoseconds($0.startTimeTicks) } ?? monitor.table.birth(of: key.pid) ?? 0
        return birth &+ options.minimumProcessAgeNanoseconds
    }

    /// CLOCK_MONOTONIC of the clock ticks since boot that `/proc/PID/stat` states.
    private func startNanoseconds(_ ticks: UInt64) -> UInt64? {
        let perSecond = sysconf(Int32(_SC_CLK_TCK))
        guard ticks > 0, perSecond > 0 else { return nil }
        var boot = timespec(), monotonic = timespec()
        clock_gettime(CLOCK_BOOTTIME, &boot)
        clock_gettime(CLOCK_MONOTONIC, &monotonic)
        // Time that the machine slept counts for the one and not for the other.
        let difference = (boot.tv_sec - monotonic.tv_sec) * 1_000_000_000 + boot.tv_nsec - monotonic.tv_nsec
        // To the millisecond, so that it is the same each time.
        let asleep = max(0, (difference + 500_000) / 1_000_000 * 1_000_000)
        let (product, overflow) = ticks.multipliedReportingOverflow(by: 1_000_000_000 / UInt64(perSecond))
        guard !overflow else { return nil }
        return product > UInt64(asleep) ? product - UInt64(asleep) : 0
    }

    /// Publishes what waited until its process could be judged.
    func publishJudged() {
        for (pid, entry) in unjudged where !monitor.isWaitingForFacts(of: entry.key) {
            unjudged[pid] = nil
            publish(entry.key, entry.mappings)
        }
    }

    /// Of a process that is left out the kernel side knows no more than that; where that holds for its whole control
    /// group, others of the group are not even met.
    func exclude(_ key: ProcessKey, _ selection: ProcessPublisher.Selection) {
        let pid = UInt32(truncatingIfNeeded: key.pid)
        excluded[key.pid] = key
        excludeGroup(of: key)
        do throws(BPFError) {
            try publisher.publish(pid, [], selection, now: monotonicNanoseconds())
        } catch {
            log(.warning, "\(error)")
        }
        detachRuntimes(pid)
        statistics.excludedSamples &+= UInt64(deferred.take { $0.header.pid == pid }.count)
    }

    private func excludeGroup(of key: ProcessKey) {
        guard let facts = monitor.facts(of: key), let group = facts.controlGroupID,
            options.selection.excludesGroup(of: facts, options.podLabels),
            excludedGroups.count < Int(ABI_MAX_EXCLUDED_GROUPS), excludedGroups.insert(group).inserted
        else { return }
        do throws(BPFError) {
            try kernel.excludedGroups.update(group, UInt32(1))
        } catch {
            log(.warning, "\(error)")
        }
    }

    /// The next processes of these groups are met again, and judged by what is then known.
    private func meetGroupsAgain() {
        for group in excludedGroups {
            do throws(BPFError) { try kernel.excludedGroups.remove(group) } catch { log(.warning, "\(error)") }
        }
        excludedGroups.removeAll()
    }

    /// Those left out that are not to be left out any longer are published again.
    func reconsider(now: UInt64) {
        guard isSelective, now >= nextReconsideration else { return }
        nextReconsideration = now &+ Self.reconsiderationNanoseconds
        meetGroupsAgain()
        for (pid, key) in excluded {
            guard monitor.table.key(of: pid) == key else {
                excluded[pid] = nil
                continue
            }
            monitor.wantFacts(of: key, thread: pid)
            monitor.wantContext(of: key, thread: pid)
            guard let selection = selection(of: key), !selection.isExcluded,
                let mappings = monitor.table.mappings(of: key)
            else { continue }
            excluded[pid] = nil
            publish(key, mappings)
        }
    }

    /// Takes out of the interval what was sampled before the kernel side knew better, and tells it of changes.
    func applySelection() {
        guard isSelective else { return }
        var isKept = [Bool](repeating: true, count: lives.count)
        var notBefore = [UInt64](repeating: 0, count: lives.count)
        for (index, life) in lives.enumerated() {
            let key = ProcessKey(pid: life.id.pid, generation: life.generation)
            guard life.generation != 0 else {
                // A kernel thread, a process that is gone without a trace, or the idle task, which was asked for by itself.
                isKept[index] = options.selection.include.isEmpty || life.id.pid == 0
                continue
            }
            let verdict = options.selection.verdict(on: monitor.facts(of: key), options.podLabels)
            if case .excluded = verdict { isKept[index] = false }
            notBefore[index] = oldEnough(key, monitor.facts(of: key))
            guard monitor.table.key(of: key.pid) == key, let wanted = selection(of: key),
                let known = publisher.selection(of: UInt32(truncatingIfNeeded: key.pid)), known != wanted,
                let mappings = monitor.table.mappings(of: key)
            else { continue }
            publish(key, mappings)
        }
        let before = samples.count
        samples.removeAll { sample in
            let life = Int(sample.process)
            guard life < isKept.count else { return false }
            // Of a process that lived for a moment no more may be known than its group.
            return !isKept[life] || sample.monotonicNanoseconds < notBefore[life]
                || excludedGroups.contains(sample.controlGroup)
        }
        statistics.excludedSamples &+= UInt64(before - samples.count)
        attributedSamples = samples.count
    }
}
