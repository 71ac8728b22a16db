import RegularExpressions
import Testing

/// What RE2's list of its syntax (https://github.com/google/re2/wiki/Syntax) and Go's documentation promise, by hand.
@Suite struct SyntaxTests {
    /// A pattern, a text, and the ranges of the groups; nil: no match.
    @Test(arguments: [
        ("", "abc", "0-0"),
        ("abc", "xabcx", "1-4"),
        ("a.c", "a\nc abc", "4-7"),
        ("(?s)a.c", "a\nc", "0-3"),
        ("[xyz]", "ay", "1-2"),
        ("[^xyz]", "xyza", "3-4"),
        ("[^a]", "\n", "0-1"),
        ("\\d+", "a12", "1-3"),
        ("\\D", "1a", "1-2"),
        ("\\d", "٣", nil),
        ("\\s", "\u{0B}", nil),
        ("[[:space:]]", "\u{0B}", "0-1"),
        ("\\w+", "é_a1", "2-5"),
        ("[[:alpha:]]+", "1ab", "1-3"),
        ("[[:^alpha:]]+", "a12", "1-3"),
        ("[[:word:][:punct:]]+", " _!", "1-3"),
        ("\\pN", "aⅷ", "1-4"),
        ("\\p{Greek}+", "aαβ", "1-5"),
        ("\\P{Greek}", "αa", "2-3"),
        ("\\p{^Greek}", "αa", "2-3"),
        ("[^\\P{Greek}]", "aα", "1-3"),
        ("\\p{Any}", "\u{10FFFF}", "0-4"),
        // Alternatives: the first that leads to a match.
        ("a|ab", "ab", "0-1"),
        ("(?:a|ab)(?:c|bcd)", "abcd", "0-4"),
        ("(a|ab)(c|bcd)(d*)", "abcd", "0-4,0-1,1-4,4-4"),
        // Repetitions
        ("a*", "baa", "0-0"),
        ("a+", "baa", "1-3"),
        ("a+?", "baa", "1-2"),
        ("a{2}", "aaa", "0-2"),
        ("a{2,}", "aaaa", "0-4"),
        ("a{1,2}?", "aaa", "0-1"),
        ("a{,2}", "a{,2}", "0-5"),
        ("a{01}", "a{01}", "0-5"),
        ("{", "{", "0-1"),
        ("x*", "", "0-0"),
        ("(a{0})b", "ab", "1-2,1-1"),
        ("(a)*", "b", "0-0,x"),
        ("(a*)+", "b", "0-0,0-0"),
        ("(|a)*", "aa", "0-0,0-0"),
        ("(|a)+", "aa", "0-0,0-0"),
        ("(a|b)*", "ab", "0-2,1-2"),
        ("(a*)*", "aa", "0-2,0-2"),
        ("(?U)a+", "aa", "0-1"),
        ("(?U)a+?", "aa", "0-2"),
        // Anchors
        ("^a", "ba", nil),
        ("^a", "b\na", nil),
        ("(?m)^a", "b\na", "2-3"),
        ("a$", "a\n", nil),
        ("(?m)a$", "a\n", "0-1"),
        ("\\Aa\\z", "a", "0-1"),
        ("(?m)\\Aa", "b\na", nil),
        ("\\bb", "ab b", "3-4"),
        ("\\Bb", "b ab", "3-4"),
        ("\\bé", "é", nil),
        ("^*", "a", "0-0"),
        // Groups and flags
        ("(?P<one>a)(?<two>b)", "ab", "0-2,0-1,1-2"),
        ("(?:a)(b)", "ab", "0-2,1-2"),
        ("(?i)straße", "STRAẞE", "0-8"),
        ("a(?i)b|c", "C", "0-1"),
        ("(a(?i)b)c", "aBC", nil),
        ("(?i:a)b", "AB", nil),
        ("(?i-s:a)(?-i)b", "Ab", "0-2"),
        ("(?i)[k]", "\u{212A}", "0-3"),
        ("(?i)[^k]", "\u{212A}", nil),
        ("(?i)\\W", "ſ", nil),
        ("(?i)\\p{Lu}", "a", "0-1"),
        ("(?)a", "a", "0-1"),
        ("()|a", "a", "0-0,0-0"),
        // Escapes
        ("\\x41\\x{42}\\103", "ABC", "0-3"),
        ("\\x{10FFFF}", "\u{10FFFF}", "0-4"),
        ("\\0", "\0", "0-1"),
        ("\\a\\f\\t\\n\\r\\v", "\u{7}\u{C}\t\n\r\u{B}", "0-6"),
        ("\\Qa.b*\\E+", "a.b**", "0-5"),
        ("\\Qa\\", "a\\", "0-2"),
        ("\\.\\_\\-\\/", "._-/", "0-4"),
        ("[\\n\\]\\-\\x{61}-c]+", "\n]-abc", "0-6"),
        ("[]a]+", "]a", "0-2"),
        ("[a-]+", "a-", "0-2"),
        ("[-a]+", "-a", "0-2"),
        ("[[:a]+", "[:a", "0-3"),
        ("[^\\x00-\\x{10FFFF}]", "a", nil),
        ("[^\\x00-\\x{10FFFF}]|a", "a", "0-1"),
    ] as [(String, String, String?)])
    func documented(pattern: String, text: String, ranges: String?) throws {
        let expression = try RegularExpression(pattern)
        #expect(expression.firstMatch(in: text).map(RE2Oracle.describe) == ranges)
        #expect(expression.matches(text) == (ranges != nil))
    }

