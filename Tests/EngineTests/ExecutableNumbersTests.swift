import Processes
import Testing

@testable import Engine

struct ExecutableNumbersTests {
    private func key(_ inode: UInt64) -> OpenedExecutable.Key {
        .unreadable(
            ExecutableReference(file: MappedFileIdentity(deviceMajor: 0, deviceMinor: 0, inode: inode), kind: .file))
    }

    private let minutes: UInt64 = 60_000_000_000

    @Test func idleExecutablesAreForgottenAfterAWhile() {
        var numbers = ExecutableNumbers(capacity: 3)
        let given = [numbers.assign(key(1)), numbers.assign(key(2)), numbers.assign(key(3))]
        #expect(given == [1, 2, nil])
        numbers.retain(1)
        numbers.retain(1)
        numbers.retain(2)
        numbers.release(1, now: 0)
        let whileMapped = numbers.takeExpired(now: 10 * minutes)
        #expect(whileMapped.isEmpty)
        numbers.release(1, now: 10 * minutes)
        let early = numbers.takeExpired(now: 11 * minutes), late = numbers.takeExpired(now: 12 * minutes)
        #expect(early.isEmpty)
        #expect(late == [1])
        #expect(numbers.number(of: key(1)) == nil)
        let whileTracesHoldIt = numbers.assign(key(3))
        #expect(whileTracesHoldIt == nil)
        numbers.recycle()
        let recycled = numbers.assign(key(3))
        #expect(recycled == 1)
    }

    @Test func usedAgainInTime() {
        var numbers = ExecutableNumbers(capacity: 10)
        let number = numbers.assign(key(1)) ?? 0
        numbers.retain(number)
        numbers.release(number, now: 0)
        numbers.retain(number)
        let expired = numbers.takeExpired(now: 100 * minutes, isUrgent: true)
        #expect(expired.isEmpty)
    }

    @Test func theOldestOfTooManyGoFirst() {
        var numbers = ExecutableNumbers(capacity: 1000)
        for inode in 0..<300 {
            let number = numbers.assign(key(UInt64(inode))) ?? 0
            numbers.retain(number)
            numbers.release(number, now: UInt64(inode))
        }
        let tooMany = numbers.takeExpired(now: 1000), urgent = numbers.takeExpired(now: 1000, isUrgent: true)
        #expect(Set(tooMany) == Set(1...44))
        #expect(Set(urgent) == Set(45...300))
    }
}
