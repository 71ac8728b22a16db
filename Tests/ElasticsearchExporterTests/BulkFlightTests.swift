import Testing

@testable import ElasticsearchExporter

struct BulkFlightTests {
    /// Every document that goes in comes out once, accepted or lost.
    func settled(_ flight: BulkFlight) -> [Int] { (flight.accepted + flight.lost.map(\.document)).sorted() }

    @Test func requestsAreCutByBytes() {
        var flight = BulkFlight(sizes: [40, 40, 40, 500, 10, 10])
        var requests: [[Int]] = []
        while let request = flight.nextRequest(maximumBytes: 100) {
            requests.append(request)
            flight.ended(request, .accepted)
        }
        #expect(requests == [[0, 1], [2], [3], [4, 5]])
        #expect(flight.accepted == [0, 1, 2, 3, 4, 5])
        #expect(flight.openCount == 0)
    }

    @Test func onlyOpenDocumentsGoAgain() throws {
        var flight = BulkFlight(sizes: [1, 1, 1, 1])
        let nextFirst = flight.nextRequest(maximumBytes: 100)
        let first = try #require(nextFirst)
        flight.answered(
            first,
            [
                .accepted, .open(.refused(status: 429, type: "busy"), reason: "busy"),
                .lost(.refused(status: 400, type: "bad"), reason: "bad"),
                .open(.refused(status: 503, type: "shards"), reason: "shards"),
            ])
        let end = flight.nextRequest(maximumBytes: 100)
        #expect(end == nil)
        #expect(flight.openCount == 2)
        flight.retry()
        let nextSecond = flight.nextRequest(maximumBytes: 100)
        let second = try #require(nextSecond)
        #expect(second == [1, 3])
        flight.answered(second, [.accepted, .open(.refused(status: 503, type: "shards"), reason: "still")])
        flight.giveUp()
        #expect(flight.accepted == [0, 1])
        #expect(flight.lost.map(\.document) == [2, 3])
        #expect(flight.lost.map(\.reason) == ["bad", "still"])
        #expect(settled(flight) == [0, 1, 2, 3])
    }

    /// However small the server's limit is, and whatever the sizes are, it ends and loses only what is too large alone.
    @Test(arguments: [1, 7, 50, 99, 1000])
    func tooLargeRequestsAreHalved(limit: Int) {
        let sizes = (0..<200).map { ($0 * 37) % 90 + 1 }
        var flight = BulkFlight(sizes: sizes)
        var maximumBytes = 100_000
        var requests = 0
        while let request = flight.nextRequest(maximumBytes: maximumBytes) {
            requests += 1
            guard requests < 2000 else { break }
            let bytes = flight.bytes(of: request)
            if bytes > limit {
                if request.count > 1 { maximumBytes = min(maximumBytes, bytes / 2) }
                flight.tooLarge(request, reason: "413")
            } else {
                flight.ended(request, .accepted)
            }
        }
        #expect(requests < 2000)
        #expect(settled(flight) == Array(0..<200))
        #expect(flight.lost.map(\.document).sorted() == sizes.indices.filter { sizes[$0] > limit })
        #expect(flight.lost.allSatisfy { $0.loss == .tooLarge(bytes: sizes[$0.document]) })
    }

    @Test func doubtIsRemembered() throws {
        var flight = BulkFlight(sizes: [1, 1])
        let nextRequest = flight.nextRequest(maximumBytes: 1)
        let request = try #require(nextRequest)
        flight.leftInDoubt(request, reason: "reset")
        #expect(flight.mayHaveArrived == [0])
        flight.retry()
        let again = flight.nextRequest(maximumBytes: 1)
        #expect(again == [0])
        #expect(flight.mayHaveArrived == [0])
    }
}

struct BulkRetryPolicyTests {
    struct Fixed: RandomNumberGenerator {
        var word: UInt64
        func next() -> UInt64 { word }
    }

    /// Half of the interval and at most once more that half; the interval doubles up to the maximum.
    @Test func pauses() {
        var configuration = BulkRetryConfiguration()
        configuration.maximumInterval = .seconds(1)
        let policy = BulkRetryPolicy(configuration, isPersistent: false)
        let intervals = [100, 200, 400, 800, 1000, 1000]
        for (index, interval) in intervals.enumerated() {
            var (low, high) = (Fixed(word: 0), Fixed(word: .max))
            let least = policy.pause(before: index + 1, using: &low)
            let most = policy.pause(before: index + 1, using: &high)
            #expect(least == .milliseconds(interval) / 2)
            #expect(most > .milliseconds(interval) * 0.99 && most <= .milliseconds(interval))
        }
        var generator = Fixed(word: .max)
        let late = policy.pause(before: .max, using: &generator)
        #expect(late <= .seconds(1))
    }

    @Test func limits() {
        var policy = BulkRetryPolicy(BulkRetryConfiguration(), isPersistent: false)
        #expect(policy.allows(retry: 1000, elapsed: .seconds(300)))
        #expect(!policy.allows(retry: 1, elapsed: .seconds(301)))
        policy.limit = .retries(2)
        #expect(policy.allows(retry: 2, elapsed: .seconds(9999)))
        #expect(!policy.allows(retry: 3, elapsed: .zero))
        policy.limit = .none
        #expect(policy.allows(retry: .max, elapsed: .seconds(1e9)))
    }
}

struct BulkAnswerTests {
    @Test func readsItems() throws {
        let text = """
            {"took": 3, "errors": true, "items": [
              {"create": {"_index": ".ds-x", "status": 201, "failure_store": "used"}},
              {"update": {"status": 200, "result": "noop", "_shards": {"total": [1, {"a": "}]"}]}}},
              {"create": {"status": 400, "error": {"type": "document_parsing_exception",
                "reason": "bad \\"field\\" \\u00e9\\ud83d\\ude00", "caused_by": {"type": "x"}}}},
              {"create": {"status": 201, "error": {"type": "late"}}}, {"create": null}]}
            """
        let items = try BulkAnswer(parsing: Array(text.utf8)).items
        #expect(items.map(\.status) == [201, 200, 400, 201, 0])
        #expect(items.map(\.isFailure) == [false, false, true, true, true])
        #expect(items[0].failureStore == .used)
        #expect(items[2].errorType == "document_parsing_exception")
        #expect(items[2].errorReason == "bad \"field\" é😀")
    }

    @Test(arguments: [
        "", "{", "[]", "{\"items\":[{\"cre", "{\"items\":[}", "{\"items\":[{\"create\":{\"status\":1e}}]", "nul",
        "{\"\\u12\": 1}",
    ])
    func refusesGarbage(text: String) {
        #expect(throws: JSONReader.Failure.self) { try BulkAnswer(parsing: Array(text.utf8)) }
    }

    @Test func nestingIsBounded() {
        let text = "{\"a\":" + String(repeating: "[", count: 100_000)
        #expect(throws: JSONReader.Failure.self) { try BulkAnswer(parsing: Array(text.utf8)) }
    }

    /// Cut anywhere, an answer is refused or read, but never read past its end.
    @Test func everyPrefixEnds() {
        let text = Array(#"{"items":[{"create":{"status":409,"error":{"type":"v\u00e9","reason":"\\x"}}}]}"#.utf8)
        for end in text.indices { _ = try? BulkAnswer(parsing: Array(text[..<end])) }
        #expect((try? BulkAnswer(parsing: text))?.items.count == 1)
    }
}
