import CLiveSupport
import Glibc
import Synchronization

/// A program started by a test: its standard output is read line by line, its standard error goes where the test's own
/// does unless it is captured too. When the last reference goes, the process is killed and reaped.
///
/// Reading and waiting block the calling thread; from asynchronous code use `Command.run` or `onThread`.
public final class ChildProcess: Sendable {
    public let pid: pid_t
    private struct State {
        var descriptor: Int32
        var buffered: [UInt8] = []
        var exit: Command.Exit?
    }
    private let state: Mutex<State>

    /// - Parameters:
    ///   - arguments: the program (looked up in `PATH`) and its arguments.
    ///   - environment: variables added to the test's own.
    public init(
        _ arguments: [String], environment: [String: String] = [:], includingStandardError: Bool = false,
        folder: String? = nil
    ) throws {
        guard let name = arguments.first, let program = Tool.path(of: name) else {
            throw SystemError("start of \(arguments.first ?? "nothing")", code: ENOENT)
        }
        let variables = Self.ownEnvironment().merging(environment) { $1 }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var child: pid_t = 0
        var output: Int32 = -1
        let error = live_spawn(program, &argv, &envp, folder, includingStandardError ? 1 : 0, &child, &output)
        guard error == 0 else { throw SystemError("start of \(program)", code: error) }
        pid = child
        state = Mutex(State(descriptor: output))
    }

    private static func ownEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { variables[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return variables
    }

    /// The next line of output without its end; nil at the end of the output.
    public func readLine() throws -> String? {
        try state.withLock { state in
            while true {
                if let end = state.buffered.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: state.buffered[..<end], as: UTF8.self)
                    state.buffered.removeSubrange(...end)
                    return line
                }
                if try Self.fill(&state) == 0 {
                    if state.buffered.isEmpty { return nil }
                    defer { state.buffered = [] }
                    return String(decoding: state.buffered, as: UTF8.self)
                }
            }
        }
    }

    /// All output up to its end.
    public func readToEnd() throws -> String {
        try state.withLock { state in
            while try Self.fill(&state) > 0 {}
            defer { state.buffered = [] }
            return String(decoding: state.buffered, as: UTF8.self)
        }
    }

    private static func fill(_ state: inout State) throws -> Int {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(state.descriptor, &chunk, chunk.count)
            if count >= 0 {
                state.buffered.append(contentsOf: chunk.prefix(count))
                return count
            }
            if errno != EINTR { throw SystemError("read from a child") }
        }
    }

    public func send(_ signal: Int32) { kill(pid, signal) }

    /// Blocks until the process has ended; may be called again.
    @discardableResult
    public func wait() -> Command.Exit {
        state.withLock { state in
            if let exit = state.exit { return exit }
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            // wait(2): the low 7 bits are the signal, 0 for a normal end; the code is in the next byte.
            let signal = status & 0x7f
            let exit: Command.Exit = signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
            state.exit = exit
            return exit
        }
    }

    deinit {
        let descriptor = state.withLock { state in
            if state.exit == nil { kill(pid, SIGKILL) }
            return state.descriptor
        }
        wait()
        close(descriptor)
    }
}
