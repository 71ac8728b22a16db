/// What an expression consists of, in postfix order: every node stands after its parts, which are the values that the
/// nodes before it left. So no reader has to recurse, however deep groups are nested.
struct SyntaxTree {
    enum Node: Hashable {
        /// Matches the empty text.
        case empty
        /// One code point.
        case literal(UInt32)
        /// One code point of `sets`, by index.
        case set(Int)
        case assertion(Assertions)
        /// The number of parts, at least 2, one after the other.
        case concatenation(Int)
        /// The number of parts, at least 2, the first that matches is preferred.
        case alternation(Int)
        /// One part, whose range is remembered as this group's.
        case capture(Int)
        /// One part, at least `minimum` and at most `maximum` times; nil is without limit.
        case repetition(minimum: Int, maximum: Int?, isGreedy: Bool)
    }

    var nodes: [Node] = []
    var sets: [ScalarSet] = []
    /// By group; the first is the whole expression.
    var groupNames: [String?] = [nil]
}
