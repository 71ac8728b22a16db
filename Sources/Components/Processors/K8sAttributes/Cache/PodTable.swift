/// Pods and what they are found by. What a pod or an identifier was stays for a while after it is gone, because
/// telemetry comes late.
struct PodTable: Sendable {
    /// Kubernetes is made for clusters of up to 150,000 pods (https://kubernetes.io/docs/setup/best-practices/).
    static let maximumPods = 200_000
    static let maximumRetiredIdentifiers = 100_000

    enum Change: Sendable {
        case added, updated, refused
    }

    private struct Entry {
        var record: PodRecord
        var identifiers: Set<PodIdentifier>
        /// Which query it came from.
        var origin: Int
        var removeAt: ContinuousClock.Instant?
    }

    private struct Retired {
        var identifier: PodIdentifier
        var uid: String
        var removeAt: ContinuousClock.Instant
    }

    private var entries: [String: Entry] = [:]
    private var holders: [PodIdentifier: String] = [:]
    /// In the order of their times.
    private var retired: [Retired] = []
    private let gracePeriod: Duration

    init(gracePeriod: Duration) { self.gracePeriod = gracePeriod }

    var count: Int { entries.count }
    var identifierCount: Int { holders.count }

    func pod(_ identifier: PodIdentifier) -> PodRecord? {
        holders[identifier].flatMap { entries[$0]?.record }
    }

    mutating func update(
        _ record: PodRecord, _ identifiers: Set<PodIdentifier>, origin: Int, now: ContinuousClock.Instant
    ) -> Change {
        let old = entries[record.uid]
        guard old != nil || entries.count < Self.maximumPods else { return .refused }
        for identifier in old?.identifiers.subtracting(identifiers) ?? [] {
            retired.append(Retired(identifier: identifier, uid: record.uid, removeAt: now + gracePeriod))
        }
        if retired.count > Self.maximumRetiredIdentifiers {
            for entry in retired.prefix(retired.count / 2) { release(entry) }
            retired.removeFirst(retired.count / 2)
        }
        entries[record.uid] = Entry(record: record, identifiers: identifiers, origin: origin, removeAt: nil)
        for identifier in identifiers {
            // An address goes to the pod that has it now, which is the one that started last.
            if let holder = holders[identifier], holder != record.uid, let other = entries[holder],
                other.record.startSeconds > record.startSeconds
            {
                continue
            }
            holders[identifier] = record.uid
        }
        return old == nil ? .added : .updated
    }

    /// - Returns: False if it was not there, or was deleted already.
    mutating func delete(uid: String, now: ContinuousClock.Instant) -> Bool {
        guard var entry = entries[uid], entry.removeAt == nil else { return false }
        entry.removeAt = now + gracePeriod
        entries[uid] = entry
        return true
    }

    /// Deletes what came from a query and is not in its newest list.
    mutating func deleteAll(of origin: Int, except uids: Set<String>, now: ContinuousClock.Instant) -> Int {
        let gone = entries.filter { $0.value.origin == origin && $0.value.removeAt == nil && !uids.contains($0.key) }
        for uid in gone.keys { _ = delete(uid: uid, now: now) }
        return gone.count
    }

    /// Removes what was deleted long enough ago.
    mutating func purge(now: ContinuousClock.Instant) {
        for (uid, entry) in entries {
            guard let removeAt = entry.removeAt, removeAt <= now else { continue }
            entries[uid] = nil
            for identifier in entry.identifiers where holders[identifier] == uid { holders[identifier] = nil }
        }
        let due = retired.prefix { $0.removeAt <= now }
        for entry in due { release(entry) }
        retired.removeFirst(due.count)
    }

    /// Unless the pod has it again.
    private mutating func release(_ entry: Retired) {
        guard holders[entry.identifier] == entry.uid,
            !(entries[entry.uid]?.identifiers.contains(entry.identifier) ?? false)
        else { return }
        holders[entry.identifier] = nil
    }
}
