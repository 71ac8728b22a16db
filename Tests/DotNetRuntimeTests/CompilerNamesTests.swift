import Testing

@testable import DotNetRuntime

struct CompilerNamesTests {
    @Test(arguments: [
        ("<Main>b__0_1", "Main.lambda_0_1"), ("<Main>m__0", "Main.lambda_0"), ("<Main>g__Local|3_0", "Main.Local"),
        ("<Main>$", "Main"), ("<Main>", "Main"), ("Plain", "Plain"), (".ctor", ".ctor"),
        ("<<Main>b__0_0>d", "Main.lambda_0_0"), ("<>m__0", "<>m__0"), ("<", "<"), ("<a", "<a"),
    ])
    func methods(_ name: String, _ expected: String) {
        #expect(CompilerNames.method(name) == expected)
    }

    @Test(arguments: [
        ("<RunAsync>d__5", "RunAsync"), ("<RunAsync>c__async0", "RunAsync"), ("<Numbers>c__Iterator0", "Numbers"),
        ("<>c", nil), ("<>c__DisplayClass3_0", nil), ("<Main>c__AnonStorey0", nil),
        ("<<Main>b__0_0>d", "Main.lambda_0_0"), ("<PrivateImplementationDetails>", "PrivateImplementationDetails"),
        ("List`1", "List`1"),
    ] as [(String, String?)])
    func types(_ name: String, _ expected: String?) {
        #expect(CompilerNames.type(name) == expected)
    }

    @Test func monoNamesTheFunctionByItsCapturingType() {
        #expect(CompilerNames.function(ofCapturingType: "<Main>c__AnonStorey0") == "Main")
        #expect(CompilerNames.method("<>m__0", capturedIn: "Main") == "Main.lambda_0")
    }
}
