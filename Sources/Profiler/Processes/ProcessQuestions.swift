import Glibc

/// What the process table wants to know from `/proc`. Reading there waits for locks that the process itself holds, so
/// threads other than the one that reads the kernel's rings do it.
public enum ProcessQuestion: Sendable, Equatable {
    /// Its executable memory; `thread` is asked where the main thread has exited.
    case mappings(ProcessKey, thread: ProcessID)
    /// What resource attributes say about it; `thread` as above.
    case facts(ProcessKey, thread: ProcessID)
    /// What it publishes about itself; `thread` as above.
    case context(ProcessKey, thread: ProcessID, ContextQuestion)
    /// Whether these still have threads. `/proc/PID/stat` waits for no lock of theirs, so many are asked at once.
    case liveness([ProcessKey])

    /// The process that may keep the asking thread waiting.
    var pid: ProcessID? {
        switch self {
        case .mappings(let key, _), .facts(let key, _), .context(let key, _, _): key.pid
        case .liveness: nil
        }
    }
}

/// What is to be found out about the context that a process publishes.
public struct ContextQuestion: Sendable, Equatable {
    /// Where it was the last time; nil: nowhere.
    var place: ProcessContextPlace?
}

/// What came of that.
enum ContextAnswer: Sendable {
    /// As it was the last time.
    case unchanged
    /// There is one, or none where the place is nil. Without content it could not be understood.
    case read(ProcessContextPlace?, ProcessContext?)
}

/// What `ProcessInspector` found out.
public struct ProcessAnswer: Sendable {
    enum Content: Sendable {
        case mappings(ProcessKey, Result<Maps, ProcessReadFailure>)
        case facts(ProcessKey, Result<ProcessFacts, ProcessReadFailure>)
        case context(ProcessKey, ContextAnswer)
        case liveness([(key: ProcessKey, stat: Result<Stat, ProcessReadFailure>)])
    }

    struct Maps: Sendable {
        var parser: MapsParser
        var startTimeTicks: UInt64
    }

    struct Stat: Sendable {
        var threads: Int
        var startTimeTicks: UInt64
    }

    var content: Content
    /// CLOCK_MONOTONIC before the first file was opened and after the last was read.
    var startedAtNanoseconds: UInt64
    var endedAtNanoseconds: UInt64
}

/// Answers questions from `/proc`. Blocks, for as long as the process in question likes: call it from a thread that has
/// nothing else to do.
public struct ProcessInspector: Sendable {
    private let environmentVariables: Set<String>
    private let mappingsPerProcess: Int
    private let proc: ProcFileSystem

    /// - Parameters:
    ///   - environmentVariables: names whose values the facts shall have.
    ///   - mappingsPerProcess: how many are kept, see `ProcessTableLimits`.
    public init(
        environmentVariables: Set<String> = [],
        mappingsPerProcess: Int = ProcessTableLimits().mappingsPerProcess, proc: ProcFileSystem = ProcFileSystem()
    ) {
        self.environmentVariables = environmentVariables
        self.mappingsPerProcess = mappingsPerProcess
        self.proc = proc
    }

    public func answer(_ question: ProcessQuestion) -> ProcessAnswer {
        let start = monotonicNanoseconds()
        let content: ProcessAnswer.Content =
            switch question {
            case .mappings(let key, let thread): .mappings(key, maps(key, thread))
            case .facts(let key, let thread): .facts(key, facts(key, thread))
            case .context(let key, let thread, let question): .context(key, context(key, thread, question))
            case .liveness(let keys): .liveness(keys.map { ($0, stat($0)) })
            }
        return ProcessAnswer(
            content: content, startedAtNanoseconds: start, endedAtNanoseconds: monotonicNanoseconds())
    }

    private func maps(_ key: ProcessKey, _ thread: ProcessID) -> Result<ProcessAnswer.Maps, ProcessReadFailure> {
        Result { () throws(ProcessReadFailure) in
            let stat = try proc.processStat(of: key.pid)
            let parser = try proc.mappings(of: key.pid, thread: thread, limit: mappingsPerProcess)
            return ProcessAnswer.Maps(parser: parser, startTimeTicks: stat.startTimeTicks)
        }
    }

    private func facts(_ key: ProcessKey, _ thread: ProcessID) -> Result<ProcessFacts, ProcessReadFailure> {
        Result { () throws(ProcessReadFailure) in
            try proc.facts(of: key.pid, thread: thread, environmentVariables: environmentVariables)
        }
    }

    private func context(_ key: ProcessKey, _ thread: ProcessID, _ question: ContextQuestion) -> ContextAnswer {
        let memory = RemoteMemory(pid: key.pid)
        var address = question.place?.address
        if let place = question.place {
            let header = try? ProcessContext.header(at: place.address, in: memory)
            if let header, header.publishedAt == place.publishedAt { return .unchanged }
            if header == nil { address = nil }
        }
        if address == nil { address = try? proc.mappings(of: key.pid, thread: thread, limit: 0).processContextAddress }
        guard let address else { return question.place == nil ? .unchanged : .read(nil, nil) }
        do throws(ProcessContextError) {
            let (context, publishedAt) = try ProcessContext.read(at: address, in: memory)
            return .read(ProcessContextPlace(address: address, publishedAt: publishedAt), context)
        } catch .changing {
            return .unchanged
        } catch {
            let header = try? ProcessContext.header(at: address, in: memory)
            return .read(ProcessContextPlace(address: address, publishedAt: header?.publishedAt), nil)
        }
    }

    private func stat(_ key: ProcessKey) -> Result<ProcessAnswer.Stat, ProcessReadFailure> {
        Result { () throws(ProcessReadFailure) in
            let stat = try proc.processStat(of: key.pid)
            return ProcessAnswer.Stat(threads: stat.threads, startTimeTicks: stat.startTimeTicks)
        }
    }
}
