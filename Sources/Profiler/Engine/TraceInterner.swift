/// Gives equal traces equal numbers, so that a trace that was seen before costs one look-up.
///
/// Numbers are dense and start at 0; they hold until `reset`. Belongs to the reading thread.
struct TraceInterner {
    struct Trace: Sendable {
        var firstWord: Int
        var wordCount: Int
        var kernelFrameCount: UInt16
        var stopReason: UInt16
        var hash: UInt64
    }

    private(set) var words: [UInt64] = []
    private(set) var traces: [Trace] = []
    /// Open addressing; trace number + 1, 0 for empty. The size is a power of two, at most half full.
    private var slots: [UInt32]

    init() {
        slots = [UInt32](repeating: 0, count: 1024)
    }

    /// Memory in use, in bytes.
    var bytes: Int { words.capacity * 8 + traces.capacity * MemoryLayout<Trace>.stride + slots.count * 4 }

    mutating func intern(
        _ trace: UnsafeBufferPointer<UInt64>, kernelFrameCount: UInt16, stopReason: UInt16
    ) -> UInt32 {
        var hash = TraceInterner.hash(trace)
        hash = TraceInterner.mix(hash ^ (UInt64(kernelFrameCount) << 16 | UInt64(stopReason)))
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let number = slots[slot] - 1
            let known = traces[Int(number)]
            if known.hash == hash, known.wordCount == trace.count, known.kernelFrameCount == kernelFrameCount,
                known.stopReason == stopReason, equal(known, trace)
            {
                return number
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        let number = UInt32(traces.count)
        slots[slot] = number + 1
        traces.append(
            Trace(
                firstWord: words.count, wordCount: trace.count, kernelFrameCount: kernelFrameCount,
                stopReason: stopReason, hash: hash))
        words.append(contentsOf: trace)
        if traces.count * 2 > slots.count { grow() }
        return number
    }

    /// Forgets all traces; numbers start again.
    mutating func reset() {
        self = TraceInterner()
    }

    private func equal(_ known: Trace, _ trace: UnsafeBufferPointer<UInt64>) -> Bool {
        words.withUnsafeBufferPointer { words in
            for index in 0..<trace.count where words[known.firstWord + index] != trace[index] { return false }
            return true
        }
    }

    private mutating func grow() {
        let mask = slots.count * 2 - 1
        slots = [UInt32](repeating: 0, count: mask + 1)
        for (number, trace) in traces.enumerated() {
            var slot = Int(truncatingIfNeeded: trace.hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(number) + 1
        }
    }

    /// Multiply-and-fold, two words a round. Collisions cost time only: equality is checked.
    private static func hash(_ words: UnsafeBufferPointer<UInt64>) -> UInt64 {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15 ^ UInt64(truncatingIfNeeded: words.count)
        var index = 0
        while index + 1 < words.count {
            let product = (words[index] ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(
                by: words[index + 1] ^ 0xe703_7ed1_a0b4_28db ^ state)
            state = product.high ^ product.low ^ (state << 5 | state >> 59)
            index += 2
        }
        if index < words.count { state = mix(state ^ words[index]) }
        return mix(state)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0xe703_7ed1_a0b4_28db).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        return product.high ^ product.low
    }
}
