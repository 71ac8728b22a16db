import Glibc

/// Keeps the process table true to the machine: reads side-band events, answers the table's questions from `/proc`, and
/// hands on what concerns executables and the kernel side.
///
/// Belongs to one thread, which may block in it: reading `/proc/PID/maps` waits while that process changes its own
/// mappings. Usual loop: `wait`, then `poll`, and carry out the actions.
public final class ProcessMonitor {
    public private(set) var table: ProcessTable
    private let events: SideBandEvents
    private let proc: ProcFileSystem
    private let environmentVariables: Set<String>
    private var facts: [ProcessID: (key: ProcessKey, facts: ProcessFacts)] = [:]
    private var nextCPUCheckNanoseconds: UInt64 = 0
    private var restartedCPUs: Set<Int> = []
    /// Events of CPUs that came online and could not be opened, from the last look.
    public private(set) var eventFailures: [PerfEventError] = []
    /// Lines of maps files that could not be understood.
    public private(set) var malformedLines: UInt64 = 0

    /// Opens the side-band events of all CPUs that are online.
    /// - Parameter environmentVariables: names whose values `facts` shall have.
    /// - Throws: `PerfEventError`, with what to do.
    public init(
        limits: ProcessTableLimits = ProcessTableLimits(), environmentVariables: Set<String> = [],
        proc: ProcFileSystem = ProcFileSystem()
    ) throws(PerfEventError) {
        let cpus: [Int]
        do { cpus = try CPUList.online() } catch { cpus = Array(0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
        events = try SideBandEvents(cpus: cpus)
        table = ProcessTable(limits: limits)
        self.environmentVariables = environmentVariables
        self.proc = proc
    }

    /// The CPUs that are watched.
    public var cpus: [Int] { events.cpus }

    /// Records that the kernel wrote and that could not be understood.
    public var malformedRecords: UInt64 { events.malformedRecords }

    /// Blocks until there is something to do for `poll`.
    /// - Parameters:
    ///   - timeoutNanoseconds: the longest wait.
    ///   - wake: a descriptor that ends the wait when it becomes readable; -1 for none.
    public func wait(timeoutNanoseconds: UInt64, wake: Int32 = -1) {
        let deadline = table.nextDeadlineNanoseconds
        let now = monotonicNanoseconds()
        events.wait(timeoutNanoseconds: min(timeoutNanoseconds, deadline > now ? deadline &- now : 0), wake: wake)
    }

    /// A sample of this process was taken. Its actions come with the next `poll`.
    public func sampled(pid: ProcessID, tid: ProcessID, timeNanoseconds: UInt64) {
        table.sampled(pid: pid, tid: tid, timeNanoseconds: timeNanoseconds)
    }

    /// See `ProcessTable.missingMapping`.
    public func missingMapping(pid: ProcessID, tid: ProcessID, timeNanoseconds: UInt64) {
        table.missingMapping(pid: pid, tid: tid, timeNanoseconds: timeNanoseconds)
    }

    /// See `ProcessTable.executableUnavailable`.
    public func executableUnavailable(_ executable: ExecutableReference) {
        table.executableUnavailable(executable)
    }

    /// The CPUs that came back since the last call: events of one's own on them have ended, and must be opened anew.
    public func takeRestartedCPUs() -> Set<Int> {
        defer { restartedCPUs = [] }
        return restartedCPUs
    }

    /// Takes in what happened.
    /// - Returns: what its owner has to do, never `readMappings` or `checkLiveness`, which are done already.
    public func poll() -> [ProcessAction] {
        for record in events.drain() { table.apply(record) }
        checkCPUs()
        var result: [ProcessAction] = []
        // An answer may lead to further questions; what is left after a few rounds comes next time.
        for _ in 0..<4 {
            var asked = false
            for action in table.takeActions(now: monotonicNanoseconds()) {
                switch action {
                case .readMappings(let key, let thread):
                    asked = true
                    readMappings(key, thread: thread)
                case .checkLiveness(let key):
                    asked = true
                    checkLiveness(key)
                case .retract(let key):
                    if facts[key.pid]?.key == key { facts[key.pid] = nil }
                    result.append(action)
                case .acquire, .publish, .release: result.append(action)
                }
            }
            if !asked { break }
        }
        return result
    }

    private func readMappings(_ key: ProcessKey, thread: ProcessID) {
        let start = monotonicNanoseconds()
        do throws(ProcessReadFailure) {
            let stat = try proc.processStat(of: key.pid)
            let maps = try proc.mappings(of: key.pid, thread: thread, limit: table.limits.mappingsPerProcess)
            malformedLines &+= UInt64(maps.malformedLines)
            table.countDroppedMappings(maps.droppedMappings)
            table.mappingsRead(
                key, mappings: maps.mappings, startTimeTicks: stat.startTimeTicks, startedAtNanoseconds: start)
        } catch {
            table.readFailed(key, error, now: monotonicNanoseconds())
        }
    }

    private func checkLiveness(_ key: ProcessKey) {
        do throws(ProcessReadFailure) {
            let stat = try proc.processStat(of: key.pid)
            table.liveness(
                key, threads: stat.threads, startTimeTicks: stat.startTimeTicks, now: monotonicNanoseconds())
        } catch {
            if error == .gone { table.liveness(key, threads: 0, startTimeTicks: 0, now: monotonicNanoseconds()) }
        }
    }

    private func checkCPUs() {
        let now = monotonicNanoseconds()
        guard now >= nextCPUCheckNanoseconds else { return }
        nextCPUCheckNanoseconds = now &+ 1_000_000_000
        guard let online = try? CPUList.online() else { return }
        let changes = events.followCPUs(online: online)
        eventFailures = changes.failures
        restartedCPUs.formUnion(changes.started)
    }

    /// The facts about a process, read at the first call and kept until it ends or executes another program. For one
    /// that is already gone, what its events told; nil when there is nothing at all.
    public func facts(of pid: ProcessID, thread: ProcessID) -> ProcessFacts? {
        let key = table.key(of: pid)
        if let known = facts[pid], known.key == key { return known.facts }
        do throws(ProcessReadFailure) {
            let read = try proc.facts(of: pid, thread: thread, environmentVariables: environmentVariables)
            if let key { facts[pid] = (key, read) }
            return read
        } catch {
            guard let program = table.program(of: pid) else { return nil }
            var told = ProcessFacts(commandName: program.commandName)
            told.executablePath = program.path.isEmpty ? nil : program.path
            told.parentPID = program.parentPID
            // A child is born into its parent's cgroup.
            if let parent = facts[program.parentPID]?.facts {
                told.containerID = parent.containerID
                told.cgroupPath = parent.cgroupPath
            }
            return told
        }
    }
}
