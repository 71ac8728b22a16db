import Glibc
import LiveSupport

/// A Perl that programs can be run with.
struct PerlInstallation: Sendable, CustomStringConvertible {
    /// The test bed's name for it, or "perl" for the machine's own.
    var name: String
    /// Of 5.36: 36.
    var version: Int
    /// Runs the script that is appended to it.
    var command: [String]
    /// Has modules that are written in C.
    var hasModules = true

    var description: String { name }

    /// `OTELCOL_TEST_PERL` may name one more, a `miniperl` for example: distributions have none without threads.
    static let all: [PerlInstallation] = {
        var found: [PerlInstallation] = []
        let version = try? Command.runBlocking(
            ["/usr/bin/perl", "-e", "print +(split /[.]/, sprintf '%vd', $^V)[1]"], includingStandardError: false)
        if let version, let number = Int(version) {
            found.append(PerlInstallation(name: "perl", version: number, command: ["/usr/bin/perl"]))
        }
        for version in [32, 36, 40, 42] {
            let name = "perl5.\(version)"
            guard let command = TestBed.command(runtime: name, ["perl"]) else { continue }
            found.append(PerlInstallation(name: name, version: version, command: command))
        }
        if let named = getenv("OTELCOL_TEST_PERL").map({ String(cString: $0) }) {
            found.append(PerlInstallation(name: "other perl", version: 36, command: [named], hasModules: false))
        }
        return found
    }()
}

extension PerlInstallation {
    private func program(
        _ file: String, _ arguments: [String] = [], _ roles: [ManagedProgram.Role]
    ) -> ManagedProgram {
        let name = ([name, file] + arguments).joined(separator: " ")
        return ManagedProgram(name: name, source: "perl/\(file)", command: command, arguments: arguments, roles: roles)
    }

    private func frame(_ name: String, _ file: String, _ line: Int) -> StackPattern.Element {
        .one(.managed(name, file: file, lines: line...line))
    }

    private var native: StackPattern.Element { .oneOrMore(.native) }

    private func stack(_ elements: [StackPattern.Element]) -> StackPattern {
        StackPattern([.zeroOrMore(.kernel), .zeroOrMore(.native)] + elements + [.oneOrMore(.native)])
    }

    private func role(_ name: String, _ file: String, _ elements: [StackPattern.Element]) -> ManagedProgram.Role {
        .init(busy: .managed(name, file: file, lines: 1...99), stack: stack(elements))
    }

    /// Methods, an anonymous subroutine, a lexical one, recursion, a loop: one activation of the interpreter's loop.
    var calls: ManagedProgram {
        let file = "calls.pl"
        return program(
            file, [],
            [
                role(
                    "Shape::Round::leaf", file,
                    [
                        frame("Shape::Round::leaf", file, 4), frame("Shape::Round::turn", file, 5),
                        frame("main::__ANON__", file, 12), frame("main::descend", file, 14),
                        frame("main::descend", file, 10), frame("main::descend", file, 10), frame("hidden", file, 16),
                        frame("main::plain", file, 17), frame("<top-level>", file, 18),
                    ])
            ])
    }

    /// Code that C code calls: a block of List::Util's `first`, with an `eval` in it; a handler of warnings; a string.
    var callbacks: ManagedProgram {
        let file = "callbacks.pl"
        return program(
            file, [],
            [
                role(
                    "main::leaf", file,
                    [
                        frame("main::leaf", file, 3), frame("main::cb", file, 4), frame("main::__ANON__", file, 5),
                        native, frame("main::outer", file, 5), frame("main::__ANON__", file, 6), native,
                        frame("main::t", file, 6), frame("<top-level>", "(eval 1)", 1), frame("<top-level>", file, 7),
                    ])
            ])
    }

    /// A signal's handler in a tied variable's method in an overloaded operator in a destructor in two sorts, the outer
    /// one in a substitution: each has a stack of contexts of its own.
    var magic: ManagedProgram {
        let file = "magic.pl"
        return program(
            file, [],
            [
                role(
                    "main::leaf", file,
                    [
                        frame("main::leaf", file, 2), frame("main::__ANON__", file, 3), native,
                        frame("Tied::FETCH", file, 6), native, frame("Over::__ANON__", file, 8), native,
                        frame("Gone::DESTROY", file, 10), native, frame("main::compare", file, 12), native,
                        frame("main::inner", file, 13), frame("main::by_inner", file, 14), native,
                        frame("main::named", file, 15), frame("main::replace", file, 16),
                        frame("<top-level>", file, 17),
                    ])
            ])
    }

