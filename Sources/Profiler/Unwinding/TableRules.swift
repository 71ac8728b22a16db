import CBPFInterface
import DWARF

/// The rules of one table in its own numbering, found in a few nanoseconds per row.
struct TableRules {
    private static let cacheSize = 2048

    private struct Entry {
        var state: CallFrameState
        var number: UInt16
        var isFilled = false
    }

    /// In the order of their numbers; number 0 is UNWIND_INVALID.
    private(set) var all: [unwind_rule] = [.invalid]
    private var numbers: [PackedRule: UInt16] = [PackedRule(.invalid): 0]
    /// Direct-mapped: most rows repeat one of a few hundred states.
    private var cache: [Entry]
    private let architecture: CallFrameArchitecture

    init(architecture: CallFrameArchitecture) {
        self.architecture = architecture
        let empty = CallFrameState(
            cfa: CFARule(.undefined), returnAddress: RegisterRule(.unspecified),
            framePointer: RegisterRule(.unspecified))
        cache = .init(repeating: Entry(state: empty, number: 0), count: Self.cacheSize)
    }

    @inline(__always)
    mutating func number(of state: CallFrameState) -> UInt16 {
        let slot = Self.slot(state)
        let entry = cache[slot]
        if entry.isFilled, entry.state == state { return entry.number }
        let number = number(of: unwind_rule(state, architecture: architecture))
        cache[slot] = Entry(state: state, number: number, isFilled: true)
        return number
    }

    /// UNWIND_INVALID when there are more distinct rules than the kernel's map could hold.
    mutating func number(of rule: unwind_rule) -> UInt16 {
        let key = PackedRule(rule)
        if let number = numbers[key] { return number }
        guard all.count < Int(ABI_MAX_UNWIND_RULES) else { return 0 }
        let number = UInt16(all.count)
        all.append(rule)
        numbers[key] = number
        return number
    }

    @inline(__always)
    private static func slot(_ state: CallFrameState) -> Int {
        Int(truncatingIfNeeded: state.mixed >> 40) & (cacheSize - 1)
    }
}
