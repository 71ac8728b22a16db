import Testing

@testable import RegularExpressions

/// Patterns that are refused: where, and with which words.
@Suite struct RefusalTests {
    @Test(arguments: [
        // What RE2's syntax does not have
        ("(a)\\1", 3, "no backreferences"),
        ("\\18", 0, "no backreferences"),
        ("(?P<a>b)(?P=a)", 8, "no backreferences"),
        ("\\k<a>", 0, "no backreferences"),
        ("a(?=b)", 1, "no lookahead"),
        ("a(?!b)", 1, "no lookahead"),
        ("(?<=a)b", 0, "no lookbehind"),
        ("(?<!a)b", 0, "no lookbehind"),
        ("é(?>a)", 2, "no atomic groups"),
        ("a*+", 2, "no possessive"),
        ("a{2}{3}", 4, "no possessive"),
        ("a**", 2, "no possessive"),
        ("(?#note)", 0, "no comments"),
        ("(?R)", 0, "no recursion"),
        ("a\\Z", 1, "\\z"),
        ("\\C", 0, "single byte"),
        ("\\u0041", 0, "\\x{…}"),
        // Mistakes
        ("a(b", 1, "no closing `)`"),
        ("a)", 1, "no group is open"),
        ("[a", 0, "no closing `]`"),
        ("[a\\", 2, "nothing follows"),
        ("a\\", 1, "nothing follows"),
        ("*a", 0, "nothing that `*` could repeat"),
        ("(|+?)", 2, "nothing that `+?` could repeat"),
        ("(?i)*", 4, "nothing that"),
        ("a{1001}", 1, "1000"),
        ("a{2,1}", 1, "smaller number first"),
        ("a{99999999999999999999}", 1, "1000"),
        ("(a{1000}){1000}", 9, "1000 repetitions together"),
        ("((a{100}){5}b){3}", 14, "1000 repetitions together"),
        ("[b-a]", 1, "wrong way round"),
        ("[a-\\d]", 3, "no meaning"),
        ("[[:foo:]]", 1, "[:foo:]"),
        ("[\\b]", 1, "character class"),
        ("\\p{greek}", 0, "`greek`"),
        ("\\p", 0, "wants the name"),
        ("\\p{Greek", 0, "closing `}`"),
        ("\\x", 0, "hexadecimal"),
        ("\\x{}", 0, "hexadecimal"),
        ("\\x{110000}", 0, "10FFFF"),
        ("\\E", 0, "no `\\Q`"),
        ("\\y", 0, "no meaning"),
        ("\\é", 0, "no meaning"),
        ("(?z)", 2, "unknown flag `z`"),
        ("(?i-)", 4, "unknown flag"),
        ("(?i", 0, "no closing"),
        ("(?P<a", 0, "no closing `>`"),
        ("(?P<é>a)", 4, "ASCII"),
        ("(?<>a)", 3, "ASCII"),
    ] as [(String, Int, String)])
    func refused(pattern: String, offset: Int, words: String) {
        #expect { try RegularExpression(pattern) } throws: { error in
            guard let error = error as? RegularExpressionError else { return false }
            if error.offset != offset || !error.message.contains(words) { print(pattern, error) }
            return error.offset == offset && error.message.contains(words)
        }
    }

    /// At each limit a pattern is accepted, and one more is refused.
    @Test(arguments: boundaries)
    func limits(limit: Int, words: String, pattern: @Sendable (Int) -> String) throws {
        _ = try RegularExpression(pattern(limit))
        #expect { try RegularExpression(pattern(limit + 1)) } throws: { "\($0)".contains(words) }
    }

    private static let boundaries: [(Int, String, @Sendable (Int) -> String)] = [
        (Limits.patternBytes, "more than", { (count: Int) in String(repeating: "a", count: count) }),
        (
            Limits.nestedGroups, "nested deeper",
            { String(repeating: "(?:", count: $0) + "a" + String(repeating: ")", count: $0) }
        ),
        (Limits.repetitions, "at most 1000", { "a{\($0)}" }),
        // 1000 of 99 and an instruction for the match, so 999 are left
        (999, "too large", { "(?:\(String(repeating: "a", count: 99))){1000}" + String(repeating: "b", count: $0) }),
    ]

    /// Nothing recurses and nothing multiplies without a limit, so these end at once, one way or the other.
    @Test(arguments: [
        String(repeating: "(", count: 60_000),
        String(repeating: "(", count: 30_000) + String(repeating: ")", count: 30_000),
        String(repeating: "()", count: 30_000),
        String(repeating: "[[:", count: 20_000),
        String(repeating: "[\\pL\\PL]", count: 7_000),
        "(?i)[" + String(repeating: "\\pL", count: 20_000) + "]",
        "((((((((((a{0,2}){0,2}){0,2}){0,2}){0,2}){0,2}){0,2}){0,2}){0,2}){0,2}){0,2}",
        String(repeating: "|", count: 60_000),
        String(repeating: "a?", count: 30_000),
        String(repeating: "(?:a?){900}", count: 200),
        "(?:" + String(repeating: "()", count: 3_000) + "){1000}",
        "\\x{" + String(repeating: "0", count: 60_000) + "}",
        "a{" + String(repeating: "9", count: 60_000) + "}",
    ])
    func hugePatternsEnd(pattern: String) {
        if let expression = try? RegularExpression(pattern) { _ = expression.firstMatch(in: "aab") }
    }
}
