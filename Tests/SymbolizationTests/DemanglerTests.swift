import Testing

@testable import Symbolization

@Suite struct DemanglerTests {
    @Test func languages() {
        #expect(
            Demangler.demangle("_ZNSt6vectorIiSaIiEE9push_backEOi")
                == .init(name: "std::vector<int, std::allocator<int> >::push_back(int&&)", language: .cxx))
        #expect(
            Demangler.demangle("$sSS6appendyySSF")
                == .init(name: "Swift.String.append(Swift.String) -> ()", language: .swift))
        #expect(
            Demangler.demangle("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE")
                == .init(name: "core::fmt::Formatter::write_str", language: .rust))
        #expect(Demangler.demangle("_RNvCs1234_7mycrate3foo") == .init(name: "mycrate::foo", language: .rust))
        #expect(Demangler.demangle("runtime.mallocgc") == .init(name: "runtime.mallocgc", language: .unknown))
        #expect(Demangler.demangle("main") == .init(name: "main", language: .unknown))
        #expect(Demangler.demangle("") == .init(name: "", language: .unknown))
    }

    @Test func suffixes() {
        #expect(Demangler.demangle("copy_page.constprop.0.isra.1.cold").name == "copy_page")
        #expect(Demangler.demangle("_Z3fooi.part.0").name == "foo(int)")
        #expect(Demangler.demangle("printf@@GLIBC_2.2.5").name == "printf")
        #expect(Demangler.demangle("free@plt").name == "free")
        #expect(
            Demangler.demangle("_ZN3std2rt10lang_start17h0123456789abcdefE.llvm.1234567").name == "std::rt::lang_start")
        // What is not a clone's suffix stays: Go's names, numbers alone, static variables.
        #expect(Demangler.demangle("main.main.func1").name == "main.main.func1")
        #expect(Demangler.demangle("main.main.1").name == "main.main.1")
        #expect(Demangler.demangle(".cold").name == ".cold")
        #expect(Demangler.demangle("@").name == "@")
    }

    @Test func legacyRustEscapes() {
        #expect(
            Demangler.demangle(
                "_ZN72_$LT$alloc..vec..Vec$LT$T$C$A$GT$$u20$as$u20$core..ops..deref..Deref$GT$5deref17h00112233445566aaE"
            ).name == "<alloc::vec::Vec<T,A> as core::ops::deref::Deref>::deref")
        #expect(
            Demangler.demangle("_ZN3foo28_$u7b$$u7b$closure$u7d$$u7d$17h05af221e174051e9E").name
                == "foo::{{closure}}")
        // A part of 17 bytes that is no hash belongs to C++.
        #expect(Demangler.demangle("_ZN3foo17hxxxxxxxxxxxxxxxxE").language == .cxx)
    }

    /// The examples of RFC 2603 and of rustc's test suite.
    @Test(arguments: [
        ("_RNvNtNtCs1234_7mycrate3foo3bar3baz", "mycrate::foo::bar::baz"),
        ("_RNCNvCs1234_7mycrate4mains_0", "mycrate::main::{closure#1}"),
        ("_RINvCs1234_7mycrate3foolmE", "mycrate::foo::<i32, u32>"),
        ("_RNvMs0_CsaXM_7mycrateNtB5_3Foo3bar", "<mycrate::Foo>::bar"),
        ("_RNvXCs1234_7mycrateINtB2_3FoomENtB2_5Trait3bar", "<mycrate::Foo<u32> as mycrate::Trait>::bar"),
        ("_RNvYmNtCs1234_7mycrate5Trait3bar", "<u32 as mycrate::Trait>::bar"),
        (
            "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
            "utf8_idents::\u{10e1}\u{10d0}\u{10ed}\u{10db}\u{10d4}\u{10da}\u{10d0}\u{10d3}_\u{10d2}\u{10d4}\u{10db}\u{10e0}\u{10d8}\u{10d4}\u{10da}\u{10d8}_\u{10e1}\u{10d0}\u{10d3}\u{10d8}\u{10da}\u{10d8}"
        ),
        ("_RNvC6_123foo3bar", "123foo::bar"),
        ("_RINvC1c1fKj5_Kana_Kb1_Kc61_E", "c::f::<5, -10, true, 'a'>"),
        ("_RINvC1c1fKo123456789abcdef012_E", "c::f::<0x123456789abcdef012>"),
        ("_RINvC1c1fRAhj4_E", "c::f::<&[u8; 4]>"),
        ("_RINvC1c1fFG_RL0_hEuE", "c::f::<for<'a> fn(&'a u8)>"),
        ("_RINvC1c1fFUKC_PhEOmE", ""),
        ("_RINvC1c1fFUKCPhEOmE", "c::f::<unsafe extern \"C\" fn(*const u8) -> *mut u32>"),
        ("_RINvC1c1fDNtB2_2TrpB_hEL_E", ""),
        ("_RINvC1c1fDINtB2_2TrhEp4ItemmEL_E", "c::f::<dyn c::Tr<u8, Item = u32>>"),
        ("_RINvC1c1fTjETjhEuzE", "c::f::<(usize,), (usize, u8), (), !>"),
        ("_RINvC1c1fKRe616263_E", "c::f::<\"abc\">"),
    ])
    func rustV0(mangled: String, text: String) {
        // An empty text stands for a name that is not valid and stays as it is.
        #expect(Demangler.demangle(mangled).name == (text.isEmpty ? mangled : text))
    }

    /// Names that stand for gigabytes, or for endless recursion, stay mangled, at once.
    @Test func hostileNames() {
        // Swift: each level names the level below twice.
        var swift = "SDyS2iG"
        for level in 0..<20 {
            let letter = String(Unicode.Scalar(UInt8(ascii: "C") + UInt8(level)))
            swift = "SDy\(swift)A\(letter)G"
        }
        #expect(Demangler.demangle("$s1a1byy\(swift)F").name == "$s1a1byy\(swift)F")
        // Rust: a tuple of two back references to the level before.
        var rust = "_RINvC1c1fT"
        var last = rust.utf8.count - 3
        rust += "jjE"
        for _ in 0..<40 {
            let reference = "B" + Self.base62(last)
            last = rust.utf8.count - 2
            rust += "T\(reference)\(reference)E"
        }
        rust += "E"
        #expect(Demangler.demangle(rust).name == rust)
        let deep = "_RINvC1c1f" + String(repeating: "R", count: 3000) + "hE"
        #expect(Demangler.demangle(deep).name == deep)
        #expect(Demangler.demangle("_RNvB_3foo").name == "_RNvB_3foo")
        let long = "_Z" + String(repeating: "P", count: 5000)
        #expect(Demangler.demangle(long).name == long)
    }

    private static func base62(_ value: Int) -> String {
        if value == 0 { return "_" }
        let digits = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        var rest = value - 1
        var text = ""
        repeat {
            text = String(digits[rest % 62]) + text
            rest /= 62
        } while rest > 0
        return text + "_"
    }
}
