import Testing

@testable import PythonRuntime

@Suite struct PythonVersionTests {
    @Test(arguments: [
        ("python3.11", "3.11"), ("python3.7m", "3.7"), ("python3.6dm", "3.6"), ("libpython3.9.so.1.0", "3.9"),
        ("libpython3.13t.so.1.0", "3.13t"), ("python3.14t", "3.14t"), ("python3.13-nogil", "3.13t"),
    ])
    func fileNamesTell(_ name: String, _ version: String) {
        #expect(PythonVersion(fileName: name).map { "\($0)" } == version)
    }

    @Test(arguments: [
        "python", "python3", "pythonw3.1x", "libpytho3.9.so", "python3.", "python.3", "python99999999999999999999.1",
    ])
    func otherNamesDoNot(_ name: String) {
        #expect(PythonVersion(fileName: name) == nil)
    }

    @Test func versionsAreKnownFromThreeSixToThreeFifteen() {
        for minor in 6...15 { #expect(PythonLayout(PythonVersion(major: 3, minor: minor)) != nil) }
        for minor in [5, 16] { #expect(PythonLayout(PythonVersion(major: 3, minor: minor)) == nil) }
        #expect(PythonLayout(PythonVersion(major: 2, minor: 7)) == nil)
    }

    /// Headers of the free-threaded builds: objects begin with 32 bytes.
    @Test func freeThreadedObjectsAreLarger() throws {
        let layout = try #require(PythonLayout(PythonVersion(major: 3, minor: 14, isFreeThreaded: true)))
        #expect(layout.codeFileName == 128)
        #expect(layout.codeLineTable == 152)
        #expect(layout.codeFirstLine == 84)
        #expect(layout.codeInstructions == 232)
        #expect(layout.frameOwner == 78)
        #expect(layout.stringLength == 32)
        #expect(layout.bytesData == 48)
    }

    @Test func hostileDescriptionsAreRefused() throws {
        var bytes = [UInt8](repeating: 0xff, count: PythonDebugOffsets.sizeBytes)
        #expect(PythonDebugOffsets(bytes) == nil)
        bytes.replaceSubrange(0..<8, with: PythonDebugOffsets.cookie)
        // Version 3.14 with offsets that no struct has.
        bytes.replaceSubrange(8..<16, with: [0xf0, 0x0a, 14, 3, 0, 0, 0, 0])
        let table = try #require(PythonDebugOffsets(bytes))
        var layout = try #require(PythonLayout(PythonVersion(major: 3, minor: 14)))
        let known = layout
        #expect(table.version.minor == 14)
        let isApplied = table.apply(to: &layout)
        #expect(!isApplied)
        #expect(layout == known)
        #expect(PythonDebugOffsets([]) == nil)
    }
}
