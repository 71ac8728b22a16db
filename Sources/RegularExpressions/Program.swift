/// What matching executes: a graph of instructions, each of which consumes a character, asserts something, or chooses.
struct Program: Sendable {
    struct Instruction: Sendable {
        enum Operation: UInt8, Sendable {
            /// The expression has matched.
            case match
            /// Consumes the code point `argument`.
            case literal
            /// Consumes a code point of the set with index `argument`.
            case set
            /// Goes on if the `Assertions` with raw value `argument` hold.
            case assertion
            /// Remembers the place in slot `argument`: twice the group, one more for its end.
            case capture
            /// Goes on at `next` and at `argument`; the former is preferred.
            case choice
            /// Goes on.
            case jump
        }

        /// No instruction yet.
        static let none = UInt32.max

        var operation: Operation
        var next = Self.none
        var argument: UInt32 = 0
    }

    var instructions: [Instruction] = []
    var sets: [ScalarSet] = []
    var entry: UInt32 = 0
    /// Of captures, two for each group, the whole match included.
    var slots = 2
    var hasAssertions = false
    /// Matches begin at the text's start only.
    var isAnchored = false
    /// UTF-8 that every match begins with: what can be searched for quickly. No longer than `longestPrefix`, so that
    /// looking for it costs little at each place.
    var prefix: [UInt8] = []
    static let longestPrefix = 16

    /// Whether the instruction is one that consumes this code point.
    func consumes(_ instruction: Instruction, _ scalar: UInt32) -> Bool {
        switch instruction.operation {
        case .literal: instruction.argument == scalar
        case .set: sets[Int(instruction.argument)].contains(scalar)
        default: false
        }
    }
}
