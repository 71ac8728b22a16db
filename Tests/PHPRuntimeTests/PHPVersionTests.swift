import Testing

@testable import PHPRuntime

@Suite struct PHPVersionTests {
    @Test(arguments: [("8.4.24", "8.4"), ("7.3.33-1+deb10u1", "7.3"), ("8.5.0RC1", "8.5"), ("10.11.12", "10.11")])
    func versionsAreParsed(_ text: String, _ version: String) {
        #expect(PHPVersion(parsing: text.utf8).map { "\($0)" } == version)
    }

    @Test(arguments: ["", "8", "8.", "8.4", ".4.1", "x8.4.1", "99999999999.1.1", "8..1", "8.400.1"])
    func otherTextsAreNot(_ text: String) {
        #expect(PHPVersion(parsing: text.utf8) == nil)
    }

    @Test func versionsStandBehindTheirMarker() {
        let banner = PHPVersion.banner
        let bytes = Array("..".utf8) + banner + Array("%s".utf8) + [0] + banner + Array("8.2.32".utf8) + [0]
        #expect(PHPVersion(after: banner, in: bytes) == PHPVersion(major: 8, minor: 2))
        #expect(PHPVersion(after: banner, in: banner) == nil)
        #expect(PHPVersion(after: banner, in: []) == nil)
    }

    @Test func layoutsAreKnownFromSevenThreeToEightFive() {
        for (major, minors) in [(7, 3...4), (8, 0...5)] {
            for minor in minors { #expect(PHPLayout(PHPVersion(major: major, minor: minor)) != nil) }
        }
        for (major, minor) in [(7, 2), (7, 5), (8, 6), (9, 0), (5, 6)] {
            #expect(PHPLayout(PHPVersion(major: major, minor: minor)) == nil)
        }
    }

    /// Between operations and file name lie pointers to caches, static variables (two since 7.4), names of variables, the
    /// count of references, ranges and blocks (Zend/zend_compile.h): as many in each version.
    @Test func fieldsOfAFunctionKeepTheirOrder() throws {
        for (major, minor) in [(7, 3), (7, 4), (8, 0), (8, 1), (8, 2), (8, 3), (8, 4), (8, 5)] {
            let layout = try #require(PHPLayout(PHPVersion(major: major, minor: minor)))
            // Since 8.2 the cache lies before the operations.
            let between = (major, minor) == (7, 3) || (major == 8 && minor >= 2) ? 64 : 72
            #expect(layout.functionFileName - layout.functionOps == between)
            #expect(layout.functionFirstLine == layout.functionFileName + 8)
            #expect(layout.functionOpCount < layout.functionOps && layout.functionOps - layout.functionOpCount <= 8)
        }
    }
}
