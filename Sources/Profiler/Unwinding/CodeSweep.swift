import CBPFInterface
import ObjectFiles

/// Rules for x86_64 code without call frame information, found by following the stack's depth through its instructions.
///
/// C libraries' start files, musl without debugging information and hand-written assembly (codecs, coroutine switches)
/// keep neither tables nor a frame pointer. Their code is read once from its start to its end: pushes and pops change
/// the depth, a jump forward carries it to its target, what follows a return begins a function or continues where a
/// jump led. Reading checks itself: at every return the depth must be that of the return address. Code of which too
/// little fits, such as interpreters whose pieces jump to each other inside of one frame, keeps the rule for code
/// without tables.
struct CodeSweep {
    /// In bytes. Files with more of such code were built without tables altogether; whoever does that to large programs
    /// keeps frame pointers.
    private static let limitBytes: UInt64 = 8 << 20

    /// Adds rules for what has none so far.
    static func add(of file: ELFFile, to builder: inout UnwindTableBuilder) {
        // Go's code keeps frame pointers, and its tables of jumps lie among it.
        if file.machine != .x86_64 || file.section(".gopclntab") != nil
            || file.section(".data.rel.ro.gopclntab") != nil
        { return }
        let gaps = builder.gaps()
        guard gaps.reduce(0, { $0 + ($1.upperBound - $1.lowerBound) }) <= limitBytes else { return }
        for gap in gaps {
            guard let place = file.fileRange(ofAddress: gap.lowerBound),
                let code = try? file.read(
                    atAddress: gap.lowerBound, count: Int(min(place.count, gap.upperBound - gap.lowerBound)))
            else { continue }
            let sweep = CodeSweep(code, at: gap.lowerBound)
            for root in sweep.contextRoots { builder.add(.endOfStack, root, .certain) }
            guard sweep.isTrusted else { continue }
            for root in sweep.roots { builder.add(.endOfStack, root, .certain) }
            builder.add(sweep.rows, gap.lowerBound..<(gap.lowerBound + UInt64(code.count)), .swept)
        }
    }

    /// Addresses and rules: each holds up to the next one's address.
    private(set) var rows: [(address: UInt64, rule: unwind_rule)] = []
    /// Code that nothing called: by the depth of its stack, to be trusted as the rows are.
    private(set) var roots: [Range<UInt64>] = []
    /// The same, by its bytes.
    private(set) var contextRoots: [Range<UInt64>] = []

    private let start: UInt64
    private var goodReturns = 0, badReturns = 0, tailJumps = 0
    private var lastRule: PackedRule?

    /// - Parameter start: the code's ELF address.
    init(_ code: [UInt8], at start: UInt64) {
        self.start = start
        // Again: what jumps backwards leads to is known the next time, as are the functions that are called.
        var places = Places(count: code.count)
        code.withUnsafeBufferPointer { code in
            for pass in 1...Self.passes {
                (rows, roots, contextRoots, lastRule) = ([], [], [], nil)
                (goodReturns, badReturns, tailJumps) = (0, 0, 0)
                sweep(code, &places)
                if pass > 1, badReturns == 0 { break }
                places.beginAgain()
            }
        }
    }

    private static let passes = 3
    /// Instructions looked at to find out the depth before them.
    private static let lookAheadLimit = 200

    /// Positions in the code that other code tells of.
    private struct Places {
        /// Whether a position is one of those: looked at for each instruction.
        private var isMarked: [Bool]
        /// Functions that are called.
        private(set) var entries: Set<Int> = []
        /// The state before jumps, by their targets.
        private var targets: [Int: CodeSweepState] = [:]
        /// The targets of the last time.
        private var former: [Int: CodeSweepState] = [:]

        init(count: Int) { isMarked = .init(repeating: false, count: count) }

        func state(at position: Int) -> CodeSweepState? {
            guard position >= 0, position < isMarked.count, isMarked[position] else { return nil }
            return entries.contains(position) ? CodeSweepState() : targets[position] ?? former[position]
        }

        func isMarked(_ position: Int) -> Bool { isMarked[position] }

        mutating func addEntry(_ target: Int) {
            guard target >= 0, target < isMarked.count else { return }
            isMarked[target] = true
            entries.insert(target)
        }

        mutating func add(_ target: Int, from position: Int, _ state: CodeSweepState) {
            guard target >= 0, target < isMarked.count else { return }
            // Nearer ones are more likely to be of the same function.
            if !isMarked[target] || target > position || targets[target] == nil { targets[target] = state }
            isMarked[target] = true
        }

        mutating func beginAgain() {
            former = targets
            targets = [:]
        }
    }

    /// Whether the rules are to be used: the depths fit the returns, and functions end by them.
    var isTrusted: Bool {
        goodReturns > 0 && badReturns <= goodReturns / 16 && (tailJumps <= 8 || goodReturns >= 2 * tailJumps)
    }

    // MARK: Reading

