import CBPFInterface
import Synchronization

/// The unwinding rules of all executables, each once. A rule's number is its index in the kernel's map `unwind_rules`.
///
/// Rules are never removed: one machine's whole software needs some ten thousand. May be used from any thread.
public final class RuleSet: Sendable {
    private struct State {
        var numbers: [PackedRule: UInt16] = [:]
        var rules: [unwind_rule] = []
        var refused = 0
    }

    private let state: Mutex<State>
    private let limit: Int

    /// - Parameter limit: how many rules the kernel's map holds.
    public init(limit: Int = Int(ABI_MAX_UNWIND_RULES)) {
        self.limit = min(max(limit, Int(UNWIND_RULE_FIRST_FREE)), Int(UInt16.max) + 1)
        var state = State()
        // In the order of UNWIND_RULE_INVALID and its siblings.
        state.rules = [.invalid, .endOfStack, .framePointer, .linkageTable(threshold: 11), .signal]
        for (number, rule) in state.rules.enumerated() { state.numbers[PackedRule(rule)] = UInt16(number) }
        self.state = Mutex(state)
    }

    /// How many rules there are, the fixed ones included.
    public var count: Int { state.withLock { $0.rules.count } }

    /// How often a rule found no room and became UNWIND_RULE_INVALID.
    public var refusedCount: Int { state.withLock { $0.refused } }

    /// The rules from number `first` on, to be copied into the kernel before any table that uses them.
    public func rules(from first: Int = 0) -> [unwind_rule] {
        state.withLock { first < 0 || first >= $0.rules.count ? [] : Array($0.rules[first...]) }
    }

    /// The rule of that number; nil if there is none.
    public func rule(_ number: UInt16) -> unwind_rule? {
        state.withLock { Int(number) < $0.rules.count ? $0.rules[Int(number)] : nil }
    }

    /// The numbers of `rules`, in their order; UNWIND_RULE_INVALID for each that found no room.
    public func numbers(for rules: [unwind_rule]) -> [UInt16] {
        state.withLock { state in
            rules.map { rule in
                let key = PackedRule(rule)
                if let number = state.numbers[key] { return number }
                guard state.rules.count < limit, let number = UInt16(exactly: state.rules.count) else {
                    state.refused += 1
                    return UInt16(UNWIND_RULE_INVALID)
                }
                state.rules.append(rule)
                state.numbers[key] = number
                return number
            }
        }
    }
}
