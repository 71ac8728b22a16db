import Engine
import Testing

@testable import ProfilingReceiver

@Suite struct IntervalQueueTests {
    private func interval(_ number: UInt64, samples: Int = 1) -> ProfileInterval {
        var interval = ProfileInterval(startUnixNanoseconds: number, endUnixNanoseconds: number + 1)
        interval.samples = Array(repeating: Intervals.sample(), count: samples)
        return interval
    }

    @Test func intervalsComeOutInTheirOrderAndThenTheEnd() async {
        let queue = IntervalQueue(maximumIntervals: 3, maximumBytes: .max)
        for number: UInt64 in 0..<3 { #expect(queue.push(interval(number)) == .init()) }
        queue.finish()
        for number: UInt64 in 0..<3 { #expect(await queue.next()?.startUnixNanoseconds == number) }
        #expect(await queue.next() == nil)
        #expect(await queue.next() == nil)
    }

    @Test func theOldestGiveWay() async {
        let queue = IntervalQueue(maximumIntervals: 2, maximumBytes: .max)
        #expect(queue.push(interval(0, samples: 5)) == .init())
        #expect(queue.push(interval(1)) == .init())
        #expect(queue.push(interval(2)) == .init(intervals: 1, samples: 5))
        #expect(await queue.next()?.startUnixNanoseconds == 1)
        #expect(await queue.next()?.startUnixNanoseconds == 2)
    }

    @Test func memoryIsBoundedButTheNewestStays() async {
        let one = interval(0, samples: 10).estimatedBytes
        #expect(one >= 10 * MemoryLayout<ProfileSample>.size)
        let queue = IntervalQueue(maximumIntervals: 100, maximumBytes: 2 * one)
        for number: UInt64 in 0..<2 { #expect(queue.push(interval(number, samples: 10)) == .init()) }
        #expect(queue.push(interval(2, samples: 100)) == .init(intervals: 2, samples: 20))
        #expect(await queue.next()?.startUnixNanoseconds == 2)
        // What went out counts no more.
        for number: UInt64 in 3..<5 { #expect(queue.push(interval(number, samples: 10)) == .init()) }
    }

    @Test func aFinishedQueueTakesNothing() async {
        let queue = IntervalQueue(maximumIntervals: 2, maximumBytes: .max)
        queue.finish()
        #expect(queue.push(interval(0, samples: 4)) == .init(intervals: 1, samples: 4))
        #expect(await queue.next() == nil)
    }

    @Test func aWaitingConsumerGetsWhatComes() async {
        let queue = IntervalQueue(maximumIntervals: 1, maximumBytes: .max)
        let consumer = Task {
            var numbers: [UInt64] = []
            while let interval = await queue.next() { numbers.append(interval.startUnixNanoseconds) }
            return numbers
        }
        var sent: [UInt64] = []
        for number: UInt64 in 0..<200 {
            await Task.yield()
            if queue.push(interval(number)) == .init() { sent.append(number) } else { sent[sent.count - 1] = number }
        }
        queue.finish()
        #expect(await consumer.value == sent)
    }
}
