import Processes
import RuntimeSupport

/// Which line an instruction stands in: `insns_info` of struct rb_iseq_constant_body, iseq.c.
struct RubyLineTable<Memory: MemoryReader> {
    let memory: Memory
    let layout: RubyLayout

    /// What the body says of its table.
    struct Location: Hashable, Sendable {
        /// Addresses of the entries and of their index.
        var entries: UInt64
        var index: UInt64
        var count: UInt32
    }

    /// More lines than a function has.
    private static var entriesLimit: UInt32 { 1 << 20 }

    /// The line of the instruction whose words begin at `position`, or that they are part of; nil when it cannot be told.
    func line(at position: UInt32, _ location: Location) -> UInt32? {
        guard location.count > 0, location.count <= Self.entriesLimit, var number = number(of: position, location)
        else { return nil }
        // Instructions of the compiler's own making have line 0, and are listed with those before them.
        for _ in 0..<Self.linelessLimit {
            guard let line = entry(number, location)?.line else { return nil }
            if line > 0 || number == 0 { return line }
            number -= 1
        }
        return nil
    }

    private static var linelessLimit: Int { 32 }

    /// The entry that holds at a position.
    private func number(of position: UInt32, _ location: Location) -> UInt32? {
        if location.count == 1 { return 0 }
        if layout.bodyLineIndex == nil { return searched(position, location) }
        guard let rank = rank(of: position, index: location.index), rank > 0, rank <= location.count else { return nil }
        return rank - 1
    }

    private func entry(_ number: UInt32, _ location: Location) -> (position: UInt32, line: UInt32)? {
        let start = location.entries &+ UInt64(number) &* UInt64(layout.lineEntryBytes)
        guard let bytes = try? memory.readBytes(at: start, count: layout.lineEntryBytes) else { return nil }
        let line = Int32(bitPattern: CodeBytes.word(bytes, at: layout.lineEntryLine))
        return (CodeBytes.word(bytes, at: 0), UInt32(clamping: max(0, line)))
    }

    /// Until 2.5: the last entry whose position is not behind.
    private func searched(_ position: UInt32, _ location: Location) -> UInt32? {
        var low: UInt32 = 0
        var high = location.count
        var found: UInt32?
        while low < high {
            let middle = low + (high - low) / 2
            guard let entry = entry(middle, location) else { return nil }
            if entry.position <= position {
                found = middle
                low = middle + 1
            } else {
                high = middle
            }
        }
        return found
    }

    /// How many entries begin at or before the position: struct succ_index_table. The first 54 positions have a table of
    /// 7-bit numbers, nine a word; then each block of 512 positions has the rank at its start, ranks of 9 bits at the
    /// start of each but its first word of 64, and a bit for each position at which an entry begins.
    private func rank(of position: UInt32, index: UInt64) -> UInt32? {
        let near: UInt32 = 54
        if position < near {
            guard let word = try? memory.read(at: index &+ UInt64(position / 9) * 8, as: UInt64.self) else { return nil }
            return UInt32(truncatingIfNeeded: word >> UInt64(position % 9 * 7) & 0x7f)
        }
        let block = (position - near) / 512, place = (position - near) % 512
        let start = index &+ 48 &+ UInt64(block) &* 80
        guard let bytes = try? memory.readBytes(at: start, count: 80) else { return nil }
        func word(_ offset: Int) -> UInt64 {
            UInt64(CodeBytes.word(bytes, at: offset)) | UInt64(CodeBytes.word(bytes, at: offset + 4)) << 32
        }
        let part = place / 64
        let small = part == 0 ? 0 : word(8) >> UInt64(9 * (part - 1)) & 0x1ff
        let bits = word(16 + Int(part) * 8) << UInt64(63 - place % 64)
        return CodeBytes.word(bytes, at: 0) &+ UInt32(small) &+ UInt32(bits.nonzeroBitCount)
    }
}
