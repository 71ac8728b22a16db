import Synchronization

/// Documents that the server is known to have, so that they are not sent again: the least recently used make room, and
/// each is forgotten after a time, because by then an index may have been rolled over.
///
/// A document is added when the server has acknowledged it, not when it is sent: if the request fails, the document
/// goes with the next batch.
final class SeenDocuments: Sendable {
    private let caches: [DocumentIdentity.Kind: ExpiringCache]

    /// - Parameter lifetime: Three hours for indices that are rolled over, a day for those of the newer schema.
    init(lifetime: Duration) {
        caches = [
            .trace: ExpiringCache(capacity: 131_072, lifetime: lifetime),
            .frame: ExpiringCache(capacity: 131_072, lifetime: lifetime),
            .executable: ExpiringCache(capacity: 16_384, lifetime: lifetime),
            .host: ExpiringCache(capacity: 16_384, lifetime: lifetime),
            .queuedFrame: ExpiringCache(capacity: 131_072, lifetime: lifetime),
            .queuedExecutable: ExpiringCache(capacity: 16_384, lifetime: lifetime),
        ]
    }

    func contains(_ identity: DocumentIdentity, now: ContinuousClock.Instant) -> Bool {
        caches[identity.kind]?.contains(identity, now: now) ?? false
    }

    func confirm(_ identities: [DocumentIdentity], now: ContinuousClock.Instant) {
        for identity in identities { caches[identity.kind]?.insert(identity, now: now) }
    }

    /// Entries of all kinds.
    var count: Int { caches.values.reduce(0) { $0 + $1.count } }
}

/// A set with a bound on entries and on their age.
final class ExpiringCache: Sendable {
    fileprivate struct Entry {
        var identity: DocumentIdentity
        var expiry: ContinuousClock.Instant
        /// Neighbours in the order of use; `none` at the ends.
        var newer: Int32
        var older: Int32
    }

    fileprivate struct State {
        var slots: [DocumentIdentity: Int32] = [:]
        var entries: [Entry] = []
        var newest: Int32 = none
        var oldest: Int32 = none
    }

    fileprivate static let none: Int32 = -1
    private let capacity: Int
    private let lifetime: Duration
    private let state = Mutex(State())

    init(capacity: Int, lifetime: Duration) {
        self.capacity = max(1, capacity)
        self.lifetime = lifetime
    }

    var count: Int { state.withLock { $0.slots.count } }

    /// Also makes it the most recently used one.
    func contains(_ identity: DocumentIdentity, now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard let slot = state.slots[identity], state.entries[Int(slot)].expiry > now else { return false }
            state.unlink(slot)
            state.link(slot)
            return true
        }
    }

    /// An entry that is there keeps its age: what was acknowledged long ago may be in an index that is no longer used.
    func insert(_ identity: DocumentIdentity, now: ContinuousClock.Instant) {
        state.withLock { state in
            let expiry = now + lifetime
            if let slot = state.slots[identity] {
                if state.entries[Int(slot)].expiry <= now { state.entries[Int(slot)].expiry = expiry }
                state.unlink(slot)
                state.link(slot)
                return
            }
            let entry = Entry(identity: identity, expiry: expiry, newer: Self.none, older: Self.none)
            let slot: Int32
            if state.entries.count < capacity {
                slot = Int32(state.entries.count)
                state.entries.append(entry)
            } else {
                slot = state.oldest
                state.slots[state.entries[Int(slot)].identity] = nil
                state.unlink(slot)
                state.entries[Int(slot)] = entry
            }
            state.slots[identity] = slot
            state.link(slot)
        }
    }
}

extension ExpiringCache.State {
    fileprivate mutating func unlink(_ slot: Int32) {
        let (newer, older) = (entries[Int(slot)].newer, entries[Int(slot)].older)
        if newer >= 0 { entries[Int(newer)].older = older } else { newest = older }
        if older >= 0 { entries[Int(older)].newer = newer } else { oldest = newer }
    }

    /// As the newest.
    fileprivate mutating func link(_ slot: Int32) {
        entries[Int(slot)].newer = -1
        entries[Int(slot)].older = newest
        if newest >= 0 { entries[Int(newest)].newer = slot } else { oldest = slot }
        newest = slot
    }
}
