import Testing

@testable import V8Runtime

@Suite struct V8VersionTests {
    @Test func versionsAreOrderedByTheirNumbers() {
        #expect(V8Version(8, 4, 371) < V8Version(10, 2))
        #expect(V8Version(11, 1, 203) < V8Version(11, 1, 204))
        #expect(V8Version(12, 8, 44) >= V8Version(12, 8, 44))
    }
}
