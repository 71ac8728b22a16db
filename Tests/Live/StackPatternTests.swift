import Testing

@Suite struct StackPatternTests {
    private func stack(_ names: String...) -> [ProofFrame] { names.map { ProofFrame(name: $0, object: "program") } }

    @Test func namesAreComparedWithoutTheirDecoration() {
        let middle = "proof::Chain<int>::middle<long>"
        #expect(FramePattern.name("long proof::Chain<int>::middle<long>(int&) [clone .cold]", is: middle))
        #expect(FramePattern.name("__libc_start_main@@GLIBC_2.34", is: "__libc_start_main"))
        #expect(FramePattern.name("middle.part.0", is: "middle"))
        #expect(!FramePattern.name("middle@plt", is: "middle"))
        #expect(!FramePattern.name("middle_of_it", is: "middle"))
        #expect(!FramePattern.name("the_middle", is: "middle"))
    }

    @Test func everyFrameMustBeAccountedFor() {
        let pattern = StackPattern(.zeroOrMore(.kernel), .function("inner"), .function("outer"), .function("main"))
        #expect(pattern.matches(stack("inner", "outer", "main")))
        #expect(
            pattern.matches(
                [ProofFrame(name: "tick", object: "kernel", isKernel: true)] + stack("inner", "outer", "main")))
        #expect(!pattern.matches(stack("inner", "outer")))
        #expect(!pattern.matches(stack("inner", "main")))
        #expect(!pattern.matches(stack("outer", "inner", "main")))
        #expect(!pattern.matches(stack("inner", "outer", "main", "more")))
        #expect(!pattern.matches([]))
    }

    @Test func repetitionIsCounted() {
        let pattern = StackPattern(.function("inner"), .times(3, .function("step")), .function("main"))
        #expect(pattern.matches(stack("inner", "step", "step", "step", "main")))
        #expect(!pattern.matches(stack("inner", "step", "step", "main")))
        #expect(!pattern.matches(stack("inner", "step", "step", "step", "step", "main")))
    }

    @Test func oneOrMoreAndOptional() {
        let pattern = StackPattern(
            .optional(.function("stub")), .oneOrMore(.object("library")), .function("main"))
        let library = ProofFrame(name: nil, object: "library")
        #expect(pattern.matches([library, library] + stack("main")))
        #expect(pattern.matches(stack("stub") + [library] + stack("main")))
        #expect(!pattern.matches(stack("stub", "main")))
        #expect(!pattern.matches(stack("stub", "stub") + [library] + stack("main")))
    }
}
