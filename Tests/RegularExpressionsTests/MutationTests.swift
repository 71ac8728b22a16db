import RegularExpressions
import TestRandomness
import Testing

/// The parser against patterns that nobody would write.
@Suite struct MutationTests {
    private static let seeds = [
        "^(?P<name>[a-zA-Z_]\\w*)(?:\\.(?i:[^.\\s]+?)){1,3}$",
        "\\Q[a-b]\\E{2,}|(?sU-m)x.*?\\x{1F600}\\077",
        "[[:alpha:]\\p{Greek}\\PN&&[^-z\\]]+(?<b>a|b|[c-e])*", "\\b(?m:^foo$)\\B|\\A\\z",
    ]
    private static let pieces = [
        "(", ")", "[", "]", "{", "}", "?", "*", "+", "|", "\\", "^", "$", "-", ",", ":", "<", ">", "=", "!", "P", "p",
        "Q",
        "E", "x", "0", "7", "9", "1000", "1001", "é", "\u{10FFFF}", "\u{0}", "\u{301}", "[:", ":]", "(?", "\\p{", "i",
        "\\x{", "{1,", "a", "\r\n",
    ]

    @Test(arguments: 0..<8 as Range<UInt64>)
    func mutatedPatternsAreParsedOrRefused(seed: UInt64) {
        var random = SplitMix64(seed: 100 + seed)
        var accepted = 0
        for _ in 0..<1000 {
            var scalars = Array(random.pick(Self.seeds).unicodeScalars)
            for _ in 0..<random.pick([1, 2, 3, 5, 8]) {
                let place = Int(random.next() % UInt64(scalars.count + 1))
                let end = min(scalars.count, place + random.pick([0, 0, 1, 1, 2, 6]))
                scalars.replaceSubrange(place..<end, with: random.pick(Self.pieces).unicodeScalars)
            }
            var pattern = String.UnicodeScalarView()
            pattern.append(contentsOf: scalars)
            do {
                let expression = try RegularExpression(String(pattern))
                accepted += 1
                if expression.firstMatch(in: "foo.bar") != nil { #expect(expression.matches("foo.bar")) }
            } catch {
                #expect((0...String(pattern).utf8.count).contains(error.offset))
                #expect(!error.message.isEmpty)
            }
        }
        // Both ways were taken.
        #expect((50..<950).contains(accepted))
    }
}
