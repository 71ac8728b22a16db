import Glibc
import Synchronization

/// A compiled expression and what has been learnt while matching with it.
final class Matcher: Sendable {
    let program: Program
    private let alphabet: Alphabet
    /// Automata that no call is using.
    private let caches = Mutex<[StateCache]>([])
    private let cacheBytes: Int

    init(_ program: Program, cacheBytes: Int = Limits.cacheBytes) {
        self.program = program
        self.cacheBytes = cacheBytes
        alphabet = Alphabet(program)
    }

    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var steps = 0
        return matches(text, steps: &steps)
    }

    /// - Parameter steps: Grows by the work done: bytes read and instructions visited.
    func matches(_ text: UnsafeBufferPointer<UInt8>, steps: inout Int) -> Bool {
        var cache =
            caches.withLock { $0.popLast() } ?? StateCache(program, alphabet, limitBytes: cacheBytes)
        let hasMatched = cache.matches(program, alphabet, text, steps: &steps)
        caches.withLock { if $0.count < Limits.caches { $0.append(cache) } }
        return hasMatched
    }

    /// - Returns: offsets, two for each group, -1 for groups that took no part; nil if there is no match.
    func firstMatch(_ text: UnsafeBufferPointer<UInt8>) -> [Int]? {
        guard matches(text) else { return nil }
        var machine = PikeVM(program)
        return machine.firstMatch(text)
    }
}

extension Program {
    /// Where the prefix is next, at or behind `start`.
    func firstPrefix(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let base = text.baseAddress, let first = prefix.first else { return nil }
        var offset = start
        while text.count - offset >= prefix.count {
            let places = text.count - offset - prefix.count + 1
            guard let found = memchr(base + offset, Int32(first), places) else { return nil }
            offset = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            if memcmp(found, prefix, prefix.count) == 0 { return offset }
            offset += 1
        }
        return nil
    }
}
