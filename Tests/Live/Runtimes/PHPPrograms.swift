import Glibc
import LiveSupport

/// A PHP that programs can be run with, in one of its ways to run them.
struct PHPInstallation: Sendable, CustomStringConvertible {
    /// How opcache takes part; its compiler exists since 8.0.
    enum Mode: String, Sendable, CaseIterable {
        case plain
        /// Functions are optimised and kept in shared memory; since 8.0 that is part of the following.
        case cached
        /// Loops and calls that are often taken become machine code.
        case tracing
        /// Every function becomes machine code when it is loaded.
        case function
        /// When it is run first.
        case first
        /// Once it has been called often enough.
        case counted
    }

    /// The test bed's name for it, or the path of one that was named.
    var name: String
    /// 7.4 is 704.
    var version: Int
    var mode: Mode
    /// Runs the script that is appended to it.
    var command: [String]
    /// Has modules that need other libraries, as FFI.
    var hasModules = true

    var description: String { "\(name) \(mode)" }

    /// `OTELCOL_TEST_PHP` may name more, by their paths with colons between. One for each version; `modes` are those of
    /// all of them.
    static let all: [PHPInstallation] = modes.filter { $0.mode == .plain }

    static let modes: [PHPInstallation] = {
        var found: [PHPInstallation] = []
        let named = getenv("OTELCOL_TEST_PHP").map { String(cString: $0) } ?? ""
        for path in named.split(separator: ":").map(String.init) {
            let script = "print(PHP_VERSION_ID . ' ' . (int)extension_loaded('FFI'));"
            let output = (try? Command.runBlocking([path, "-r", script], includingStandardError: false)) ?? ""
            let words = output.split(separator: " ").compactMap { Int($0) }
            guard words.count == 2 else { continue }
            for mode in Mode.allCases where mode == .plain || (mode == .cached) == (words[0] < 80_000) {
                found.append(
                    PHPInstallation(
                        name: path, version: words[0] / 100, mode: mode,
                        command: [path, "-d", "zend_extension=opcache"] + options(mode), hasModules: words[1] == 1))
            }
        }
        for version in [704, 802, 804, 805] {
            for mode in Mode.allCases where mode == .plain || (mode == .cached) == (version < 800) {
                let name = "php\(version / 100).\(version % 100)"
                guard let command = TestBed.command(runtime: name, [name] + options(mode)) else { continue }
                found.append(PHPInstallation(name: name, version: version, mode: mode, command: command))
            }
        }
        return found
    }()

    private static func options(_ mode: Mode) -> [String] {
        var settings = ["opcache.enable_cli=\(mode == .plain ? 0 : 1)", "pcre.jit=0"]
        switch mode {
        case .plain, .cached: break
        case .tracing: settings += ["opcache.jit_buffer_size=32M", "opcache.jit=tracing"]
        case .first: settings += ["opcache.jit_buffer_size=32M", "opcache.jit=1215"]
        case .counted: settings += ["opcache.jit_buffer_size=32M", "opcache.jit=1235"]
        case .function: settings += ["opcache.jit_buffer_size=32M", "opcache.jit=function"]
        }
        return settings.flatMap { ["-d", $0] }
    }
}

extension PHPInstallation {
    private func program(_ file: String, _ roles: [ManagedProgram.Role]) -> ManagedProgram {
        ManagedProgram(name: "\(self) \(file)", source: "php/\(file)", command: command, roles: roles)
    }

    private func frame(_ name: String, _ file: String, _ lines: ClosedRange<Int>) -> StackPattern.Element {
        .one(.managed(name, file: file, lines: lines))
    }

    /// A function written in C.
    private func builtIn(_ name: String) -> StackPattern.Element { frame(name, "", 0...0) }

    private var native: StackPattern.Element { .oneOrMore(.native) }

    /// Closures say where they were made since 8.4.
    private func closure(_ old: String, _ new: String) -> String { version >= 804 ? new : old }

    private func stack(_ elements: [StackPattern.Element]) -> StackPattern {
        StackPattern([.zeroOrMore(.kernel), .zeroOrMore(.native)] + elements + [native])
    }

    /// Methods, a static method, a closure that `array_map` calls, recursion, a generator, a namespace.
    var calls: ManagedProgram {
        let file = "calls.php"
        return program(
            file,
            [
                .init(
                    busy: .managed("App\\P::leaf", file: file, lines: 0...99),
                    stack: stack([
                        frame("App\\P::leaf", file, 4...4), frame("App\\P::a", file, 5...5),
                        frame(closure("App\\{closure}", "{closure:App\\c():7}"), file, 7...7), native,
                        builtIn("array_map"), frame("App\\c", file, 7...7), frame("App\\c", file, 7...7),
                        frame("App\\c", file, 7...7), frame("App\\gen", file, 8...8), native,
                        frame("<top-level>", file, 9...9),
                    ]))
            ])
    }

