import Testing

@testable import BPFObjects

/// A kernel's structures, made up: a task, its leader, and their `struct pid`s on the third level of namespaces.
struct PIDLayoutTests {
    private final class Memory {
        var words: [UInt64: UInt64] = [:]
        func read(_ address: UInt64) -> [UInt8]? {
            guard words[address & ~0xfff] != nil else { return nil }
            return stride(from: address, to: address + 512, by: 8).flatMap { address in
                withUnsafeBytes(of: (words[address] ?? 0).littleEndian) { Array($0) }
            }
        }
    }

    private static let task: UInt64 = 0xffff_8880_0001_0000
    private static let leader: UInt64 = 0xffff_8880_0002_0000
    private static let pid: UInt64 = 0xffff_8880_0003_0000
    private static let leaderPID: UInt64 = 0xffff_8880_0004_0000
    private static let namespace: UInt64 = 0xffff_8880_0005_0000

    private func memory(threadOf process: UInt32 = 5000, numbers: Int = 0x50) -> Memory {
        let memory = Memory()
        for page in [Self.task, Self.leader, Self.pid, Self.leaderPID, Self.namespace] { memory.words[page] = 0 }
        func writePID(_ place: UInt64, _ levels: [UInt64]) {
            memory.words[place] = 2 << 32 | 1
            for (level, number) in levels.enumerated() {
                memory.words[place + UInt64(numbers + 16 * level)] = number
                memory.words[place + UInt64(numbers + 16 * level + 8)] = Self.namespace + UInt64(level * 8)
            }
        }
        writePID(Self.pid, [5001, 70, 12])
        writePID(Self.leaderPID, [UInt64(process), 69, 11])
        // Someone's pointer to the leader, which lies where no parents lie before it.
        memory.words[Self.task + 0x40] = Self.leader
        for task in [Self.task, Self.leader] {
            memory.words[task + 0x100] = Self.namespace
            memory.words[task + 0x108] = Self.namespace
            memory.words[task + 0x130] = Self.leader
        }
        memory.words[Self.task + 0x150] = Self.pid
        memory.words[Self.leader + 0x150] = Self.leaderPID
        return memory
    }

    private func find(_ memory: Memory, own: PIDLayout.Numbers = .init(process: 11, thread: 12)) -> PIDLayout? {
        PIDLayout.find(
            task: Self.task, outer: .init(process: 5000, thread: 5001), own: own, read: { memory.read($0) })
    }

    @Test func whatIsThereIsFound() {
        #expect(
            find(memory())
                == PIDLayout(
                    threadPIDOffset: 0x150, groupLeaderOffset: 0x130, levelOffset: 4, numbersOffset: 0x50, level: 2,
                    namespace: Self.namespace + 16))
        #expect(find(memory(numbers: 0x90))?.numbersOffset == 0x90)
    }

    @Test func whatDoesNotFitIsNotTaken() {
        #expect(find(memory(), own: .init(process: 11, thread: 13)) == nil)
        #expect(find(memory(), own: .init(process: 12, thread: 12)) == nil)
        #expect(find(memory(threadOf: 4999)) == nil)
        #expect(find(Memory()) == nil)
    }
}
