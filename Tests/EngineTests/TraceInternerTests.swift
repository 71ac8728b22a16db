import Testing

@testable import Engine

struct TraceInternerTests {
    private func intern(_ interner: inout TraceInterner, _ words: [UInt64], kernel: UInt16 = 0, stop: UInt16 = 1) -> UInt32 {
        words.withUnsafeBufferPointer { interner.intern($0, kernelFrameCount: kernel, stopReason: stop) }
    }

    @Test func equalTracesHaveOneNumber() {
        var interner = TraceInterner()
        let numbers = [
            intern(&interner, [1, 2, 3]), intern(&interner, [1, 2, 3]), intern(&interner, [1, 2]),
            intern(&interner, [3, 2, 1]), intern(&interner, [1, 2, 3], kernel: 1),
            intern(&interner, [1, 2, 3], stop: 6), intern(&interner, []), intern(&interner, []),
        ]
        #expect(numbers == [0, 0, 1, 2, 3, 4, 5, 5])
    }

    /// Against a dictionary, over many growths of the table.
    @Test func agreesWithADictionary() {
        var interner = TraceInterner()
        var known: [[UInt64]: UInt32] = [:]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let words = (0..<Int.random(in: 0...6, using: &generator)).map { _ in UInt64.random(in: 0...5, using: &generator) }
            let number = intern(&interner, words)
            if let before = known[words] { #expect(number == before) } else { #expect(Int(number) == known.count) }
            known[words] = number
        }
        #expect(interner.traces.count == known.count)
    }

    @Test func resetStartsAnew() {
        var interner = TraceInterner()
        _ = intern(&interner, [1])
        interner.reset()
        let number = intern(&interner, [2])
        #expect(number == 0)
        #expect(interner.words == [2])
    }
}

struct MappingExtentsTests {
    @Test func runsAreReusedAndJoined() {
        var extents = MappingExtents(capacity: 10)
        let given = [extents.allocate(4), extents.allocate(4), extents.allocate(4), extents.allocate(2)]
        #expect(given == [0, 4, nil, 8])
        extents.release(0, count: 4)
        extents.release(8, count: 2)
        #expect(extents.freeCount == 6)
        let acrossTwoGaps = extents.allocate(6)
        #expect(acrossTwoGaps == nil)
        extents.release(4, count: 4)
        let joined = extents.allocate(10)
        #expect(joined == 0)
    }

    /// Runs never overlap, and nothing is lost.
    @Test func randomUse() {
        var extents = MappingExtents(capacity: 256)
        var held: [(start: UInt32, count: Int)] = []
        for _ in 0..<5000 {
            if Bool.random(), !held.isEmpty {
                let run = held.remove(at: Int.random(in: 0..<held.count))
                extents.release(run.start, count: run.count)
            } else {
                let count = Int.random(in: 1...40)
                if let start = extents.allocate(count) { held.append((start, count)) }
            }
            var used = [Bool](repeating: false, count: 256)
            for run in held {
                for index in Int(run.start)..<(Int(run.start) + run.count) {
                    #expect(!used[index])
                    used[index] = true
                }
            }
            #expect(extents.freeCount == used.count { !$0 })
        }
    }
}
