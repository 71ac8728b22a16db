import CBPFInterface
import Testing

@testable import PythonRuntime

/// What Debian's builds for x86_64 say of asyncio's tasks, and what nobody says.
@Suite struct TaskTests {
    private static let recorded: [Int: [UInt64]] = [
        14: [168, 136, 96, 108, 109, 128, 152, 225864, 10880, 936, 864, 872, 880],
        15: [168, 136, 96, 108, 109, 128, 152, 226240, 10856, 1104, 1024, 1032, 1048],
    ]

    /// The table at the start of `_PyRuntime`: fields by their positions.
    private static func table(_ minor: Int) throws -> PythonDebugOffsets {
        var words = [UInt64](repeating: 0, count: PythonDebugOffsets.sizeBytes / 8)
        words[1] = 0x0300_02f0 | UInt64(minor) << 16
        let fields: [Int: UInt64] =
            minor == 15
            ? [600: 24, 608: 40, 616: 32, 808: 72, 816: 67, 472: 8, 360: 64]
            : [504: 24, 512: 40, 520: 32, 680: 72, 688: 67, 408: 8, 296: 64]
        for (position, value) in fields { words[position / 8] = value }
        var bytes = bytes(words)
        bytes.replaceSubrange(0..<8, with: PythonDebugOffsets.cookie)
        return try #require(PythonDebugOffsets(bytes))
    }

    private static func bytes(_ words: [UInt64]) -> [UInt8] {
        words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    @Test(arguments: [14, 15]) func factsAreThoseDescribed(_ minor: Int) throws {
        let section = Self.bytes(try #require(Self.recorded[minor]))
        let tasks = try #require(PythonTasks(try Self.table(minor), asyncio: section, coroutineType: 0x1234))
        var facts = python_process()
        tasks.describe(in: &facts)
        #expect(facts.thread_state_task == (minor == 14 ? 872 : 1032))
        #expect(facts.task_coroutine == 128 && facts.task_awaited_by == 96)
        #expect(facts.task_is_task == 108 && facts.task_awaited_by_set == 109)
        #expect(facts.set_used == 24 && facts.set_table == 40 && facts.set_mask == 32)
        #expect(facts.object_type == 8 && facts.generator_frame == 72 && facts.generator_state == 67)
        #expect(facts.frame_stack == 64 && facts.coroutine_type == 0x1234)
        #expect(facts.awaited_below == (minor == 14 ? 8 : 16))
        #expect(facts.awaiting_state == (minor == 14 ? 0xff : 2) && facts.cleared_state == (minor == 14 ? 4 : 5))
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let recorded = try #require(Self.recorded[14])
        let table = try Self.table(14)
        #expect(PythonTasks(table, asyncio: Self.bytes(Array(recorded.dropLast())), coroutineType: 1) == nil)
        for (index, value) in [(2, 97), (2, 160), (3, 160), (5, UInt64.max), (5, .max - 7), (11, 0), (11, 4096)] {
            var words = recorded
            words[index] = value
            #expect(PythonTasks(table, asyncio: Self.bytes(words), coroutineType: 1) == nil, "\(index) \(value)")
        }
        var empty = [UInt8](repeating: 0, count: PythonDebugOffsets.sizeBytes)
        empty.replaceSubrange(0..<12, with: PythonDebugOffsets.cookie + [0xf0, 0, 13, 3])
        #expect(PythonTasks(try #require(PythonDebugOffsets(empty)), asyncio: Self.bytes(recorded), coroutineType: 1) == nil)
    }
}
