import ArgumentParser
import Collector
import UnwindCases

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `record-case`: records a thread's stack with everything that unwinding it looks at, for `Tests/UnwindCases`.
struct RecordCaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record-case",
        abstract: "Record stacks of a process, to be unwound again by tests.",
        discussion: """
            A case holds the thread's registers, the stack words that unwinding read, and the unwinding rules that it \
            used. It holds no other memory of the process.
            """,
        shouldDisplay: false)

    @Option(help: "The process to sample; it must be busy.")
    var pid: Int32?

    @Option(help: ArgumentHelp("In place of a process: a debugger's dump, see ProcessDump.", valueName: "file"))
    var dump: String?

    @Option(help: ArgumentHelp("Where to write; with --count, -1, -2, … are added. Default: standard output."))
    var output: String?

    @Option(help: "How many different stacks.")
    var count = 1

    @Option(help: "Only stacks with a function whose name contains this.")
    var function: String?

    @Option(help: "What the case shows.")
    var comment = ""

    func validate() throws {
        guard (pid == nil) != (dump == nil) else { throw ValidationError("give either --pid or --dump") }
        guard count >= 1 else { throw ValidationError("--count must be at least 1") }
    }

    func run() throws {
        if let dump {
            try write(ProcessDump(parsing: try Self.contents(of: dump)).build(), 0)
        } else if let pid {
            var recorder = CaseRecorder(pid: pid)
            recorder.count = count
            recorder.function = function
            recorder.comment = comment
            var written = 0
            try recorder.record { new in
                written += 1
                try write(new, written)
            }
        }
    }

    private func write(_ new: UnwindCase, _ number: Int) throws {
        guard let output else {
            print(new.text, terminator: "")
            return
        }
        let path = count > 1 ? "\(output)-\(number)" : output
        guard let file = fopen(path, "w") else {
            throw CollectorError("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let failed = fputs(new.text, file) < 0
        if fclose(file) != 0 || failed {
            throw CollectorError("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func contents(of path: String) throws -> String {
        guard let file = fopen(path, "r") else {
            throw CollectorError("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: UnwindCase.maximumFileBytes + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
