import Synchronization

/// Decoded parts of debugging information, kept within one bound for all files: the least recently used go first.
public final class DebugPartCache: Sendable {
    struct Key: Hashable, Sendable {
        enum Kind: UInt8, Sendable { case information, context, abbreviations, entries, lines, names, split }
        /// Which `DebugUnits`.
        var owner: UInt64
        var kind: Kind
        var offset: UInt64
    }

    /// What the cache holds.
    public struct Statistics: Sendable, Equatable {
        public var parts = 0
        public var sizeBytes = 0
        public var hits: UInt64 = 0
        public var misses: UInt64 = 0
        public var evictions: UInt64 = 0
    }

    private struct Part {
        var value: any Sendable
        var sizeBytes: Int
        var lastUse: UInt64
    }

    private struct State {
        var parts: [Key: Part] = [:]
        var clock: UInt64 = 0
        var owners: UInt64 = 0
        var statistics = Statistics()
    }

    private let capacityBytes: Int
    private let state = Mutex(State())

    /// - Parameter capacityBytes: of memory; the latest part is kept even when it alone is bigger.
    public init(capacityBytes: Int = 32 << 20) {
        self.capacityBytes = capacityBytes
    }

    public var statistics: Statistics { state.withLock { $0.statistics } }

    /// One who keeps parts here; they are forgotten with it.
    public final class Owner: Sendable {
        let cache: DebugPartCache
        let number: UInt64

        fileprivate init(_ cache: DebugPartCache, _ number: UInt64) {
            self.cache = cache
            self.number = number
        }

        deinit { cache.forget(number) }

        /// The information about a file, read anew when it was evicted.
        public func information(_ read: () -> DebugInformation?) -> DebugInformation? {
            part(.information, 0, sizeBytes: { $0?.sizeBytes ?? 0 }, make: read)
        }

        func part<Value: Sendable, Failure: Error>(
            _ kind: Key.Kind, _ offset: UInt64, sizeBytes: (Value) -> Int, make: () throws(Failure) -> Value
        ) throws(Failure) -> Value {
            try cache.part(Key(owner: number, kind: kind, offset: offset), sizeBytes: sizeBytes, make: make)
        }
    }

    /// A new owner of parts.
    public func owner() -> Owner {
        Owner(
            self,
            state.withLock { state in
                state.owners += 1
                return state.owners
            })
    }

    /// The part, made if it is not there. Made not under the lock: others can be asked for meanwhile.
    private func part<Value: Sendable, Failure: Error>(
        _ key: Key, sizeBytes: (Value) -> Int, make: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let known = state.withLock { state -> Value? in
            state.clock += 1
            // Not in one expression: a part that is not there would be cast to a part that is nil.
            guard let part = state.parts[key] else {
                state.statistics.misses += 1
                return nil
            }
            state.parts[key]?.lastUse = state.clock
            state.statistics.hits += 1
            return part.value as? Value
        }
        if let known { return known }
        let value = try make()
        let size = sizeBytes(value) + 128
        let dropped = state.withLock { state -> [Part] in
            var dropped: [Part] = []
            if let replaced = state.parts[key] {
                state.statistics.sizeBytes -= replaced.sizeBytes
                dropped.append(replaced)
            }
            state.parts[key] = Part(value: value, sizeBytes: size, lastUse: state.clock)
            state.statistics.sizeBytes += size
            if state.statistics.sizeBytes > capacityBytes { evict(&state, keeping: key, &dropped) }
            state.statistics.parts = state.parts.count
            return dropped
        }
        // Not under the lock: a part that goes may own further parts.
        withExtendedLifetime(dropped) {}
        return value
    }

    /// Makes a quarter of the room free at once, so that looking for the oldest costs little for each.
    private func evict(_ state: inout State, keeping key: Key, _ dropped: inout [Part]) {
        let wanted = capacityBytes - capacityBytes / 4
        // A file's index takes longer to make than all of its other parts that are asked for: it goes last.
        let order = state.parts.sorted { left, right in
            let (leftIsIndex, rightIsIndex) = (left.key.kind == .information, right.key.kind == .information)
            return leftIsIndex != rightIsIndex ? rightIsIndex : left.value.lastUse < right.value.lastUse
        }
        for (oldest, part) in order where oldest != key {
            if state.statistics.sizeBytes <= wanted { break }
            state.parts[oldest] = nil
            state.statistics.sizeBytes -= part.sizeBytes
            state.statistics.evictions += 1
            dropped.append(part)
        }
    }

    private func forget(_ owner: UInt64) {
        let dropped = state.withLock { state -> [Part] in
            var dropped: [Part] = []
            for (key, part) in state.parts where key.owner == owner {
                state.parts[key] = nil
                state.statistics.sizeBytes -= part.sizeBytes
                dropped.append(part)
            }
            state.statistics.parts = state.parts.count
            return dropped
        }
        withExtendedLifetime(dropped) {}
    }
}
