import Testing

@testable import Processes

private let second: UInt64 = 1_000_000_000

/// By reference, so that expectations can change it.
private final class Queue {
    private var queue: QuestionQueue
    init(threads: Int, capacity: Int = 1000) { queue = QuestionQueue(threads: threads, capacity: capacity) }

    func add(_ question: ProcessQuestion, now: UInt64) -> ProcessQuestion? { queue.add(question, now: now) }
    func addCheck(_ key: ProcessKey) { queue.addCheck(key) }
    func assign(now: UInt64) -> [(thread: Int, question: ProcessQuestion)] { queue.assign(now: now) }
    func answered(thread: Int) -> ProcessQuestion? { queue.answered(thread: thread) }
    func takeOverdue(now: UInt64) -> [ProcessQuestion] { queue.takeOverdue(now: now) }
}

struct QuestionQueueTests {
    private func key(_ pid: ProcessID, _ generation: UInt64 = 1) -> ProcessKey {
        ProcessKey(pid: pid, generation: generation)
    }

    private func maps(_ pid: ProcessID, _ generation: UInt64 = 1) -> ProcessQuestion {
        .mappings(key(pid, generation), thread: pid)
    }

    private func facts(_ pid: ProcessID) -> ProcessQuestion { .facts(key(pid), thread: pid) }

    /// A process whose memory map is locked keeps one thread; the rest goes on, and it counts as failed after a while.
    @Test func aStuckProcessKeepsOneThread() {
        let queue = Queue(threads: 2)
        for question in [maps(1), facts(1), maps(2), maps(3)] { #expect(queue.add(question, now: 0) == nil) }
        let first = queue.assign(now: 0)
        #expect(first.map(\.question) == [maps(1), maps(2)] && first.map(\.thread) == [0, 1])
        #expect(queue.assign(now: 0).isEmpty)
        #expect(queue.answered(thread: 1) == maps(2))
        #expect(queue.assign(now: 0).map(\.question) == [maps(3)], "not about 1, which is being asked")
        #expect(queue.answered(thread: 1) == maps(3))
        #expect(queue.assign(now: second).isEmpty)
        #expect(queue.takeOverdue(now: second).isEmpty)
        #expect(queue.takeOverdue(now: 2 * second) == [maps(1), facts(1)])
        #expect(queue.takeOverdue(now: 3 * second).isEmpty, "told once")
        // Still stuck: no thread for it, whatever is asked.
        #expect(queue.add(facts(1), now: 3 * second) == nil)
        #expect(queue.assign(now: 3 * second).isEmpty)
        #expect(queue.answered(thread: 0) == nil, "too late")
        #expect(queue.assign(now: 4 * second).map(\.question) == [facts(1)])
    }

    @Test func whatWaitsForStuckThreadsIsOverdueToo() {
        let queue = Queue(threads: 1)
        _ = queue.add(maps(1), now: 0)
        _ = queue.assign(now: 0)
        _ = queue.add(maps(2), now: second)
        _ = queue.add(maps(3), now: 2 * second)
        #expect(queue.takeOverdue(now: 3 * second) == [maps(1), maps(2)])
        #expect(queue.answered(thread: 0) == nil)
        #expect(queue.assign(now: 3 * second).map(\.question) == [maps(3)])
    }

    @Test func aNewLifesQuestionReplacesTheOldOnes() {
        let queue = Queue(threads: 1)
        #expect(queue.add(maps(1, 1), now: 0) == nil)
        #expect(queue.add(maps(1, 2), now: 0) == maps(1, 1))
        #expect(queue.assign(now: 0).map(\.question) == [maps(1, 2)])
        #expect(queue.add(maps(1, 3), now: 0) == nil)
        #expect(queue.answered(thread: 0) == maps(1, 2))
        #expect(queue.assign(now: 0).map(\.question) == [maps(1, 3)])
    }

    @Test func checksComeLastAndManyAtATime() {
        let queue = Queue(threads: 1)
        for pid in 1...100 as ClosedRange<ProcessID> {
            queue.addCheck(key(pid))
            queue.addCheck(key(pid))
        }
        _ = queue.add(maps(1), now: 0)
        #expect(queue.assign(now: 0).map(\.question) == [maps(1)])
        #expect(queue.answered(thread: 0) == maps(1))
        #expect(queue.assign(now: 0).map(\.question) == [.liveness((1...64).map { key($0) })])
        #expect(queue.answered(thread: 0) != nil)
        #expect(queue.assign(now: 0).map(\.question) == [.liveness((65...100).map { key($0) })])
    }

    @Test func theQueueIsBounded() {
        let queue = Queue(threads: 1, capacity: 10)
        for pid in 1...10 as ClosedRange<ProcessID> { #expect(queue.add(maps(pid), now: 0) == nil) }
        #expect(queue.add(maps(11), now: 0) == maps(11))
        #expect(queue.add(facts(10), now: 0) == nil, "another question about a process that waits anyway")
        for pid in 1...20 as ClosedRange<ProcessID> { queue.addCheck(key(pid)) }
        var asked = 0
        while let next = queue.assign(now: 0).first {
            if case .liveness(let keys) = next.question { #expect(keys.count == 10) }
            asked += 1
            #expect(queue.answered(thread: next.thread) == next.question)
        }
        #expect(asked == 12)
    }
}
