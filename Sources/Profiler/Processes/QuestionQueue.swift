/// Questions that wait for a thread, and those that threads are asking: bounded in number and in time.
///
/// A process keeps at most one thread, so one that is stuck does not hold up the others. What is not answered in time
/// counts as failed; its thread is left waiting and takes no other question until it is back.
struct QuestionQueue {
    private struct Asked {
        var question: ProcessQuestion
        var deadlineNanoseconds: UInt64
        var isOverdue = false
    }

    private struct Waiting {
        var question: ProcessQuestion
        var deadlineNanoseconds: UInt64
    }

    /// From the question to the answer, in nanoseconds. A trace waits as long for its process.
    static let patienceNanoseconds: UInt64 = 2_000_000_000
    /// Processes with questions that wait, and checks that wait.
    private let capacity: Int
    private static let checksAtATime = 64

    /// By thread; nil while it has nothing to do.
    private var asked: [Asked?]
    /// Processes that a thread is asking.
    private var busy: Set<ProcessID> = []
    /// At most one of each kind for each process.
    private var waiting: [ProcessID: [Waiting]] = [:]
    /// Processes that have questions and are not busy, first come, first served.
    private var order: FirstInFirstOut<ProcessID> = .init()
    private var checks: FirstInFirstOut<ProcessKey> = .init()
    private var queuedChecks: Set<ProcessKey> = []

    init(threads: Int, capacity: Int = 16384) {
        asked = Array(repeating: nil, count: max(1, threads))
        self.capacity = capacity
    }

    /// Questions that are waiting or being asked, checks aside.
    var count: Int { waiting.values.reduce(0) { $0 + $1.count } + busy.count }

    /// Adds a question about one process.
    /// - Returns: a question that will not be asked: an older one of its kind about an earlier life of the process, or
    /// the
    ///   new one when there are too many.
    mutating func add(_ question: ProcessQuestion, now: UInt64) -> ProcessQuestion? {
        guard let pid = question.pid else { return question }
        let new = Waiting(question: question, deadlineNanoseconds: now &+ Self.patienceNanoseconds)
        guard var questions = waiting[pid] else {
            guard waiting.count < capacity else { return question }
            waiting[pid] = [new]
            if !busy.contains(pid) { order.append(pid) }
            return nil
        }
        var replaced: ProcessQuestion?
        if let same = questions.firstIndex(where: { $0.question.isSameKind(as: question) }) {
            replaced = questions.remove(at: same).question
        }
        questions.append(new)
        waiting[pid] = questions
        return replaced
    }

    /// Asks sometime whether a process still lives; when there are too many to ask for, it is left out.
    mutating func addCheck(_ key: ProcessKey) {
        guard queuedChecks.count < capacity, queuedChecks.insert(key).inserted else { return }
        checks.append(key)
    }

    /// What threads shall ask now.
    mutating func assign(now: UInt64) -> [(thread: Int, question: ProcessQuestion)] {
        var assignments: [(thread: Int, question: ProcessQuestion)] = []
        for thread in asked.indices where asked[thread] == nil {
            guard let question = takeNext() else { break }
            asked[thread] = Asked(question: question, deadlineNanoseconds: now &+ Self.patienceNanoseconds)
            if let pid = question.pid { busy.insert(pid) }
            assignments.append((thread, question))
        }
        return assignments
    }

    private mutating func takeNext() -> ProcessQuestion? {
        if let pid = order.popFirst(), var questions = waiting[pid], !questions.isEmpty {
            let next = questions.removeFirst()
            waiting[pid] = questions.isEmpty ? nil : questions
            return next.question
        }
        var keys: [ProcessKey] = []
        while keys.count < Self.checksAtATime, let key = checks.popFirst() {
            queuedChecks.remove(key)
            keys.append(key)
        }
        return keys.isEmpty ? nil : .liveness(keys)
    }

    /// A thread is back.
    /// - Returns: the question that it was asking; nil when the answer came too late.
    mutating func answered(thread: Int) -> ProcessQuestion? {
        guard asked.indices.contains(thread), let asked = asked[thread] else { return nil }
        self.asked[thread] = nil
        if let pid = asked.question.pid {
            busy.remove(pid)
            if waiting[pid] != nil { order.append(pid) }
        }
        return asked.isOverdue ? nil : asked.question
    }

    /// The questions whose time is over.
    mutating func takeOverdue(now: UInt64) -> [ProcessQuestion] {
        var overdue: [ProcessQuestion] = []
        for thread in asked.indices {
            guard let question = asked[thread], !question.isOverdue, question.deadlineNanoseconds <= now
            else { continue }
            asked[thread]?.isOverdue = true
            overdue.append(question.question)
        }
        // What waits for a thread that is stuck in the same process.
        for pid in busy {
            guard let questions = waiting[pid] else { continue }
            let left = questions.filter { $0.deadlineNanoseconds > now }
            overdue += questions.filter { $0.deadlineNanoseconds <= now }.map(\.question)
            waiting[pid] = left.isEmpty ? nil : left
        }
        // What waits because all threads are stuck.
        while let pid = order.first, let questions = waiting[pid],
            questions.allSatisfy({ $0.deadlineNanoseconds <= now })
        {
            _ = order.popFirst()
            waiting[pid] = nil
            overdue += questions.map(\.question)
        }
        return overdue
    }
}

extension ProcessQuestion {
    fileprivate func isSameKind(as other: ProcessQuestion) -> Bool {
        switch (self, other) {
        case (.mappings, .mappings), (.facts, .facts), (.context, .context), (.liveness, .liveness): true
        default: false
        }
    }
}
