import TestRandomness

extension SplitMix64 {
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(next() % UInt64(elements.count))]
    }

    /// Whether something that happens in `percent` of all cases happens.
    mutating func happens(_ percent: UInt64) -> Bool { next() % 100 < percent }
}

/// Expressions of all that the syntax has, a few of them invalid, and texts of the same characters.
struct PatternGenerator {
    var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    private static let atoms = [
        "a", "b", "c", "ab", "x", "-", "_", "é", "λ", "Λ", "K", "\u{212A}", "ſ", "s", "ß", "ẞ", ".", "\\d", "\\w",
        "\\s",
        "\\D", "\\W", "\\S", "[a-c]", "[^a]", "[^a-z]", "[[:alpha:]]", "[[:^alpha:]x]", "[a\\d-]", "[]a]", "[^]]",
        "[\\]-a]", "\\pL", "\\p{Greek}", "\\P{Lu}", "\\p{^L}", "[\\p{Lu}\\d]", "[^\\W_]", "\\x41", "\\x{3bb}", "\\101",
        "\\n", "\\t", "\\.", "\\Qa.b\\E", "^", "$", "\\A", "\\z", "\\b", "(?i)", "(?s).", "(?m)^", "(?m)$",
        "(?U)a*", "(?i:aK)", "(?i)[k-l]", "(?i)\\x{17f}", "{", "}", "a{", "{,2}", "]", "\\-", "[a-b-c]", "\\_",
        "\\x{1F600}", "😀",
    ]
    private static let invalid = [
        "*", "+?", "**", ")", "(", "[", "\\1", "\\8", "\\Z", "(?=a)", "(?P<", "[b-a]", "\\p{Foo}", "[[:foo:]]", "{2}",
        "a{2,1}", "a{1001}", "\\", "(?i", "(?-)", "(?z)", "a{2}{3}", "\\xZ", "\\x{110000}", "(?<=a)", "[[:x", "\\Q",
        "[a",
        "\\E", "\\cA", "[\\b]", "a{01}", "a{1,01}",
    ]
    private static let repetitions = [
        "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}", "{0}", "{0,}", "{1}", "{,3}",
    ]
    private static let groups = ["(", "(", "(?:", "(?i:", "(?s:", "(?U:", "(?P<first>", "(?<second>"]
    private static let characters = [
        "a", "a", "a", "b", "b", "b", "c", "c", "x", "x", "A", "B", "K", "k", "s", "-", "_", " ", ".", "1", "\n", "\t",
        "é",
        "λ", "Λ", "\u{212A}", "ſ", "ß", "ẞ", "😀", "{", "}", "]", "ab", "a.b", "\u{FFFD}", "ʼ", "\0",
    ]

    mutating func pattern() -> String { pattern(depth: random.pick([1, 2, 3, 4, 5])) }

    private mutating func pattern(depth: Int) -> String {
        let kind = random.next() % 1000
        if depth <= 0 || kind < 350 { return random.pick(Self.atoms) }
        if kind < 600 {
            return (0..<random.pick([1, 2, 3, 4])).map { _ in pattern(depth: depth - 1) }.joined()
        }
        if kind < 720 { return pattern(depth: depth - 1) + "|" + pattern(depth: depth - 1) }
        if kind < 850 {
            return random.pick(Self.groups) + (random.happens(95) ? pattern(depth: depth - 1) : "") + ")"
        }
        if kind < 985 {
            let repeated = pattern(depth: depth - 1)
            let isGrouped = repeated.unicodeScalars.count > 1 && random.happens(80)
            let group = isGrouped ? random.pick(["(", "(?:"]) + repeated + ")" : repeated
            return group + random.pick(Self.repetitions)
        }
        return random.pick(Self.invalid)
    }

    mutating func text() -> String {
        (0..<random.pick([0, 1, 2, 3, 5, 8, 12, 30])).map { _ in random.pick(Self.characters) }.joined()
    }
}
