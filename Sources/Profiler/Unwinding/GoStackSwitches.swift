import CBPFInterface
import DWARF
import ObjectFiles

/// The functions of Go's runtime whose callers are not where the lists of stack depths say: those that change stacks,
/// and where stacks begin. What they keep where is read off their code, so that it need not be known by version; what
/// cannot be read keeps the rule of an ordinary function.
///
/// Source: Go's `runtime/asm_amd64.s`, `asm_arm64.s`, `sys_linux_*.s`, `runtime/cgo/asm_*.s`, 1.13 to 1.27.
struct GoStackSwitches {
    /// Where stacks begin, and what never returns to where it was called.
    private static let roots: Set<String> = [
        "runtime.goexit", "runtime.gogo", "runtime.mcall", "runtime.rt0_go", "runtime.clone", "_rt0_amd64_linux",
        "_rt0_arm64_linux", "_rt0_amd64", "_rt0_arm64",
    ]
    private static let signals: Set<String> = ["runtime.sigreturn", "runtime.sigreturn__sigaction"]
    /// These call the vDSO on the system stack and keep their frame in the frame pointer.
    private static let clocks: Set<String> = [
        "runtime.nanotime1", "runtime.walltime1", "runtime.walltime", "runtime.time.now", "time.now",
    ]
    static let names = roots.union(signals).union(clocks).union([
        "runtime.systemstack", "runtime.morestack", "runtime.asmcgocall", "runtime.cgocallback",
        "runtime.cgocallback_gofunc", "crosscall2", "runtime.stackcheck", "runtime.load_g",
    ])

    /// Functions of such names that a program has at most, and rows of one of them, by far.
    static let functionLimit = 256
    static let rowLimit = 4096

    private let architecture: CallFrameArchitecture
    /// By the function's address: since Go 1.17 many have a namesake, which the compiler makes for callers with the
    /// other calling convention.
    private let code: [UInt64: [UInt8]]
    /// From the thread pointer to the word with the goroutine's address; 0: a register has it.
    private let goroutine: Int32?
    /// Of `m.curg`.
    private let current: UInt16?
    private let hasOldCallback: Bool

    init(_ functions: [GoFrames.Function], _ file: ELFFile, _ architecture: CallFrameArchitecture) {
        self.architecture = architecture
        var code: [UInt64: [UInt8]] = [:]
        for function in functions where !Self.roots.contains(function.name) {
            let count = Int(min(function.end - function.start, GoFrames.codeLimitBytes))
            code[function.start] = try? file.read(atAddress: function.start, count: count)
        }
        self.code = code
        func first<Value>(_ name: String, _ read: ([UInt8]) -> Value?) -> Value? {
            for function in functions where function.name == name {
                if let value = code[function.start].flatMap(read) { return value }
            }
            return nil
        }
        hasOldCallback = functions.contains { $0.name == "runtime.cgocallback_gofunc" }
        switch architecture {
        case .x86_64:
            goroutine = first("runtime.stackcheck", X86GoCode.goroutine)
            current = first("runtime.systemstack", X86GoCode.current)
        case .arm64:
            // Without C, the goroutine's address stays in its register.
            let callsC = functions.contains { $0.name == "crosscall2" }
            goroutine = callsC ? first("runtime.load_g", ARM64GoCode.goroutine) : 0
            current = first("runtime.systemstack", ARM64GoCode.current)
        }
    }

    func signalRule(_ function: GoFrames.Function) -> unwind_rule? {
        Self.signals.contains(function.name) && function.start > 0 ? .signal : nil
    }

    /// The rule of a row of one of `names`.
    func rule(
        _ function: GoFrames.Function, _ row: (distance: UInt64, depth: Int32), _ frames: GoFrames
    ) -> unwind_rule {
        if Self.roots.contains(function.name) { return .endOfStack }
        var rule = frames.rule(depth: row.depth)
        guard rule.kind == UInt8(UNWIND_CFA.rawValue), let code = code[function.start] else { return rule }
        if function.name != "crosscall2" {
            let changesStacks = architecture == .x86_64 ? X86GoCode.changesStacks : ARM64GoCode.changesStacks
            if !changesStacks(code) { return rule }
        }
        switch function.name {
        case "runtime.systemstack": return inGoroutine(rule, UNWIND_GO_SYSTEM_STACK)
        case "runtime.morestack": return inGoroutine(rule, UNWIND_GO_MORE_STACK)
        case "runtime.cgocallback_gofunc": return inGoroutine(rule, UNWIND_GO_CALLBACK)
        case "runtime.cgocallback": return hasOldCallback ? rule : inGoroutine(rule, UNWIND_GO_CALLBACK)
        case "runtime.asmcgocall":
            let words = architecture == .x86_64 ? X86GoCode.kept(code) : (goroutine: 0, depth: 8)
            guard let words, let goroutine = UInt8(exactly: words.goroutine / 8),
                let depth = UInt8(exactly: words.depth / 8)
            else { return rule }
            rule.kind = UInt8(UNWIND_GO_C_CALL.rawValue)
            rule.stack_words = (goroutine, depth)
            return rule
        case "crosscall2":
            // C's frame pointer is among the registers that are kept for it.
            let place = architecture == .x86_64 ? X86GoCode.framePointerPlace(code, function.rows) : nil
            if let place, row.depth > 0 { rule.frame_pointer_offset = place }
            return rule
        case let name where Self.clocks.contains(name): return keptByFramePointer(rule, function, row, code)
        default: return rule
        }
    }

    private func inGoroutine(_ rule: unwind_rule, _ kind: unwind_kind) -> unwind_rule {
        guard let goroutine, let current, let word = UInt8(exactly: current / 8) else { return rule }
        var rule = rule
        rule.kind = UInt8(kind.rawValue)
        rule.cfa_added = goroutine
        // Since Go 1.25 struct gobuf has no member `ret`: its `lr` lies one word lower, and so does all of m.
        rule.stack_words = (word, current < 192 ? 1 : 0)
        return rule
    }

    private func keptByFramePointer(
        _ rule: unwind_rule, _ function: GoFrames.Function, _ row: (distance: UInt64, depth: Int32), _ code: [UInt8]
    ) -> unwind_rule {
        var rule = rule
        let deepest = function.rows.map(\.depth).max() ?? 0
        guard row.depth == deepest, row.depth > 0 else { return rule }
        switch architecture {
        case .x86_64:
            guard let set = X86GoCode.framePointer(code, function.rows) else { return rule }
            rule.cfa_offset = set
        case .arm64:
            // Set to the word below the frame.
            rule.cfa_offset = row.depth + 8
        }
        rule.kind = UInt8(UNWIND_GO_KEPT_STACK.rawValue)
        return rule
    }

    /// - Parameter release: of Go, 27 for 1.27.
    func labels(release: Int?) -> go_labels {
        guard let release, let goroutine, let current, let offset = Self.labelOffsets[release] else {
            return go_labels()
        }
        let form = release >= 24 ? GO_LABELS_IN_SLICE : GO_LABELS_IN_MAP
        return go_labels(goroutine: goroutine, current: current, labels: offset | UInt16(form.rawValue))
    }

    /// Offset of `labels` in struct g, `runtime/runtime2.go`, by release.
    private static let labelOffsets: [Int: UInt16] = [
        13: 344, 14: 344, 15: 344, 16: 344, 17: 360, 18: 360, 19: 360, 20: 360, 21: 344, 22: 344, 23: 352, 24: 352,
        25: 344, 26: 352, 27: 352,
    ]
}