    /// Generators that delegate to one another: two of the three are on no stack.
    var generators: ManagedProgram {
        let file = "generators.php"
        return program(
            file,
            [
                .init(
                    busy: .managed("leaf", file: file, lines: 0...99),
                    stack: stack([
                        frame("leaf", file, 3...3), frame("inner", file, 4...4), native, frame("middle", file, 5...5),
                        frame("outer", file, 6...6), frame("<top-level>", file, 7...7),
                    ]))
            ])
    }

    /// A second file, and a method that stands in for one that does not exist.
    var includes: ManagedProgram {
        let file = "included.php"
        return program(
            "includes.php",
            [
                .init(
                    busy: .managed("spin", file: file, lines: 0...99),
                    stack: stack([
                        frame("spin", file, 2...2), frame("Base::__call", file, 3...3),
                        frame("<top-level>", file, 4...4), frame("<top-level>", "includes.php", 3...3),
                    ]))
            ])
    }

    /// Exceptions that are thrown and caught all the time.
    var exceptions: ManagedProgram {
        let file = "exceptions.php"
        return program(
            file,
            [
                .init(
                    busy: .managed("busy", file: file, lines: 0...99),
                    stack: stack([
                        frame("busy", file, 3...3), .optional(.managed("work", file: file, lines: 5...5)),
                        frame("<top-level>", file, 7...7),
                    ]))
            ])
    }

    /// A fiber in a sort in evaluated code. What is below the fiber's own stack follows behind a marker.
    var fibers: ManagedProgram {
        let file = "fibers.php", code = "fibers.php(7) : eval()'d code"
        return program(
            file,
            [
                .init(
                    busy: .managed("leaf", file: file, lines: 0...99),
                    stack: StackPattern([
                        .zeroOrMore(.kernel), .zeroOrMore(.native), frame("leaf", file, 3...3),
                        frame("inner", file, 4...4), frame("Work::run", file, 5...5),
                        frame(closure("{closure}", "{closure:{closure:/w/\(code):1}:1}"), code, 1...1), native,
                        .one(.object("[gap]")), builtIn("Fiber::start"),
                        frame(closure("{closure}", "{closure:/w/\(code):1}"), code, 1...1), builtIn("usort"),
                        frame("<eval'd code>", code, 1...1), frame("<top-level>", file, 7...7),
                        .optional(.object("[stop]")),
                    ]))
            ])
    }

    /// A function written in C does the work.
    var natives: ManagedProgram {
        let file = "natives.php"
        return program(
            file,
            [
                .init(
                    busy: .managed("sha1", file: "", lines: 0...0),
                    stack: stack([
                        builtIn("sha1"), frame("digest", file, 3...3), frame("<top-level>", file, 5...5),
                    ]))
            ])
    }

    /// Short functions, called from PHP and from C millions of times: samples fall between any two steps of a call.
    var hot: ManagedProgram {
        let file = "hot.php"
        let fib = FramePattern.managed("fib", file: file, lines: 0...3)
        let closure = FramePattern.managed(
            closure("Sorter::{closure}", "Sorter::{closure:Sorter::order():5}"), file: file, lines: 0...5)
        return program(
            file,
            [
                .init(busy: fib, stack: stack([.oneOrMore(fib), frame("<top-level>", file, 10...10)])),
                .init(
                    busy: .managed("usort", file: "", lines: 0...0),
                    stack: stack([
                        .optional(closure), .zeroOrMore(.native), builtIn("usort"),
                        frame("Sorter::order", file, 5...5), frame("<top-level>", file, 11...11),
                    ])),
            ])
    }

    /// A server whose requests run two scripts by turns, in the same memory.
    var requests: ManagedProgram { program("requests.php", []) }

    /// A page that never ends, of the programs below.
    private func page(_ source: String) -> ManagedProgram {
        let file = "busy.php"
        return program(
            source,
            [
                .init(
                    busy: .managed("Page::render", file: file, lines: 0...99),
                    stack: stack([
                        frame("Page::render", file, 3...3),
                        frame(closure("Page::{closure}", "Page::{closure:Page::show():4}"), file, 4...4), native,
                        builtIn("array_map"), frame("Page::show", file, 4...4), frame("<top-level>", file, 10...10),
                    ]))
            ])
    }

    /// Served by FPM with opcache and its compiler, and by Apache with PHP as a module: where these are installed.
    var servers: [ManagedProgram] {
        guard mode == .plain, let root = TestBed.root(runtime: name) else { return [] }
        let version = "\(version / 100).\(version % 100)"
        return [
            ("fpm.php", "/usr/sbin/php-fpm\(version)"),
            ("apache.php", "/usr/lib/apache2/modules/libphp\(version).so"),
        ].filter { access(root + $0.1, F_OK) == 0 }.map { page($0.0) }
    }

    /// As in a container, with opcache's compiler where there is one; nil for interpreters that the test bed does not have.
    var contained: ManagedProgram? {
        guard let command = TestBed.command(runtime: name, isContained: true, [name] + Self.options(mode)) else { return nil }
        var program = calls
        program.name += " contained"
        program.command = command
        return program
    }

    /// Rewrites links of its own frames while they are followed.
    var hostile: ManagedProgram { program("hostile.php", []) }

    var hasFibers: Bool { version >= 801 }
}
