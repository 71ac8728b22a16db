import Glibc

/// Keeps the process table true to the machine: reads side-band events, has the table's questions answered from
/// `/proc`, and hands on what concerns executables and the kernel side.
///
/// Belongs to one thread, which never waits for a process. Usual loop: `wait`, `poll` with the answers that have come,
/// carry out the actions, and give what `takeQuestions` returns to threads that have `ProcessInspector` answer it.
public final class ProcessMonitor {
    public private(set) var table: ProcessTable
    private let events: SideBandEvents
    private var questions: QuestionQueue
    /// Facts that were asked for and have not come.
    private var missingFacts = 0
    private var nextCPUCheckNanoseconds: UInt64 = 0
    private var restartedCPUs: Set<Int> = []
    /// Events of CPUs that came online and could not be opened, from the last look.
    public private(set) var eventFailures: [PerfEventError] = []
    /// Lines of maps files that could not be understood.
    public private(set) var malformedLines: UInt64 = 0
    /// Questions that were not answered in time, or were not asked because there were too many.
    public private(set) var overdueQuestions: UInt64 = 0

    /// Opens the side-band events of all CPUs that are online.
    /// - Parameter inspectors: how many threads answer questions; each has one at a time.
    /// - Throws: `PerfEventError`, with what to do.
    public init(
        limits: ProcessTableLimits = ProcessTableLimits(), inspectors: Int = 1
    ) throws(PerfEventError) {
        let cpus: [Int]
        do { cpus = try CPUList.online() } catch { cpus = Array(0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
        events = try SideBandEvents(cpus: cpus)
        table = ProcessTable(limits: limits)
        questions = QuestionQueue(threads: inspectors)
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

    /// Takes in what happened, and what inspecting threads have answered.
    /// - Returns: what its owner has to do, never `readMappings` or `checkLiveness`, which become questions.
    public func poll(answers: [(thread: Int, answer: ProcessAnswer)] = []) -> [ProcessAction] {
        // Events first: what was read is newer than all of them.
        for record in events.drain() { table.apply(record) }
        for (thread, answer) in answers where questions.answered(thread: thread) != nil { take(answer) }
        let now = monotonicNanoseconds()
        for question in questions.takeOverdue(now: now) { fail(question, now) }
        checkCPUs()
        var result: [ProcessAction] = []
        for action in table.takeActions(now: now) {
            switch action {
            case .readMappings(let key, let thread): ask(.mappings(key, thread: thread), now)
            case .checkLiveness(let key): questions.addCheck(key)
            case .retract, .acquire, .publish, .release: result.append(action)
            }
        }
        return result
    }

    /// What inspecting threads have to answer now, each thread one question.
    public func takeQuestions() -> [(thread: Int, question: ProcessQuestion)] {
        questions.assign(now: monotonicNanoseconds())
    }

    /// Questions that have no answer yet.
    public var pendingQuestions: Int { questions.count }

    private func ask(_ question: ProcessQuestion, _ now: UInt64) {
        if let unasked = questions.add(question, now: now) { fail(unasked, now) }
    }

    private func take(_ answer: ProcessAnswer) {
        let start = answer.startedAtNanoseconds, end = answer.endedAtNanoseconds
        switch answer.content {
        case .mappings(let key, .success(let maps)):
            malformedLines &+= UInt64(maps.parser.malformedLines)
            table.countDroppedMappings(maps.parser.droppedMappings)
            table.mappingsRead(
                key, mappings: maps.parser.mappings, startTimeTicks: maps.startTimeTicks, startedAtNanoseconds: start)
        case .mappings(let key, .failure(let failure)): table.readFailed(key, failure, now: end)
        case .facts(let key, .success(let facts)):
            missingFacts -= 1
            table.factsRead(key, facts, endedAtNanoseconds: end)
            wantContext(of: key, thread: key.pid)
        case .facts(let key, .failure):
            missingFacts -= 1
            table.factsFailed(key, now: end)
        case .context(let key, let context): table.contextRead(key, context, now: end)
        case .liveness(let checks):
            for (key, check) in checks {
                switch check {
                case .success(let stat):
                    table.liveness(key, threads: stat.threads, startTimeTicks: stat.startTimeTicks, now: end)
                case .failure(.gone): table.liveness(key, threads: 0, startTimeTicks: 0, now: end)
                case .failure: break
                }
            }
        }
    }

    /// A question that will have no answer.
    private func fail(_ question: ProcessQuestion, _ now: UInt64) {
        overdueQuestions &+= 1
        switch question {
        case .mappings(let key, _): table.readFailed(key, .other(ETIMEDOUT), now: now)
        case .facts(let key, _):
            missingFacts -= 1
            table.factsFailed(key, now: now)
        case .context(let key, _, _): table.contextRead(key, nil, now: now)
        case .liveness: break
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

    // MARK: - Lives

    /// The life of a process in which something happened: right for all that happened before the latest `poll`. Nil for
    /// a process that is not known, such as a kernel thread.
    public func life(of pid: ProcessID, at timeNanoseconds: UInt64) -> ProcessKey? {
        table.life(of: pid, at: timeNanoseconds)
    }

    /// See `ProcessTable.endedMappings`.
    public func endedMappings(
        of pid: ProcessID, at timeNanoseconds: UInt64
    ) -> (key: ProcessKey, mappings: [Mapping])? {
        table.endedMappings(of: pid, at: timeNanoseconds)
    }

    /// Has the facts about a life read, unless they are known or being read.
    /// - Parameter thread: a thread of it that lived a moment ago.
    public func wantFacts(of key: ProcessKey, thread: ProcessID) {
        let now = monotonicNanoseconds()
        guard table.wantFacts(key, now: now) else { return }
        missingFacts += 1
        ask(.facts(key, thread: thread), now)
    }

    /// Has the context looked at that a process publishes, if it is time for that. Nobody waits for the answer.
    public func wantContext(of key: ProcessKey, thread: ProcessID) {
        let now = monotonicNanoseconds()
        guard let question = table.wantContext(key, now: now) else { return }
        ask(.context(key, thread: thread, question), now)
    }

    /// Whether facts about a life are still to come; has them read if nobody has asked yet.
    public func isWaitingForFacts(of key: ProcessKey) -> Bool {
        wantFacts(of: key, thread: table.sampledThread(of: key) ?? key.pid)
        return table.isReadingFacts(of: key)
    }

    /// Whether facts are still to come.
    public var isWaitingForFacts: Bool { missingFacts > 0 }

    /// What is known of a life: what was read or, for one that was over before that, what events told.
    public func facts(of key: ProcessKey) -> ProcessFacts? { table.facts(of: key) }
}
