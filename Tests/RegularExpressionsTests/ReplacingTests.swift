import RegularExpressions
import Testing

/// Results are those of Go's `Regexp.ReplaceAllString`.
struct ReplacingTests {
    static let cases: [(pattern: String, text: String, template: String, result: String)] = [
        ("a", "banana", "o", "bonono"),
        ("^a", "aaa", "b", "baa"),
        ("a*", "baac", "x", "xbxcx"),
        ("", "añb", "-", "-a-ñ-b-"),
        ("(\\w+)@(\\w+)", "me@host, you@there", "$2.$1", "host.me, there.you"),
        ("(?P<first>\\w)(\\w)", "abcd", "${2}${first}", "badc"),
        ("password=[^\\s]*(\\s?)", "run password=secret now", "password=***$1", "run password=*** now"),
        ("\\bx", "x xx", "y", "y yx"),
        ("c", "aab", "d", "aab"),
        ("b$", "ab", "$$1", "a$1"),
        ("(?m)^", "a\nb", "> ", "> a\n> b"),
    ]

    @Test(arguments: cases)
    func replaces(pattern: String, text: String, template: String, result: String) throws {
        #expect(try RegularExpression(pattern).replacingMatches(in: text, with: template) == result)
    }

    @Test func changesTheExpandedTemplate() throws {
        let expression = try RegularExpression("(\\d+)")
        #expect(try expression.replacingMatches(in: "a1b22", with: "<$1>") { $0 + "!" } == "a<1>!b<22>!")
    }

    /// Each `a` begins a search that goes to the text's end.
    @Test func workIsLimited() throws {
        let text = String(repeating: "a", count: 20_000)
        #expect(try RegularExpression("a.*b|a").replacingMatches(in: text, with: "", limit: 1_000_000) == nil)
        #expect(try RegularExpression("a").replacingMatches(in: text, with: "", limit: 1_000_000) == "")
    }
}
