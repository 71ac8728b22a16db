/// Reads RE2's syntax (https://github.com/google/re2/wiki/Syntax) into a `SyntaxTree`.
///
/// Groups are kept on a list instead of being parsed by recursion, so deep nesting costs no stack.
struct Parser {
    /// What `(?flags)` can set.
    struct Flags {
        var ignoresCase = false
        var isMultiLine = false
        var dotMatchesNewline = false
        var swapsGreed = false
    }

    /// A group, or the whole expression, whose end has not been read.
    struct OpenGroup {
        /// nil: the group does not capture.
        var number: Int?
        /// Of its parenthesis.
        var index: Int
        /// Those outside, which hold again after it.
        var flags: Flags
        /// Alternatives that are complete.
        var alternatives = 0
        /// Parts of the alternative that is being read.
        var parts = 0
    }

    var reader: PatternReader
    var tree = SyntaxTree()
    var flags = Flags()
    var groups = [OpenGroup(number: nil, index: 0, flags: Flags())]
    /// For each value that the tree's nodes have left: how often counted repetitions in it may repeat, multiplied.
    private var repetitions: [Int] = []
    private var setIndices: [ScalarSet: Int] = [:]
    private var classRanges = 0
    /// No `:]` follows, so nobody need look for it again.
    var lacksNameEnd = false
    /// Classes of `\p{…}` that have been made, by name and flags.
    var unicodeClasses: [String: ScalarSet] = [:]

    private init(_ pattern: String) { reader = PatternReader(pattern) }

    static func parse(_ pattern: String) throws(RegularExpressionError) -> SyntaxTree {
        guard pattern.utf8.count <= Limits.patternBytes else {
            throw RegularExpressionError(
                message: "it has more than \(Limits.patternBytes) bytes; split it into several expressions", offset: 0)
        }
        var parser = Parser(pattern)
        try parser.parse()
        return parser.tree
    }

    private mutating func parse() throws(RegularExpressionError) {
        // Whether the last thing was a repetition operator: they cannot be stacked.
        var wasRepetition = false
        while let scalar = reader.peek() {
            let start = reader.index
            if let (minimum, maximum) = try readRepetition() {
                try addRepetition(minimum, maximum, start: start, isStacked: wasRepetition)
                wasRepetition = true
                continue
            }
            wasRepetition = false
            reader.index += 1
            switch scalar {
            case "(": try openGroup()
            case ")": try closeGroup()
            case "|": endAlternative()
            case "[": try addSet(readBracketClass())
            case ".": try addSet(flags.dotMatchesNewline ? .all : NamedClasses.newline.inverted)
            case "^": add(.assertion(flags.isMultiLine ? .lineStart : .textStart))
            case "$": add(.assertion(flags.isMultiLine ? .lineEnd : .textEnd))
            case "\\": try readEscape()
            default: try addLiteral(scalar.value)
            }
        }
        let open = groups[groups.count - 1]
        guard groups.count == 1 else { throw reader.error("this group has no closing `)`", at: open.index) }
        try endAlternatives()
    }

    // MARK: - Values

    /// Adds something that is complete in itself to the current alternative.
    mutating func add(_ node: SyntaxTree.Node) {
        tree.nodes.append(node)
        repetitions.append(1)
        groups[groups.count - 1].parts += 1
    }

    /// Adds a character as it stands, whatever its case if the flags say so.
    mutating func addLiteral(_ scalar: UInt32) throws(RegularExpressionError) {
        if flags.ignoresCase {
            try addSet(ScalarSet(CaseFolding.variants(of: scalar).map { $0...$0 }))
        } else {
            add(.literal(scalar))
        }
    }

    mutating func addSet(_ set: ScalarSet) throws(RegularExpressionError) {
        add(try node(for: set))
    }

    private mutating func node(for set: ScalarSet) throws(RegularExpressionError) -> SyntaxTree.Node {
        if let scalar = set.onlyScalar { return .literal(scalar) }
        if let index = setIndices[set] { return .set(index) }
        classRanges += set.ranges.count
        guard classRanges <= Limits.classRanges else {
            throw reader.error("the character classes up to here are too large; use fewer", at: reader.index)
        }
        setIndices[set] = tree.sets.count
        tree.sets.append(set)
        return .set(tree.sets.count - 1)
    }

    /// Replaces the last `count` values by one that consists of them.
    private mutating func combine(_ count: Int, _ node: SyntaxTree.Node) {
        tree.nodes.append(node)
        let most = repetitions.suffix(count).max() ?? 1
        repetitions.removeLast(count)
        repetitions.append(most)
    }

    // MARK: - Alternatives and groups

