import Glibc
import LiveSupport

/// A CPython that programs can be run with.
struct PythonInstallation: Sendable, CustomStringConvertible {
    /// The test bed's name for it, "python3" for the machine's own, or the path of one that was named.
    var name: String
    var minor: Int
    /// Built without the global interpreter lock.
    var isFreeThreaded = false
    /// Runs the script that is appended to it.
    var command: [String]
    /// Of `libpython`, where the interpreter is in one.
    var library: String?
    /// Has modules that need other libraries, as `_ctypes`.
    var hasModules = true

    var description: String { name }

    /// Since 3.11 functions have qualified names, and calls among Python functions stay in one activation of the loop.
    var isModern: Bool { minor >= 11 }

    /// `OTELCOL_TEST_PYTHON` may name more, by their paths with colons between.
    static let all: [PythonInstallation] = {
        var found: [PythonInstallation] = []
        let named = getenv("OTELCOL_TEST_PYTHON").map { String(cString: $0) } ?? ""
        for path in ["/usr/bin/python3"] + named.split(separator: ":").map(String.init) {
            guard let python = described(path) else { continue }
            found.append(python)
        }
        for minor in [9, 11, 13, 14, 15] {
            let name = "python3.\(minor)"
            guard let command = TestBed.command(runtime: name, [name]) else { continue }
            found.append(PythonInstallation(name: name, minor: minor, command: command))
        }
        return found
    }()

    private static func described(_ path: String) -> PythonInstallation? {
        let script = """
            import sys, sysconfig
            get = sysconfig.get_config_var
            try: import _ctypes, hashlib; hashlib.sha256; modules = 1
            except ImportError: modules = 0
            library = get('LIBDIR') + '/' + get('INSTSONAME') if get('Py_ENABLE_SHARED') else '-'
            print(sys.version_info[1], get('Py_GIL_DISABLED') or 0, modules, library)
            """
        let output = (try? Command.runBlocking([path, "-c", script], includingStandardError: false)) ?? ""
        let words = output.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 4, let minor = Int(words[0]) else { return nil }
        return PythonInstallation(
            name: path == "/usr/bin/python3" ? "python3" : path, minor: minor, isFreeThreaded: words[1] == "1",
            command: [path], library: words[3] == "-" ? nil : words[3], hasModules: words[2] == "1")
    }
}

extension PythonInstallation {
    func program(_ file: String, _ roles: [ManagedProgram.Role]) -> ManagedProgram {
        ManagedProgram(name: "\(name) \(file)", source: "python/\(file)", command: command, roles: roles)
    }

    private func frame(_ name: String, _ file: String, _ lines: ClosedRange<Int>) -> StackPattern.Element {
        .one(.managed(name, file: file, lines: lines))
    }

    private func frame(
        _ name: String, _ qualified: String, _ file: String, _ lines: ClosedRange<Int>
    ) -> StackPattern.Element {
        frame(isModern ? qualified : name, file, lines)
    }

    /// What lies between Python functions that call each other: nothing, or until 3.10 an activation of the loop.
    private var call: StackPattern.Element { isModern ? .times(0, .native) : native }
    private var native: StackPattern.Element { .oneOrMore(.native) }
    /// 3.11 leaves the loop for calls with unpacked arguments, and to resume a coroutine.
    private var unpackedCall: StackPattern.Element { minor >= 12 ? .times(0, .native) : native }
    /// Since 3.14 a thread runs in a context of its own, by `Context.run`.
    private var contextCall: StackPattern.Element { minor >= 14 ? native : call }

    private func stack(_ elements: [StackPattern.Element]) -> StackPattern {
        StackPattern([.zeroOrMore(.kernel), .zeroOrMore(.native)] + elements + [.oneOrMore(.native)])
    }

    /// Methods, a static method, a generator, a lambda that `sorted` calls, recursion, a module.
    var calls: ManagedProgram {
        let file = "calls.py"
        return program(
            file,
            [
                .init(
                    busy: .managed(isModern ? "K.leaf" : "leaf", file: file, lines: 1...99),
                    stack: stack([
                        frame("leaf", "K.leaf", file, 5...6), call, frame("st", "K.st", file, 9...9), call,
                        frame("gen", file, 14...14), native,
                        frame("<lambda>", "rec.<locals>.<lambda>", file, 18...18), native,
                        frame("rec", file, 18...18), call, frame("rec", file, 17...17), call,
                        frame("rec", file, 17...17), call, frame("<module>", file, 19...19),
                    ]))
            ])
    }

