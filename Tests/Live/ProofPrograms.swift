/// The table of expectations. Each was checked against another unwinder (`ExpectationTests`).
///
/// Debian's C library keeps the names of its start code (`__libc_start_call_main`, `start_thread`, `clone3`) in
/// separate debug files: dynamic programs are expected to pass through the library's code, static ones to name the
/// functions.
extension ProofProgram {
    static let all: [ProofProgram] =
        chains + callbacks + signals + libraries + processes + stacks + coroutines + withoutTables + kernelBorder
        + languages

    /// The program of that name in the table.
    static func named(_ name: String) -> ProofProgram { all.first { $0.name == name } ?? shares }

    private static let interrupted = StackPattern(.zeroOrMore(.kernel))

    /// main and what calls it in a program that uses the shared C library.
    private static let mainAndRoot = StackPattern(
        .function("main"), .oneOrMore(.object("libc.so.6")), .function("_start"))

    /// main and what calls it in a statically linked program.
    private static let mainAndStaticRoot = StackPattern(
        .function("main"), .function("__libc_start_call_main"),
        .one(.either(.function("__libc_start_main"), .function("__libc_start_main_impl"))), .function("_start"))

    private static func frames(_ names: String...) -> StackPattern { StackPattern(names.map { .function($0) }) }

    // MARK: One chain, every kind of executable

    private static func chain(
        _ name: String, _ flags: [String], root: StackPattern = mainAndRoot, isStripped: Bool = false,
        oracle: Oracle = .perf
    ) -> ProofProgram {
        ProofProgram(
            name: name, source: "chain.c", flags: flags, isStripped: isStripped, busy: .function("chain_inner"),
            // With debugging information the loop that is inlined into the leaf is a frame of its own.
            stack: interrupted + StackPattern(.optional(.function("proof_burn")))
                + frames("chain_inner", "chain_middle", "chain_outer") + root, oracle: oracle)
    }

