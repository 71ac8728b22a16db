import Testing

@testable import BEAMRuntime

/// Names of functions, as Erlang prints them.
@Suite struct NameTests {
    @Test(arguments: [
        ("lists:map/2", "lists:map/2"),
        ("busy:'-loop/1-fun-0-'/1", "busy:-loop/1-fun-0-/1"),
        ("erlang:'+'/2", "erlang:+/2"),
        ("lists:keyfind/3-CodeInfoPrologue", "lists:keyfind/3"),
        ("'Elixir.Enum':map/2", "Enum.map/2"),
        ("'Elixir.Enum':'-map/2-fun-0-'/3-CodeInfoPrologue", "Enum.-map/2-fun-0-/3"),
        ("'a:b':'c/d\\'e\\\\'/0", "a:b:c/d'e\\/0"),
        ("global::process_main", "global::process_main"),
        ("lists::codeHeader", "lists::codeHeader"),
        ("", ""), ("'", "'"), ("'\\", "'\\"), ("a:", "a:"), ("a:b", "a:b"), ("a:b/x", "a:b/x"), (":b/1", ":b/1"),
    ])
    func namesAreThoseOfErlang(_ text: String, _ expected: String) {
        #expect(BEAMNames.function(text) == expected)
    }
}