    private mutating func endAlternative() {
        let parts = groups[groups.count - 1].parts
        if parts == 0 {
            tree.nodes.append(.empty)
            repetitions.append(1)
        } else if parts > 1 {
            combine(parts, .concatenation(parts))
        }
        groups[groups.count - 1].parts = 0
        groups[groups.count - 1].alternatives += 1
    }

    private mutating func endAlternatives() throws(RegularExpressionError) {
        endAlternative()
        let alternatives = groups[groups.count - 1].alternatives
        guard alternatives > 1 else { return }
        // Nodes without parts are values, so where the last nodes are such, they are the alternatives.
        if let set = characters(tree.nodes.suffix(alternatives)) {
            tree.nodes.removeLast(alternatives)
            repetitions.removeLast(alternatives)
            tree.nodes.append(try node(for: set))
            repetitions.append(1)
        } else {
            combine(alternatives, .alternation(alternatives))
        }
    }

    /// The characters that the nodes match, if each matches one.
    private func characters(_ nodes: ArraySlice<SyntaxTree.Node>) -> ScalarSet? {
        var builder = ScalarSetBuilder()
        for node in nodes {
            switch node {
            case .literal(let scalar): builder.insert(scalar...scalar)
            case .set(let index): builder.insert(tree.sets[index])
            default: return nil
            }
        }
        return builder.build()
    }

    mutating func open(_ group: OpenGroup) throws(RegularExpressionError) {
        guard groups.count <= Limits.nestedGroups else {
            throw reader.error("groups are nested deeper than \(Limits.nestedGroups)", at: group.index)
        }
        groups.append(group)
    }

    private mutating func closeGroup() throws(RegularExpressionError) {
        guard groups.count > 1 else { throw reader.error("no group is open for this `)`", at: reader.index - 1) }
        try endAlternatives()
        let group = groups.removeLast()
        flags = group.flags
        if let number = group.number { tree.nodes.append(.capture(number)) }
        groups[groups.count - 1].parts += 1
    }

    // MARK: - Repetitions

    private mutating func addRepetition(
        _ minimum: Int, _ maximum: Int?, start: Int, isStacked: Bool
    ) throws(RegularExpressionError) {
        let isLazy = reader.accept("?")
        let operation = reader.text(from: start, to: reader.index)
        guard !isStacked else {
            throw reader.error(
                "`\(operation)` repeats a repetition: RE2's syntax has no possessive ones; put a group around the first "
                    + "where a nested one is meant", at: start)
        }
        guard groups[groups.count - 1].parts > 0 else {
            throw reader.error("there is nothing that `\(operation)` could repeat", at: start)
        }
        guard minimum <= Limits.repetitions, maximum ?? 0 <= Limits.repetitions, minimum <= maximum ?? minimum else {
            throw reader.error(
                "`\(operation)` is no valid repetition: at most \(Limits.repetitions), the smaller number first",
                at: start)
        }
        let last = repetitions.count - 1
        // 0 times: what is inside vanishes.
        let copies = maximum ?? minimum
        if maximum == 0 { repetitions[last] = 1 } else { repetitions[last] *= max(copies, 1) }
        guard repetitions[last] <= Limits.repetitions else {
            throw reader.error(
                "`\(operation)` makes more than \(Limits.repetitions) repetitions together with those inside",
                at: start)
        }
        tree.nodes.append(.repetition(minimum: minimum, maximum: maximum, isGreedy: isLazy == flags.swapsGreed))
    }

    /// The operator at the place, without its `?`, if there is one. Braces that are no repetition stand for themselves.
    private mutating func readRepetition() throws(RegularExpressionError) -> (minimum: Int, maximum: Int?)? {
        if reader.accept("*") { return (0, nil) }
        if reader.accept("+") { return (1, nil) }
        if reader.accept("?") { return (0, 1) }
        let start = reader.index
        guard reader.accept("{") else { return nil }
        if let minimum = readNumber() {
            if reader.accept("}") { return (minimum, minimum) }
            if reader.accept(",") {
                if reader.accept("}") { return (minimum, nil) }
                if let maximum = readNumber(), reader.accept("}") { return (minimum, maximum) }
            }
        }
        reader.index = start
        return nil
    }

    /// Decimal, without leading zeros; no larger than is needed to see that it is too large.
    private mutating func readNumber() -> Int? {
        if reader.peek() == "0", let second = reader.peek(1), ("0"..."9").contains(second) { return nil }
        var number: Int?
        while let digit = reader.peek(), ("0"..."9").contains(digit) {
            number = min((number ?? 0) * 10 + Int(digit.value - 48), 1_000_000)
            reader.index += 1
        }
        return number
    }
}