    private static let chains = [
        chain("chain-pie", ["-pie", "-fPIE"]),
        chain("chain-fixed", ["-no-pie", "-fno-pie"]),
        chain("chain-staticpie", ["-static-pie", "-fPIE"], root: mainAndStaticRoot),
        chain("chain-static", ["-static", "-no-pie", "-fno-pie"], root: mainAndStaticRoot, oracle: .gdb),
        chain("chain-stripped", ["-pie", "-fPIE", "-rdynamic"], isStripped: true),
        chain(
            "chain-no-index", ["-static", "-no-pie", "-fno-pie", "-Wl,--no-eh-frame-hdr"], root: mainAndStaticRoot,
            oracle: .gdb),
        chain(
            "chain-framepnt",
            ["-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions"],
            oracle: .gdb),
        // `.debug_frame` is all that there is.
        chain(
            "chain-debugfrm",
            ["-g", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions"], oracle: .gdb),
        chain(
            "chain-debugfrmz",
            ["-g", "-gz", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions"], oracle: .gdb),
        ProofProgram(
            name: "recursion", source: "recursion.c", busy: .function("recursion_inner"),
            stack: interrupted + frames("recursion_inner", "recursion_bottom")
                + StackPattern(.times(900, .function("recursion_step"))) + frames("recursion_outer") + mainAndRoot,
            oracle: .perfBytes(32_768)),
        ProofProgram(
            name: "large-frames", source: "large_frames.c", busy: .function("large_inner"),
            stack: interrupted + frames("large_inner", "large_middle", "large_outer") + mainAndRoot,
            // More than a stack snapshot holds.
            warmUpSeconds: 1, oracle: .gdb),
    ]

    // MARK: Through a library and back

    private static let callbacks = [
        ProofProgram(
            name: "qsort", source: "qsort.c", busy: .function("qsort_compare"),
            stack: interrupted + frames("qsort_compare") + StackPattern(.oneOrMore(.object("libc.so.6")))
                + frames("qsort_outer") + mainAndRoot),
        ProofProgram(
            name: "qsort-static", source: "qsort.c", flags: ["-static"], busy: .function("qsort_compare"),
            stack: interrupted + frames("qsort_compare")
                + StackPattern(
                    .oneOrMore(.functionContaining("msort_with_tmp")), .one(.functionContaining("qsort")))
                + frames("qsort_outer") + mainAndStaticRoot, oracle: .gdb),
        ProofProgram(
            name: "std-sort", source: "sort.cpp", busy: .function("sort_compare"),
            stack: interrupted + frames("sort_compare") + StackPattern(.zeroOrMore(.functionContaining("std::__")))
                + frames("sort_outer") + mainAndRoot),
    ]

    // MARK: Signals

    private static func signal(
        _ name: String, _ trampoline: FramePattern, flags: [String] = [], arguments: [String] = [],
        root: StackPattern = mainAndRoot, warmUpSeconds: Double = 0, oracle: Oracle = .perf
    ) -> ProofProgram {
        ProofProgram(
            name: name, source: "signal.c", flags: flags, arguments: arguments, busy: .function("signal_inner"),
            stack: interrupted + frames("signal_inner", "signal_handler")
                + StackPattern(.one(trampoline), .optional(.function("signal_step")))
                + StackPattern(
                    // The timer may also hit the clock reading of the waiting loop.
                    .zeroOrMore(.either(.object("[vdso]"), .object("libc.so.6"))))
                + frames("signal_waiting", "signal_middle", "signal_outer") + root,
            busyShare: 0.05, warmUpSeconds: warmUpSeconds, oracle: oracle)
    }

    private static let signals = [
        signal("signal", .object("libc.so.6")),
        signal(
            "signal-static", .function("__restore_rt"), flags: ["-static"], root: mainAndStaticRoot, oracle: .gdb),
        // A snapshot holds one stack, not also the one that the signal interrupted.
        signal("signal-altstack", .object("libc.so.6"), arguments: ["altstack"], warmUpSeconds: 1, oracle: .gdb),
    ]

    // MARK: Shared libraries

    private static let libraries = [
        ProofProgram(
            name: "plt", source: "plt.c",
            library: ("plt_library.c", "libplt.so", ["-shared", "-fPIC", "-Wl,-z,lazy"]), isLinkedToLibrary: true,
            busy: .function("plt_middle"),
            stack: interrupted
                // In the stub, in the function that it leads to, or in neither.
                + StackPattern(.optional(.object("libplt.so"))) + frames("plt_middle", "plt_outer", "plt_main")
                + mainAndRoot),
        ProofProgram(
            name: "dlopen", source: "dlopen.c", library: ("plugin.c", "plugin.so", ["-shared", "-fPIC"]),
            arguments: ["@plugin.so"], busy: .function("plugin_inner"),
            stack: interrupted + frames("plugin_inner", "plugin_middle", "plugin_outer", "dlopen_main") + mainAndRoot,
            busyShare: 0.3),
    ]

    // MARK: Processes and threads that come and go

    private static let processes = [
        ProofProgram(
            name: "exec", source: "exec.c", arguments: ["@chain"], busy: .function("chain_inner"),
            stack: interrupted + frames("chain_inner", "chain_middle", "chain_outer") + mainAndRoot, busyShare: 0.3,
            threadName: "chain", oracle: .gdb),
        ProofProgram(
            name: "orphan-thread", source: "orphan_thread.c", busy: .function("thread_inner"),
            stack: interrupted + frames("thread_inner", "thread_middle", "thread_outer", "thread_main")
                + StackPattern(.oneOrMore(.object("libc.so.6")))),
        ProofProgram(
            name: "static-thread", source: "orphan_thread.c", flags: ["-static"], busy: .function("thread_inner"),
            stack: interrupted + frames("thread_inner", "thread_middle", "thread_outer", "thread_main", "start_thread")
                + StackPattern(.one(.functionContaining("clone"))), oracle: .gdb),
        ProofProgram(
            name: "short-lived", source: "short_lived.c", busy: .function("short_inner"),
            stack: interrupted + frames("short_inner", "short_middle", "short_outer") + mainAndRoot,
            isSelectedByThreadName: true, oracle: .gdb),
    ]

    // MARK: Stacks in unusual places, and code that people wrote in assembly

    private static let stacks = [
        ProofProgram(
            name: "vfork", source: "vfork.c", busy: .function("vfork_inner"),
            stack: interrupted + frames("vfork_inner", "vfork_middle", "vfork_outer") + mainAndRoot,
            isSelectedByThreadName: true),
        ProofProgram(
            name: "clone", source: "clone.c", busy: .function("clone_inner"),
            stack: interrupted + frames("clone_inner", "clone_outer", "clone_main")
                + StackPattern(.one(.object("libc.so.6"))), isSelectedByThreadName: true),
        ProofProgram(
            name: "digest", source: "digest.c", busy: .object("libcrypto.so.3"),
            stack: interrupted + StackPattern(.oneOrMore(.object("libcrypto.so.3")))
                + frames("digest_middle", "digest_outer") + mainAndRoot,
            // perf does not follow the expressions by which this code says where its frame is.
            oracle: .gdb),
    ]

    // MARK: Coroutines

    private static let coroutineChain =
        interrupted + frames("coroutine_inner", "coroutine_middle", "coroutine_outer", "coroutine_main")

    private static let coroutines = [
        ProofProgram(
            name: "coroutine", source: "coroutine.c", busy: .function("coroutine_inner"),
            stack: coroutineChain + StackPattern(.one(.object("libc.so.6"))),
            // gdb goes on with what lies on the stack.
            oracleStack: coroutineChain + StackPattern(.one(.object("libc.so.6")), .zeroOrMore(.native)), oracle: .gdb),
        ProofProgram(
            name: "coroutine-boost", source: "coroutine.c", flags: ["-DLIKE_BOOST"], busy: .function("coroutine_inner"),
            stack: coroutineChain + frames("context_begin"),
            oracleStack: coroutineChain + frames("context_begin") + StackPattern(.zeroOrMore(.native)), oracle: .gdb),
    ]

    // MARK: Code without call frame information: start files, and a C library

    private static let mainAndMuslRoot = frames("main", "libc_start_main_stage2", "_start")

    private static let withoutTables = [
        ProofProgram(
            name: "destructor", source: "destructor.c",
            library: ("destructor_library.c", "destructor.so", ["-shared", "-fPIC"]), arguments: ["@destructor.so"],
            busy: .function("destructor_inner"),
            stack: interrupted + frames("destructor_inner", "destructor_outer", "destructor_main")
                + StackPattern(.one(.object("libc.so.6"))) + frames("__do_global_dtors_aux")
                + StackPattern(.oneOrMore(.either(.object("ld-linux-x86-64.so.2"), .object("libc.so.6"))))
                + frames("destructor_closes") + mainAndRoot,
            // gdb takes a word too many for a return address.
            oracleStack: interrupted + frames("destructor_inner", "destructor_outer", "destructor_main")
                + StackPattern(.one(.object("libc.so.6"))) + frames("__do_global_dtors_aux")
                + StackPattern(.oneOrMore(.native)) + frames("destructor_closes") + mainAndRoot, oracle: .gdb),
        // The executable's calls are bound when they are first made.
        ProofProgram(
            name: "binding", source: "binding.c", flags: ["-Wl,-z,lazy"],
            library: ("binding_library.c", "libbinding.so", ["-shared", "-fPIC"]), isLinkedToLibrary: true,
            busy: .function("binding_inner"),
            stack: interrupted + frames("binding_inner", "binding_middle")
                // Two names of one address.
                + StackPattern(.one(.either(.function("binding_outer"), .function("binding_function"))))
                + StackPattern(.oneOrMore(.object("ld-linux-x86-64.so.2"))) + frames("binding_main") + mainAndRoot),
        ProofProgram(
            name: "musl", source: "chain.c", flags: ["-static"], compiler: "musl-gcc", busy: .function("chain_inner"),
            stack: interrupted + frames("chain_inner", "chain_middle", "chain_outer") + mainAndMuslRoot,
            oracleStack: interrupted + frames("chain_inner", "chain_middle", "chain_outer", "main")
                + StackPattern(.zeroOrMore(.native)), oracle: .gdb),
        ProofProgram(
            name: "musl-qsort", source: "qsort.c", flags: ["-static"], compiler: "musl-gcc",
            busy: .function("qsort_compare"),
            stack: interrupted + frames("qsort_compare")
                + StackPattern(.oneOrMore(.object("musl-qsort"))) + frames("qsort_outer") + mainAndMuslRoot,
            // gdb is lost in the library.
            oracleStack: interrupted + frames("qsort_compare") + StackPattern(.oneOrMore(.native)), oracle: .gdb),
        ProofProgram(
            name: "musl-thread", source: "orphan_thread.c", flags: ["-static"], compiler: "musl-gcc",
            busy: .function("thread_inner"),
            stack: interrupted
                + frames("thread_inner", "thread_middle", "thread_outer", "thread_main", "start", "__clone"),
            oracleStack: interrupted + frames("thread_inner", "thread_middle", "thread_outer", "thread_main")
                + StackPattern(.zeroOrMore(.native)), oracle: .gdb),
    ]

    // MARK: The border of the kernel

    private static let kernelBorder = [
        ProofProgram(
            name: "system-calls", source: "system_calls.c", busy: .function("calls_inner"),
            stack: StackPattern(.zeroOrMore(.kernel), .optional(.object("libc.so.6")))
                + frames("calls_inner", "calls_middle", "calls_outer") + mainAndRoot),
        ProofProgram(
            name: "vdso", source: "vdso.c", busy: .function("vdso_inner"),
            stack: interrupted
                + StackPattern(.zeroOrMore(.object("[vdso]")), .zeroOrMore(.object("libc.so.6")))
                + frames("vdso_inner", "vdso_middle", "vdso_outer") + mainAndRoot),
    ]

    // MARK: Languages

    private static let languages = [
        ProofProgram(
            name: "exceptions", source: "exceptions.cpp", busy: .function("proof::inner"),
            stack: interrupted
                + frames("proof::inner", "proof::Guard::~Guard", "proof::Chain<int>::middle<long>", "proof::outer")
                + mainAndRoot),
        ProofProgram(
            name: "rust", source: "rust_chain.rs", busy: .functionContaining("Burn>::inner"),
            stack: interrupted
                + StackPattern(
                    .functionContaining("Burn>::inner"), .functionContaining("rust_chain::middle"),
                    .functionContaining("rust_chain::outer"), .functionContaining("rust_chain::main"),
                    .oneOrMore(.object("rust"))) + StackPattern(.oneOrMore(.object("libc.so.6")), .function("_start"))),
        // No tables of its own: frame pointers.
        ProofProgram(
            name: "rust-abort", source: "rust_chain.rs",
            flags: ["-C", "panic=abort", "-C", "force-unwind-tables=no", "-C", "force-frame-pointers=yes"],
            busy: .functionContaining("Burn>::inner"),
            stack: interrupted
                + StackPattern(
                    .functionContaining("Burn>::inner"), .functionContaining("rust_chain::middle"),
                    .functionContaining("rust_chain::outer"), .functionContaining("rust_chain::main"),
                    .oneOrMore(.object("rust-abort")))
                + StackPattern(.oneOrMore(.object("libc.so.6")), .function("_start")),
            oracle: .gdb),
        // Without -g, Swift emits unwinding tables for C code only: its own functions have frame pointers when built as
        // SwiftPM builds, and nothing at all by default.
        swift("swift-tables", ["-g"]),
        swift("swift-framepnt", ["-Xcc", "-fno-omit-frame-pointer"]),
    ]

    private static func swift(_ name: String, _ flags: [String]) -> ProofProgram {
        ProofProgram(
            name: name, source: "swift_chain.swift", flags: flags, busy: .functionContaining("inner"),
            stack: interrupted
                // Functions of Swift's library that are inlined into the leaf; debugging information names them.
                + StackPattern(.zeroOrMore(.functionContaining(" Swift.")))
                + StackPattern(
                    .functionContaining("inner"), .functionContaining("middle"), .functionContaining("outer"))
                + mainAndRoot, oracle: .gdb)
    }

    /// Not a chain but functions with known shares of the time.
    static let shares = ProofProgram(
        name: "shares", source: "shares.c", busy: .functionContaining("shares_"),
        stack: interrupted + StackPattern(.optional(.functionContaining("shares_"))) + frames("shares_outer")
            + mainAndRoot)
}
