import Testing

@testable import ElasticsearchExporter

@Suite struct RateLimitTests {
    @Test func whatIsHeldBackIsCounted() {
        let limit = RateLimit(.seconds(3600))
        #expect(limit.pass(5) == 0)
        #expect(limit.pass() == nil)
        #expect(limit.pass(3) == nil)
        #expect(limit.rest() == 4)
        #expect(limit.rest() == 0)
    }

    @Test func theNextIsToldOfWhatWasHeldBack() async throws {
        let limit = RateLimit(.milliseconds(50))
        #expect(limit.pass() == 0)
        var heldBack = 0
        while true {
            if let told = limit.pass() {
                #expect(told == heldBack)
                break
            }
            heldBack += 1
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(limit.rest() == 0)
    }
}
