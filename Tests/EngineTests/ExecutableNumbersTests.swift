import Processes
import Testing

@testable import Engine

struct ExecutableNumbersTests {
    private func key(_ inode: UInt64) -> OpenedExecutable.Key {
        .unreadable(
            ExecutableReference(file: MappedFileIdentity(deviceMajor: 0, deviceMinor: 0, inode: inode), kind: .file))
    }

    private let minutes: UInt64 = 60_000_000_000

    @Test func idleExecutablesAreForgottenAfterAWhile() throws {
        var numbers = ExecutableNumbers(capacity: 3)
        let first = try #require(numbers.assign(key(1)))
        let second = try #require(numbers.assign(key(2)))
        #expect(numbers.assign(key(3)) == nil)
        numbers.retain(first)
        numbers.retain(first)
        numbers.retain(second)
        numbers.release(first, now: 0)
        #expect(numbers.takeExpired(now: 10 * minutes).isEmpty, "one process still maps it")
        numbers.release(first, now: 10 * minutes)
        #expect(numbers.takeExpired(now: 11 * minutes).isEmpty)
        #expect(numbers.takeExpired(now: 12 * minutes) == [first])
        #expect(numbers.number(of: key(1)) == nil)
        #expect(numbers.assign(key(3)) == nil, "traces may still hold the number")
        numbers.recycle()
        #expect(numbers.assign(key(3)) == first)
    }

    @Test func usedAgainInTime() throws {
        var numbers = ExecutableNumbers(capacity: 10)
        let number = try #require(numbers.assign(key(1)))
        numbers.retain(number)
        numbers.release(number, now: 0)
        numbers.retain(number)
        #expect(numbers.takeExpired(now: 100 * minutes).isEmpty)
    }

    @Test func theOldestOfTooManyGoFirst() throws {
        var numbers = ExecutableNumbers(capacity: 1000)
        for inode in 0..<300 {
            let number = try #require(numbers.assign(key(UInt64(inode))))
            numbers.retain(number)
            numbers.release(number, now: UInt64(inode))
        }
        let expired = numbers.takeExpired(now: 1000)
        #expect(expired.count == 300 - 256)
        #expect(Set(expired) == Set(1...44))
    }
}
