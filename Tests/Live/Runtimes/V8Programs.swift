import Glibc
import LiveSupport

/// A Node.js that programs can be run with, in one of the ways that V8 runs them.
struct NodeInstallation: Sendable, CustomStringConvertible {
    /// Which of V8's compilers take part.
    enum Mode: String, Sendable, CaseIterable {
        case standard
        /// The interpreter alone, and no memory for code.
        case jitless
        /// The interpreter alone.
        case interpreted
        /// Each function is compiled without optimisation before it first runs; since 16.
        case baseline
        /// Optimised, and each function has its own frame.
        case optimised
        /// Optimised, and small functions have become part of their callers.
        case inlined
    }

    /// The test bed's name for it.
    var name: String
    /// 22.
    var version: Int
    var mode: Mode
    /// Runs the script that is appended to it.
    var command: [String]

    var description: String { "\(name) \(mode)" }

    static let all: [NodeInstallation] = modes.filter { $0.mode == .standard }

    static let modes: [NodeInstallation] = {
        let names = [14, 16, 18, 20, 22, 24, 26].map { ("node\($0)", $0) }
            + [18, 20, 24].map { ("node\($0)-debian", $0) }
        var found: [NodeInstallation] = []
        for (name, version) in names {
            for mode in Mode.allCases where mode != .baseline || version >= 16 {
                let command = ["node"] + options(mode, version)
                guard let command = TestBed.command(runtime: name, command) else { continue }
                found.append(NodeInstallation(name: name, version: version, mode: mode, command: command))
            }
        }
        return found
    }()

    private static func options(_ mode: Mode, _ version: Int) -> [String] {
        let withoutMaglev = version >= 20 ? ["--no-maglev"] : []
        let withoutBaseline = version >= 16 ? ["--no-sparkplug"] : []
        switch mode {
        case .standard: return []
        case .jitless: return ["--jitless"]
        case .interpreted: return ["--no-opt"] + withoutBaseline + withoutMaglev
        case .baseline: return ["--always-sparkplug", "--no-opt"] + withoutMaglev
        case .optimised: return ["--no-use-osr", "--max-inlined-bytecode-size=0"] + withoutMaglev
        case .inlined: return ["--no-use-osr"] + withoutMaglev
        }
    }
}

extension NodeInstallation {
    private func program(_ file: String, _ roles: [ManagedProgram.Role]) -> ManagedProgram {
        ManagedProgram(name: "\(self) \(file)", source: "v8/\(file)", command: command, roles: roles)
    }

    private func frame(_ name: String, _ file: String, _ lines: ClosedRange<Int>) -> FramePattern {
        .managed(name, file: file, lines: lines)
    }

    /// What a stack may have above the function that runs: the kernel, C++, V8's own code.
    private var above: [StackPattern.Element] { [.zeroOrMore(.kernel), .zeroOrMore(.either(.native, .v8))] }

    /// Below the program's own code: Node's loader, V8's entry, Node itself, which may lie between functions of its own.
    private var below: [StackPattern.Element] {
        [.one(.anyManaged), .zeroOrMore(.either(.anyManaged, .native)), .one(.native)]
    }

    private func stack(_ elements: [StackPattern.Element]) -> StackPattern { StackPattern(above + elements + below) }

    /// Functions of all kinds that call one that works.
    var calls: ManagedProgram {
        let file = "calls.js"
        // The program works in `leaf`; between two calls of it, a caller is on top.
        let leaf = frame("leaf", file, 3...7)
        // Instructions of Node.js 14's interpreter that have frames of their own leave an earlier place in the function's.
        let firstLine = version < 16 && (mode == .jitless || mode == .interpreted) ? 3 : 4
        func role(_ busy: FramePattern, _ callers: [StackPattern.Element]) -> ManagedProgram.Role {
            .init(
                busy: busy,
                stack: stack([.optional(leaf)] + callers + [.one(frame("<anonymous>", file, 47...47))]))
        }
        let a = frame("a", file, 15...16), arrow = frame("arrow", file, 23...24), area = frame("area", file, 26...27)
        let cb = frame("cb", file, 41...42), rec = frame("rec", file, 18...21)
        return program(
            file,
            [
                .init(
                    busy: leaf,
                    stack: stack([
                        .one(frame("leaf", file, firstLine...5)), .oneOrMore(.either(.managedIn(file), .v8OrBuiltin)),
                        .one(frame("<anonymous>", file, 47...47)),
                    ])),
                role(
                    a,
                    [
                        .optional(frame("c", file, 9...10)), .optional(frame("b", file, 12...13)), .one(a),
                        .one(frame("main", file, 36...36)),
                    ]),
                role(
                    rec,
                    [
                        .optional(frame("rec", file, 18...20)), .zeroOrMore(frame("rec", file, 21...21)),
                        .one(frame("main", file, 37...37)),
                    ]),
                role(arrow, [.one(arrow), .one(frame("main", file, 38...38))]),
                role(area, [.one(area), .one(frame("of", file, 29...30)), .one(frame("main", file, 39...39))]),
                role(
                    cb,
                    [
                        .one(cb), .optional(frame("forEach", "", 0...0)), .optional(.v8),
                        .one(frame("main", file, 41...41)),
                    ]),
            ])
    }

