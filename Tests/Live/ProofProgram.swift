import Foundation
import LiveSupport

/// A program with a call chain known in advance: how it is built and what every busy sample of it must look like.
struct ProofProgram: Sendable, CustomStringConvertible {
    /// Unique; also the executable's name, hence its thread name: at most 15 bytes (Linux, TASK_COMM_LEN).
    var name: String
    /// In `Programs/`; the suffix tells the compiler.
    var source: String
    var flags: [String] = []
    /// The C compiler.
    var compiler = "gcc"
    /// A library in `Programs/` built with it, and its flags.
    var library: (source: String, file: String, flags: [String])?
    var isLinkedToLibrary = false
    var isStripped = false
    /// Arguments after the seconds; `@name` stands for the path of that file among those built.
    var arguments: [String] = []
    /// A sample is busy, and must match, when a frame is this one.
    var busy: FramePattern
    var stack: StackPattern
    /// What the other unwinder sees, where it does not find the root: it ends earlier, or goes on behind it.
    var oracleStack: StackPattern?
    /// The busy samples' least share of all user-space samples of the process.
    var busyShare = 0.8
    /// Samples are of other processes than the one started.
    var isSelectedByThreadName = false
    /// The thread name of the busy samples, when it is not the program's name (after execve).
    var threadName: String?
    /// Samples of the first seconds do not count: for stacks that only a loaded unwinding table can handle.
    var warmUpSeconds = 0.0
    var oracle = Oracle.perf

    enum Oracle: Sendable {
        /// `perf record --call-graph dwarf`, stack bytes per sample.
        case perfBytes(Int)
        /// Backtraces by gdb: perf copies 64 KiB of stack at most, only of the stack that is current, and does not
        /// follow frame pointers where there is no unwinding information.
        case gdb
        static let perf = perfBytes(8192)
    }

    var description: String { name }

    static let compilerFlags = [
        "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-Wall", "-Wextra", "-Werror", "-pthread",
    ]

    var requirements: [Requirement] {
        switch (source as NSString).pathExtension {
        case "rs": [.tool("rustc")]
        case "swift": [.tool("swiftc")]
        case "cpp": [.tool("g++")]
        default: [.tool(compiler)]
        }
    }
}

/// A program that was built.
struct BuiltProgram: Sendable {
    let program: ProofProgram
    let folder: TemporaryFolder

    /// The command that runs it for so many seconds.
    func command(seconds: Double) -> [String] {
        [folder.path(of: program.name), "\(seconds)"]
            + program.arguments.map { $0.hasPrefix("@") ? folder.path(of: String($0.dropFirst())) : $0 }
    }
}

extension ProofProgram {
    static let sources = ((#filePath as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("Programs")

    func build() async throws -> BuiltProgram {
        let folder = try TemporaryFolder()
        var linked: [String] = []
        if let library {
            try await compile(library.source, to: folder.path(of: library.file), library.flags)
            if isLinkedToLibrary { linked = [folder.path(of: library.file), "-Wl,-rpath,\(folder.path)"] }
        }
        if arguments.contains("@chain") { try await compile("chain.c", to: folder.path(of: "chain"), []) }
        try await compile(source, to: folder.path(of: name), flags + linked)
        if isStripped { try await Command.run(["strip", folder.path(of: name)]) }
        return BuiltProgram(program: self, folder: folder)
    }

    private func compile(_ source: String, to output: String, _ flags: [String]) async throws {
        let path = "\(Self.sources)/\(source)"
        let command =
            switch (source as NSString).pathExtension {
            case "rs": ["rustc", "-O", path, "-o", output]
            case "swift": ["swiftc", "-O", path, "-o", output]
            case "cpp": ["g++"] + Self.compilerFlags + [path, "-o", output]
            default: [compiler] + Self.compilerFlags + [path, "-o", output]
            }
        try await Command.run(command + flags)
    }
}
