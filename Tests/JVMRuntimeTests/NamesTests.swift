import Testing

@testable import JVMRuntime

/// Descriptors and texts are those of the Java Virtual Machine Specification's own examples (§4.3.3, §4.4.7).
struct NamesTests {
    @Test(arguments: [
        ("(IDLjava/lang/Thread;)Ljava/lang/Object;", ["int", "double", "java.lang.Thread"], "java.lang.Object"),
        ("()V", [], "void"), ("([[J[Ljava/lang/String;Z)[B", ["long[][]", "java.lang.String[]", "boolean"], "byte[]"),
    ])
    func descriptor(_ descriptor: String, _ parameters: [String], _ result: String) {
        let types = JVMNames.types(descriptor)
        #expect(types?.parameters == parameters)
        #expect(types?.result == result)
    }

    @Test(arguments: [
        "", "I", "(", "(I", "(I)", "(X)V", "(Ljava/lang/Thread)V", "(I)VV", "([)V",
        "()" + String(repeating: "[", count: 999) + "I",
    ])
    func whatIsNoDescriptor(_ descriptor: String) {
        #expect(JVMNames.types(descriptor) == nil)
        #expect(JVMNames.method(className: "A", name: "b", descriptor: descriptor) == "A.b")
    }

    @Test func hiddenClassesHaveNoAddress() {
        #expect(JVMNames.className("Busy$$Lambda$1+0x00007f1b58000a00") == "Busy$$Lambda$1+<hidden>")
        #expect(JVMNames.className("a/B$$Lambda+0x00007f1b58000a00") == "a.B$$Lambda+<hidden>")
        #expect(JVMNames.className("a+b/C+0x12") == "a+b.C+0x12")
    }

    /// U+0000 in two bytes; U+1F600 as two halves of three bytes each; ü in two.
    @Test func classFilesHaveAnEncodingOfTheirOwn() {
        #expect(JVMNames.text([0x61, 0xc0, 0x80, 0x62]) == "a\u{0}b")
        #expect(JVMNames.text([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]) == "\u{1f600}")
        #expect(JVMNames.text([0xc3, 0xbc]) == "ü")
        #expect(JVMNames.text([0xc3]) == "\u{fffd}")
        #expect(JVMNames.text([0xe4, 0x80]) == "\u{fffd}\u{fffd}")
    }
}