    /// Generators that delegate, and what runs after an `await`.
    var generators: ManagedProgram {
        let file = "generators.js"
        let work = frame("work", file, 4...4), step = frame("step", file, 17...17)
        return program(
            file,
            [
                .init(
                    busy: frame("numbers", file, 0...99),
                    stack: StackPattern(
                        above + [
                            .one(work), .one(frame("numbers", file, 9...9)), .zeroOrMore(.v8),
                            .optional(frame("next", "", 0...0)), .zeroOrMore(.v8),
                            .one(frame("outer", file, 13...13)), .zeroOrMore(.v8),
                            .optional(frame("next", "", 0...0)), .zeroOrMore(.v8),
                            // Node.js 14's optimised code says that it is where the loop's body ends.
                            .one(frame("main", file, version < 16 ? 21...23 : 21...21)),
                        ] + below)),
                .init(
                    busy: step,
                    stack: StackPattern(
                        // It ends in code of V8's.
                        above + [.optional(work), .one(step)] + below)),
            ])
    }

    /// Names of two bytes a character.
    var names: ManagedProgram {
        let file = "größe.js"
        let work = frame("größe", file, 4...4)
        return program(
            file,
            [
                .init(
                    busy: work,
                    stack: stack([
                        .one(work), .one(frame("世界", file, 8...8)), .one(frame("<anonymous>", file, 11...11)),
                    ]))
            ])
    }

    /// Modules that are known by URLs.
    var modules: ManagedProgram {
        let file = "module.mjs"
        let work = frame("work", "größe und mehr.mjs", 3...3)
        return program(
            file,
            [
                .init(
                    busy: work,
                    stack: StackPattern(
                        above + [
                            .one(work), .one(frame("caller", file, 4...4)), .one(frame("<anonymous>", file, 8...8)),
                        ] + below))
            ])
    }

    /// Constructors of a class and its parent's, a getter, a function that `sort` calls.
    var constructors: ManagedProgram {
        let file = "constructors.js"
        let work = frame("work", file, 6...9)
        let derived = frame("Derived", file, 13...14), doubled = frame("get doubled", file, 16...17)
        let compare = frame("compare", file, 21...22)
        let builtin = StackPattern.Element.zeroOrMore(.v8)
        let end: [StackPattern.Element] = [.one(frame("<anonymous>", file, 34...34))]
        return program(
            file,
            [
                .init(
                    busy: derived,
                    stack: stack(
                        [
                            .optional(work), .optional(frame("Base", file, 3...4)), builtin, .one(derived), builtin,
                            .one(frame("main", file, 28...28)),
                        ] + end)),
                .init(
                    busy: doubled,
                    stack: stack(
                        [.optional(work), .one(doubled), builtin, .one(frame("main", file, 29...29))] + end)),
                .init(
                    busy: compare,
                    stack: stack(
                        [
                            .optional(work), .one(compare), builtin, .one(frame("sort", "", 0...0)),
                            .one(frame("sorted", file, 21...21)), .one(frame("main", file, 30...30)),
                        ] + end)),
            ])
    }

    /// Machine code of a regular expression, or V8's interpreter of them.
    var regularExpressions: ManagedProgram {
        let file = "regexp.js"
        let search = frame("search", file, 4...4)
        return program(
            file,
            [
                .init(
                    busy: search,
                    stack: StackPattern([
                        .zeroOrMore(.kernel), .zeroOrMore(.either(.native, .v8)), .optional(frame("test", "", 0...0)),
                        .zeroOrMore(.v8), .one(search), .one(frame("main", file, 9...9)),
                        .one(frame("<anonymous>", file, 13...13)),
                    ] + below))
            ])
    }

    /// Two isolates in one process.
    var workers: ManagedProgram {
        let file = "workers.js"
        let spin = frame("spin", file, 5...5)
        func role(_ name: String, _ line: Int) -> ManagedProgram.Role {
            let caller = frame(name, file, line...line)
            return .init(
                busy: caller,
                stack: StackPattern(above + [.one(spin), .one(caller)] + below))
        }
        return program(file, [role("inMain", 9), role("inWorker", 12)])
    }

    /// 300 frames.
    var recursion: ManagedProgram {
        let file = "recursion.js"
        let leaf = frame("leaf", file, 4...4)
        return program(
            file,
            [
                .init(
                    busy: leaf,
                    stack: stack([
                        .one(leaf), .one(frame("deep", file, 8...8)), .times(299, frame("deep", file, 9...9)),
                        .one(frame("<anonymous>", file, 12...12)),
                    ]))
            ])
    }

    /// Code of WebAssembly: its functions are named as the module does, and JavaScript's lie in their places.
    var webAssembly: ManagedProgram {
        let file = "wasm.js"
        let caller = frame("caller", file, 20...21)
        let spinning = frame("spinning", "wasm", 0...0)
        return program(
            file,
            [
                .init(
                    busy: caller,
                    stack: StackPattern(
                        above + [
                            // What works may have become part of its caller.
                            .optional(frame("inner_loop", "wasm", 0...0)), .one(spinning), .zeroOrMore(.v8),
                            // The function that was exported, whose name is its number.
                            .optional(.managedContaining("2")), .zeroOrMore(.v8),
                            .one(caller), .one(frame("main", file, 25...25)), .one(frame("<anonymous>", file, 28...28)),
                        ] + below))
            ])
    }

    /// Functions that are compiled, run once and freed.
    var churn: ManagedProgram { program("churn.js", []) }
}

extension FramePattern {
    /// V8's own code.
    static let v8 = FramePattern.managedWithPrefix(["Builtin:", "V8::", "RegExp"])

    /// As `v8`, and functions of the language that are builtins.
    static let v8OrBuiltin = FramePattern.either(.v8, .managed("forEach", file: "", lines: 0...0))
}
