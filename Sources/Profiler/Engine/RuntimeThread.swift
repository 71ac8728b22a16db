import BPFObjects
import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport

/// The work of the thread that reads managed runtimes' memory: inspects runtimes of processes, and names their frames soon
/// after they were first met, while the process still has what they refer to.
///
/// Intervals pass through it on their way to be named, so that the names of their frames are there.
final class RuntimeThread {
    enum Message: Sendable {
        case attach(AttachRequest)
        /// Frames of what was detached may still be on their way.
        case detach(number: UInt32)
        /// User frames' words of traces that are new, one after the other.
        case frames([UInt64])
        /// A process makes code at run time, and may say what it is; the number is its executable's.
        case watchCode(number: UInt32, RunTimeCode)
        case leaveCode(number: UInt32)
        case interval(RawInterval)
        /// Traces are numbered anew.
        case forget
        case stop
    }

    struct AttachRequest: Sendable {
        var key: ProcessKey
        /// The number that the attachment gets.
        var number: UInt32
        var runtime: FoundRuntime
        var process: InspectedProcess
    }

    struct AttachAnswer: Sendable {
        var key: ProcessKey
        var kind: RuntimeKind
        var number: UInt32
        /// The value for the map of the runtime's unwinder, and that map; or why there is none.
        var outcome: Result<(facts: [UInt8], processes: BPFMap), RuntimeError>
    }

    private struct Attachment {
        var runtime: any AttachedRuntime
        /// Intervals that it stays after it was detached.
        var intervalsLeft: Int?
    }

    private static let intervalsKept = 2

    private let loader: UnwinderLoader
    private let log: Engine.Log
    /// By `enum unwinder`; one that could not be loaded is not tried again.
    private var unwinders: [UInt32: Result<LoadedUnwinder, BPFError>] = [:]
    private var attachments: [UInt32: Attachment] = [:]
    private var known: Set<RuntimeFrame> = []
    private var code: [UInt32: RunTimeCode] = [:]
    /// Left by their processes: read for the last time with the next interval.
    private var leftCode: [UInt32] = []
    /// Of frames that were first met in the present interval.
    private var names: [RuntimeFrame: [RuntimeFunction]] = [:]
    /// Of those, some that could not be named yet: a program that runs the same again and again, each time in memory that
    /// others use in between, has what they refer to now and then.
    private var unnamed: Set<RuntimeFrame> = []
    private static let unnamedLimit = 256

    init(loader: UnwinderLoader, log: @escaping Engine.Log) {
        self.loader = loader
        self.log = log
    }

    /// Serves messages until `stop`.
    func run(
        _ messages: Mailbox<Message>, answer: (AttachAnswer) -> Void, deliver: (RawInterval) -> Void
    ) {
        while true {
            for message in messages.receive() {
                switch message {
                case .attach(let request): answer(attach(request))
                case .detach(let number): attachments[number]?.intervalsLeft = RuntimeThread.intervalsKept
                case .frames(let words):
                    nameAgain()
                    name(words)
                case .watchCode(let number, let names):
                    names.prepare()
                    code[number] = names
                case .leaveCode(let number): leftCode.append(number)
                case .interval(var interval):
                    for names in code.values { names.refresh() }
                    for number in leftCode { code[number] = nil }
                    leftCode = []
                    nameAgain()
                    unnamed = []
                    interval.runtimeNames = names
                    names = [:]
                    deliver(interval)
                    forgetDetached()
                case .forget:
                    known = []
                    unnamed = []
                case .stop: return
                }
            }
        }
    }

    private func attach(_ request: AttachRequest) -> AttachAnswer {
        var answer = AttachAnswer(
            key: request.key, kind: request.runtime.kind, number: request.number,
            outcome: .failure(RuntimeError(.unsupported, "")))
        do throws(RuntimeError) {
            let runtime = try request.runtime.executable.attach(to: request.process)
            let unwinder = try unwinder(of: request.runtime.kind)
            attachments[request.number] = Attachment(runtime: runtime)
            answer.outcome = .success((runtime.facts(attachment: request.number), unwinder.processes))
        } catch {
            answer.outcome = .failure(error)
        }
        return answer
    }

    /// Loaded with the first process that needs it.
    private func unwinder(of kind: RuntimeKind) throws(RuntimeError) -> LoadedUnwinder {
        let known = unwinders[kind.unwinder]
        let result: Result<LoadedUnwinder, BPFError>
        if let known {
            result = known
        } else {
            do throws(BPFError) {
                result = .success(
                    try loader.load(
                        object: kind.objectName, program: kind.programName, slot: kind.unwinder,
                        processesMap: kind.processesMapName))
                log(.info, "\(kind.name) found, its unwinder is loaded")
            } catch {
                result = .failure(error)
            }
            unwinders[kind.unwinder] = result
        }
        switch result {
        case .success(let unwinder): return unwinder
        case .failure(let error): throw RuntimeError(.unsupported, "\(error)")
        }
    }

    private func name(_ words: [UInt64]) {
        words.withUnsafeBufferPointer { words in
            ABIFrame.forEachRuntimeFrame(in: words) { frame in
                guard known.insert(frame).inserted else { return }
                let functions = attachments[frame.attachment]?.runtime.functions(of: frame.words) ?? []
                names[frame] = functions
                if functions.isEmpty, unnamed.count < RuntimeThread.unnamedLimit { unnamed.insert(frame) }
            }
        }
    }

    private func nameAgain() {
        for frame in unnamed {
            let functions = attachments[frame.attachment]?.runtime.functions(of: frame.words) ?? []
            guard !functions.isEmpty else { continue }
            names[frame] = functions
            unnamed.remove(frame)
        }
    }

    private func forgetDetached() {
        for (number, attachment) in attachments {
            guard let left = attachment.intervalsLeft else { continue }
            attachments[number] = left == 0 ? nil : Attachment(runtime: attachment.runtime, intervalsLeft: left - 1)
        }
    }
}

extension ABIFrame {
    /// Whether it is a frame of a managed runtime.
    var isRuntime: Bool { kind >= UInt8(FRAME_PYTHON.rawValue) }

    /// Calls `body` with each frame of a managed runtime among the words of user frames.
    static func forEachRuntimeFrame(in words: UnsafeBufferPointer<UInt64>, _ body: (RuntimeFrame) -> Void) {
        var position = 0
        while position < words.count {
            let frame = ABIFrame(header: words[position])
            let end = position + frame.wordCount
            if frame.isRuntime, end <= words.count {
                body(
                    RuntimeFrame(
                        kind: frame.kind, attachment: UInt32(truncatingIfNeeded: frame.data),
                        words: Array(words[(position + 1)..<end])))
            }
            position = end
        }
    }
}
