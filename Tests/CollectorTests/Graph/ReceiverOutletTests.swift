import Testing

@testable import Collector

struct ReceiverOutletTests {
    /// Writes down what it gets, and can be made to wait.
    actor Pipeline: Consumer {
        private(set) var names: [String] = []
        private var gate: CheckedContinuation<Void, Never>?
        private var waits = false

        init(waits: Bool = false) { self.waits = waits }

        func consume(_ telemetry: Telemetry) async throws {
            names.append(telemetry.name)
            if waits { await withCheckedContinuation { gate = $0 } }
        }

        var isWaiting: Bool { gate != nil }

        func go() {
            waits = false
            gate?.resume()
            gate = nil
        }
    }

    @Test func holdsWhatComesWhileItIsHeld() async throws {
        let (first, second) = (Pipeline(), Pipeline())
        let outlet = ReceiverOutlet(first)
        try await outlet.consume(batch("a"))
        await outlet.hold()
        let waiting = Task { try await outlet.consume(batch("b")) }
        try await Task.sleep(for: .milliseconds(20))
        #expect(await first.names == ["a"])
        outlet.open(second)
        try await waiting.value
        #expect(await first.names == ["a"])
        #expect(await second.names == ["b"])
    }

    @Test func isHeldOnlyWhenNothingIsUnderWay() async throws {
        let slow = Pipeline(waits: true)
        let outlet = ReceiverOutlet(slow)
        let consuming = Task { try await outlet.consume(batch("a")) }
        while await !slow.isWaiting { await Task.yield() }
        let journal = Journal()
        let holding = Task {
            await outlet.hold()
            journal.write("held")
        }
        try await Task.sleep(for: .milliseconds(20))
        #expect(journal.all.isEmpty)
        await slow.go()
        await holding.value
        try await consuming.value
        #expect(journal.all == ["held"])
    }

    @Test func refusesAfterItsEnd() async throws {
        let outlet = ReceiverOutlet(Pipeline())
        await outlet.hold()
        let waiting = Task { try await outlet.consume(batch("a")) }
        try await Task.sleep(for: .milliseconds(20))
        outlet.close()
        await #expect(throws: CollectorError.self) { try await waiting.value }
        await #expect(throws: CollectorError.self) { try await outlet.consume(batch("b")) }
    }
}