    @Test func groupsHaveNamesAndRanges() throws {
        let expression = try RegularExpression("(?P<key>\\w+)=(\\d+)?(?<rest>.*)")
        #expect(expression.groupNames == [nil, "key", nil, "rest"])
        let match = try #require(expression.firstMatch(in: "- size=λ"))
        #expect(match.range == 2..<9)
        #expect(match["key"] == 2..<6)
        #expect(match["rest"] == 7..<9)
        #expect(match.ranges[2] == nil)
        #expect(match["other"] == nil)
        // RE2 and Go accept a name twice: it is worth asking for whichever took part.
        #expect(try RegularExpression("(?<n>a)|(?<n>b)").firstMatch(in: "cb")?["n"] == 1..<2)
    }

    @Test func expressionsAreEqualByTheirPattern() throws {
        let expressions: Set = [try RegularExpression("a"), try RegularExpression("a"), try RegularExpression("[a]")]
        #expect(expressions.count == 2)
    }

    /// Each byte that belongs to no valid encoding is one U+FFFD, as Go's documentation of `regexp` says.
    @Test(arguments: [
        ("^.$", [0xFF], true),
        ("^\\x{FFFD}$", [0xFF], true),
        ("^\\x{FFFD}$", [0xEF, 0xBF, 0xBD], true),
        // Cut short
        ("^..$", [0xE2, 0x82], true),
        ("^.a$", [0xF0, 0x61], true),
        // A surrogate, an overlong form, beyond U+10FFFF
        ("^...$", [0xED, 0xA0, 0x80], true),
        ("^..$", [0xC0, 0x80], true),
        ("^....$", [0xF4, 0x90, 0x80, 0x80], true),
        ("^.$", [0xF4, 0x8F, 0xBF, 0xBF], true),
        ("\\x{FFFD}+€", [0x80, 0xE2, 0x82, 0xE2, 0x82, 0xAC], true),
        ("ÿ", [0xFF], false),
        ("[^\\x{FFFD}]", [0xFF, 0x80], false),
    ] as [(String, [UInt8], Bool)])
    func damagedTextsAreReadAsInGo(pattern: String, text: [UInt8], matches: Bool) throws {
        let expression = try RegularExpression(pattern)
        #expect(text.withUnsafeBufferPointer { expression.matches(utf8: $0) } == matches)
        #expect((text.withUnsafeBufferPointer { expression.firstMatch(utf8: $0) } != nil) == matches)
    }

    @Test func noBytesAtAll() throws {
        #expect(try RegularExpression("^$").matches(utf8: UnsafeBufferPointer(start: nil, count: 0)))
        #expect(try !RegularExpression("abc").matches(utf8: UnsafeBufferPointer(start: nil, count: 0)))
        #expect(try RegularExpression("a*").firstMatch(utf8: UnsafeBufferPointer(start: nil, count: 0))?.range == 0..<0)
    }
}