    /// A thread that has let go of the interpreter's lock, and one that has it.
    var threads: ManagedProgram {
        let file = "threads.py", library = "threading.py"
        return program(
            file,
            [
                .init(
                    busy: .managed("without_lock", file: file, lines: 1...99),
                    stack: stack([
                        frame("without_lock", file, 5...5), call, frame("hasher", file, 6...6), unpackedCall,
                        frame("run", "Thread.run", library, 1...9999), contextCall,
                        frame("_bootstrap_inner", "Thread._bootstrap_inner", library, 1...9999), call,
                        frame("_bootstrap", "Thread._bootstrap", library, 1...9999),
                    ])),
                .init(
                    busy: .managed("leaf", file: file, lines: 1...99),
                    stack: stack([
                        frame("leaf", file, 11...11), call, frame("middle", file, 12...12), call,
                        frame("<module>", file, 13...13),
                    ])),
            ])
    }

    /// Coroutines that await each other, run by the event loop.
    var coroutines: ManagedProgram {
        let file = "coroutines.py"
        return program(
            file,
            [
                .init(
                    busy: .managed("busy", file: file, lines: 1...99),
                    stack: stack([
                        frame("busy", file, 5...6), unpackedCall, frame("middle", file, 9...9), unpackedCall,
                        frame("main", file, 11...11), native,
                        frame("_run", "Handle._run", "events.py", 1...9999),
                        .zeroOrMore(.either(.native, .anyManaged)), frame("<module>", file, 12...12),
                    ]))
            ])
    }

    /// Tasks of asyncio that wait for one another: the callers of a coroutine that no stack has.
    var tasks: ManagedProgram {
        let file = "awaiters.py", awaited = frame("(awaited by)", "", 0...0)
        func library(_ name: String, _ file: String) -> StackPattern.Element { frame(name, file, 1...9999) }
        return program(
            file,
            [
                .init(
                    busy: .managed("leaf", file: file, lines: 1...99),
                    stack: stack([
                        frame("leaf", file, 4...5), frame("fetch", file, 8...8), awaited,
                        library("TaskGroup._aexit", "taskgroups.py"), library("TaskGroup.__aexit__", "taskgroups.py"),
                        frame("grouped", file, 10...10), awaited, frame("gathered", file, 14...14),
                        library("wait_for", "tasks.py"), frame("waited", file, 16...16), awaited,
                        frame("main", file, 18...18), native, library("Handle._run", "events.py"),
                        .zeroOrMore(.either(.native, .anyManaged)), frame("<module>", file, 31...31),
                    ]))
            ])
    }

    /// Names of two and of four bytes a character, in a file whose name is not ASCII.
    var unicode: ManagedProgram {
        let file = "größe.py"
        return program(
            file,
            [
                .init(
                    busy: .managed("größe", file: file, lines: 1...99),
                    stack: stack([
                        frame("größe", file, 4...5), call, frame("测量", file, 6...6), call,
                        frame("<module>", file, 7...7),
                    ]))
            ])
    }

    /// An interpreter within the interpreter. In the same thread, since 3.12, no more is known of the outer one's frames.
    var subinterpreters: ManagedProgram {
        let inner = "<string>"
        return program(
            "subinterpreters.py",
            [
                .init(
                    busy: .managed("inner", file: inner, lines: 1...99),
                    stack: stack([
                        frame("inner", inner, 3...4), call, frame("outer", inner, 5...5), call,
                        frame("<module>", inner, 6...6),
                    ] + outerInterpreter))
            ])
    }

    private var outerInterpreter: [StackPattern.Element] {
        guard minor < 12 else { return [] }
        let file = "subinterpreters.py"
        return [native, frame("start", file, 14...14), call, frame("<module>", file, 15...15)]
    }

    /// The first of these programs, run by a program in C that has loaded the interpreter.
    func embedded(in executable: String) -> ManagedProgram? {
        guard let library else { return nil }
        var program = calls
        program.name += " embedded"
        program.command = [executable, library]
        return program
    }

    /// As in a container; nil for interpreters that the test bed does not have.
    var contained: ManagedProgram? {
        guard let command = TestBed.command(runtime: name, isContained: true, [name]) else { return nil }
        var program = calls
        program.name += " contained"
        program.command = command
        return program
    }

    /// Functions that are made, run and freed all the time: each has its own name in a file of its own.
    var churn: ManagedProgram { program("churn.py", []) }

    /// 901 frames of one function: one activation since 3.11. Before, their native frames exceed what a trace holds.
    var recursion: ManagedProgram {
        let file = "recursion.py"
        let descend = FramePattern.managed("descend", file: file, lines: 5...9)
        let whole = stack([.times(901, descend), frame("<module>", file, 10...10)])
        let cut = StackPattern([
            .zeroOrMore(.kernel), .zeroOrMore(.native), .one(descend), .oneOrMore(.either(.native, descend)),
            .one(.object("[stop]")),
        ])
        return program(file, [.init(busy: descend, stack: isModern ? whole : cut)])
    }

    /// Rewrites its frames' links while they are followed.
    var hostile: ManagedProgram { program("hostile.py", []) }
}