    /// Code in a regular expression, which runs in the scope around it, in a format.
    var formats: ManagedProgram {
        let file = "formats.pl"
        return program(
            file, [],
            [
                role(
                    "main::leaf", file,
                    [
                        frame("main::leaf", file, 2), native, frame("main::matched", file, 3),
                        frame("main::OUT", file, 6), frame("main::report", file, 9), frame("<top-level>", file, 10),
                    ])
            ])
    }

    /// `use` in a string in a `BEGIN` block of a file that `require` loads, in another string.
    var evals: ManagedProgram {
        let file = "evals.pl"
        // Until 5.34 all that is being compiled shares one statement, which says where the innermost compilation is.
        let loading = version < 36 ? frame("<top-level>", "(eval 2)", 1) : frame("<top-level>", "Loaded.pm", 6)
        return program(
            file, [],
            [
                role(
                    "Used::leaf", "Used.pm",
                    [
                        frame("Used::leaf", "Used.pm", 2), frame("Used::import", "Used.pm", 3),
                        frame("Loaded::BEGIN", "(eval 2)", 1), native, frame("<top-level>", "(eval 2)", 1),
                        frame("Loaded::BEGIN", "Loaded.pm", 5), native, loading, frame("<top-level>", "(eval 1)", 2),
                        frame("main::outer", file, 3), frame("<top-level>", file, 4),
                    ])
            ])
    }

    /// Two threads, each with an interpreter of its own.
    var threads: ManagedProgram {
        let file = "threads.pl"
        return program(
            file, [],
            [
                role(
                    "main::first_leaf", file,
                    [
                        frame("main::first_leaf", file, 3), frame("main::in_main", file, 7),
                        frame("<top-level>", file, 8),
                    ]),
                role(
                    "main::second_leaf", file,
                    [
                        frame("main::second_leaf", file, 4), frame("main::in_thread", file, 5),
                        frame("main::in_thread", file, 5), frame("main::in_thread", file, 5),
                    ]),
            ])
    }

    /// C code that calls Perl code so often that half of the time it is between two calls.
    func between(_ what: String) -> ManagedProgram {
        let file = "between.pl"
        let isSearch = what == "search"
        let name = isSearch ? "main::search" : "main::order", line = isSearch ? 4 : 5
        let caller = isSearch ? "main::searching" : "main::ordering", callerLine = isSearch ? 6 : 7
        return program(
            file, [what],
            [
                role(
                    name, file,
                    [
                        .optional(.managed("main::__ANON__", file: file, lines: 4...4)), .zeroOrMore(.native),
                        frame(name, file, line), frame(caller, file, callerLine), frame("<top-level>", file, 8),
                    ])
            ])
    }

    /// Names that Perl keeps as Latin-1, and as UTF-8.
    var unicode: ManagedProgram {
        let file = "größe.pl"
        return program(
            file, [],
            [
                role(
                    "Maß::größe", file,
                    [
                        frame("Maß::größe", file, 4), frame("Ω::测量", file, 6), frame("<top-level>", file, 8),
                    ])
            ])
    }

    /// 401 frames of one subroutine.
    var recursion: ManagedProgram {
        let file = "recursion.pl"
        let descend = FramePattern.managed("main::descend", file: file, lines: 5...7)
        return program(
            file, [],
            [.init(busy: descend, stack: stack([.times(401, descend), frame("<top-level>", file, 9)]))])
    }

    /// Subroutines that are made, run and freed all the time: each has its own name in a file of its own.
    var churn: ManagedProgram { program("churn.pl", [], []) }

    /// As in a container; nil for interpreters that the test bed does not have.
    var contained: ManagedProgram? {
        guard let command = TestBed.command(runtime: name, isContained: true, ["perl"]) else { return nil }
        var program = calls
        program.name += " contained"
        program.command = command
        return program
    }

    /// Rewrites its contexts and names while they are followed.
    var hostile: ManagedProgram { program("hostile.pl", [], []) }

    var proven: [ManagedProgram] {
        [calls, magic, formats, unicode, recursion]
            + (hasModules ? [callbacks, evals, threads, between("search"), between("sort")] : [])
    }
}