    private mutating func sweep(_ code: UnsafeBufferPointer<UInt8>, _ places: inout Places) {
        var position = 0
        var state: CodeSweepState? = CodeSweepState()
        /// Of the function's body, for code that only a table of jumps leads to.
        var body = CodeSweepState()
        var followsPadding = true, followsCall = false
        /// The state's rule is the last one that was added.
        var isAppended = false
        while position < code.count {
            guard let instruction = X86Instruction(code, at: position) else {
                // Data, or not understood: up to the next place where a function may begin.
                append(.framePointer, position)
                position = Int((start &+ UInt64(position) &+ 16) & ~15 &- start)
                (state, followsPadding, followsCall, isAppended) = (nil, true, false, false)
                continue
            }
            // Most instructions change nothing, and nothing is told of their place.
            if case .none = instruction.effect, isAppended, !followsCall, !places.isMarked(position) {
                followsPadding = false
                position += instruction.length
                continue
            }
            let isAligned = (start &+ UInt64(position)) & 15 == 0
            let known = places.state(at: position)
            if instruction.effect == .padding, known == nil {
                if let state { append(state.rule, position) }
                followsPadding = true
                position += instruction.length
                continue
            }
            if let known {
                state = known
                if places.entries.contains(position) { body = CodeSweepState() }
            } else if state == nil {
                let begins = followsPadding || isAligned || beginsFunction(instruction)
                state = self.state(before: position, code, body: body, places) ?? (begins ? CodeSweepState() : body)
                if state?.depth == 8 { body = CodeSweepState() }
            } else if followsCall, followsPadding, isAligned,
                beginsFunction(instruction)
                    || self.state(before: position, code, body: CodeSweepState(), places, usesPlaces: false)?.depth == 8
            {
                // The call before it does not return.
                state = CodeSweepState()
                body = CodeSweepState()
            }
            var present = state ?? CodeSweepState()
            append(present.rule, position)
            isAppended = false
            let end = position + instruction.length
            followsCall = false
            switch instruction.effect {
            case .call(let target):
                if let target { places.addEntry(target) }
                followsCall = true
                body = present
                // The return address was popped: whoever is called from here has no caller's caller.
                if let depth = present.depth, depth <= 0 {
                    roots.append(address(position)..<address(end))
                }
                state = present
            case .branch(let target):
                places.add(target, from: position, present)
                body = present
                state = present
            case .jump(let target):
                if let target {
                    places.add(target, from: position, present)
                    state = nil
                } else {
                    if present.depth == 8, present.frame == nil { tailJumps += 1 }
                    body = present
                    state = nil
                }
                addContextRoot(end, code)
            case .return:
                if present.depth == 8 { goodReturns += 1 } else { badReturns += 1 }
                state = nil
                addContextRoot(end, code)
            case .trap: state = nil
            case .none:
                state = present
                isAppended = true
            default:
                present.apply(instruction.effect)
                state = present
            }
            followsPadding = false
            position = end
        }
    }

    /// What the code from here to a return, or to a place that is known, tells of the depth before it.
    private func state(
        before start: Int, _ code: UnsafeBufferPointer<UInt8>, body: CodeSweepState, _ places: borrowing Places,
        usesPlaces: Bool = true
    ) -> CodeSweepState? {
        let base: Int32 = 1 << 20
        // Where the frame pointer is restored from, as the depth there.
        var restored: Int32?
        var probe = CodeSweepState()
        probe.depth = base
        probe.frame = body.frame
        var position = start
        for _ in 0..<Self.lookAheadLimit {
            guard let instruction = X86Instruction(code, at: position) else { return nil }
            var wanted: Int32?
            if usesPlaces, position != start, let known = places.state(at: position) {
                wanted = known.depth
            } else {
                switch instruction.effect {
                case .return: wanted = 8
                case .jump(let target?):
                    guard usesPlaces, let depth = places.state(at: target)?.depth else { return nil }
                    wanted = depth
                case .jump, .trap: return nil
                case .leave, .stackFrom(register: X86Instruction.framePointer, offset: _):
                    if body.frame != nil { return body }
                    var state = CodeSweepState()
                    (state.depth, state.frame, state.savedFramePointer) = (nil, 16, -16)
                    return state
                case .pop(register: X86Instruction.framePointer):
                    restored = restored ?? probe.depth
                    probe.apply(instruction.effect)
                default: probe.apply(instruction.effect)
                }
            }
            guard let depth = probe.depth else { return nil }
            if let wanted {
                // depth before + (depth - base) = wanted
                let before = wanted - (depth - base)
                if before == body.depth { return body }
                if before < 8 { return nil }
                var state = CodeSweepState()
                state.depth = before
                if let restored { state.savedFramePointer = -(before + restored - base) }
                return state
            }
            position += instruction.length
        }
        return nil
    }

    private func beginsFunction(_ instruction: X86Instruction) -> Bool {
        switch instruction.effect {
        case .push(register: .some): true
        case .addToStack(let bytes): bytes < 0
        default: false
        }
    }

    /// xor edi, edi or rdi, rdi; call; hlt: where the function of a Boost-like context returns to, which then ends the
    /// program. The return address was not left by a call, and is looked up one byte before.
    private mutating func addContextRoot(_ position: Int, _ code: UnsafeBufferPointer<UInt8>) {
        let wide = position < code.count && code[position] == 0x48 ? 1 : 0
        let first = position + wide
        guard code.count - first >= 8, code[first] == 0x31, code[first + 1] == 0xff, code[first + 2] == 0xe8,
            code[first + 7] == 0xf4, position > 0
        else { return }
        contextRoots.append(address(position - 1)..<address(first + 8))
    }

    private func address(_ position: Int) -> UInt64 { start &+ UInt64(position) }

    private mutating func append(_ rule: unwind_rule, _ position: Int) {
        let packed = PackedRule(rule)
        if packed == lastRule { return }
        lastRule = packed
        rows.append((address(position), rule))
    }
}
