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

    /// A description whose code would end behind the last address.
    @Test func codeBeyondTheAddressesIsNone() throws {
        func number(_ value: UInt64, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
        }
        func module(base: UInt64) throws -> BEAMModule {
            let name = Array("m\0".utf8), function = Array("m:f/0\0".utf8)
            var bytes = number(1, 4) + number(0, 4) + number(base, 8) + number(1, 4) + number(64, 4) + number(2, 2) + name
            bytes += [UInt8](repeating: 0, count: BEAMModule.headerBytes + 2 - bytes.count)
            bytes += number(16, 4) + number(48, 4) + number(0, 4) + number(6, 2) + function + [0, 0]
            return try #require(BEAMModule(bytes))
        }
        #expect(try module(base: 4096).range(named: "m:f/0") == 4112..<4144)
        #expect(try module(base: .max - 20).range(named: "m:f/0") == nil)
    }
}
