import Testing

@testable import RubyRuntime

@Suite struct RubyVersionTests {
    @Test(arguments: [("2.5.9", "2.5"), ("3.1.7", "3.1"), ("3.4.10", "3.4"), ("4.0.6", "4.0")])
    func textTells(_ text: String, _ version: String) {
        #expect(RubyVersion(text).map { "\($0)" } == version)
    }

    @Test(arguments: ["", "3", "3.1", "3.1.x", "3.1.7.1", "-3.1.7", "3.99999999999999999999.1", "a.b.c"])
    func otherTextDoesNot(_ text: String) {
        #expect(RubyVersion(text) == nil)
    }

    @Test func versionsAreKnownFromTwoFiveToFour() {
        for (major, minors) in [(2, 5...7), (3, 0...4), (4, 0...0)] {
            for minor in minors { #expect(RubyLayout(RubyVersion(major: major, minor: minor)) != nil) }
        }
        for (major, minor) in [(1, 9), (2, 4), (3, 99), (4, 1), (5, 0)] {
            let known = RubyLayout(RubyVersion(major: major, minor: minor)) != nil
            #expect(known == (major == 3))
        }
    }

    /// `offsetof` and `sizeof`, by a compiler, of each version's own structs: control frame; insns_info.body and .size,
    /// local_iseq of the body; line entry; thread_ptr, blocking_region_buffer; whether a line is an object.
    @Test(arguments: [
        ("2.5.9", [48, 112, 200, 144, 12, 72, 168]), ("2.6.10", [56, 120, 136, 176, 8, 56, 152]),
        ("2.7.8", [56, 120, 136, 176, 8, 56, 152]), ("3.0.7", [56, 120, 136, 176, 8, 56, 160]),
        ("3.1.7", [64, 120, 136, 176, 12, 48, 168]), ("3.2.11", [64, 112, 128, 168, 12, 48, 120]),
        ("3.3.12", [56, 112, 128, 168, 12, 48, 248]), ("3.4.10", [56, 112, 128, 168, 12, 48, 248]),
        ("4.0.0", [56, 112, 128, 176, 12, 48, 256]), ("4.0.6", [56, 112, 128, 176, 12, 48, 264]),
    ])
    func layoutsAreThoseOfTheHeaders(_ text: String, _ numbers: [Int]) throws {
        let layout = try #require(RubyVersion(text).flatMap { RubyLayout($0) })
        #expect(
            [
                layout.frameBytes, layout.bodyLines, layout.bodyLineCount, layout.bodyLocal, layout.lineEntryBytes,
                layout.contextThread, layout.threadBlocking,
            ] == numbers)
    }
}
