/// A dictionary of bounded size that forgets what was not used lately.
///
/// Two generations: a hit moves an entry to the young one; when the young one is half the capacity, the old one is
/// dropped. No bookkeeping per access beyond one hash look-up.
struct BoundedCache<Key: Hashable, Value> {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let generationCapacity: Int

    /// - Parameter capacity: upper bound of `count`.
    init(capacity: Int) {
        generationCapacity = max(1, capacity / 2)
    }

    var count: Int { young.count + old.count }

    subscript(key: Key) -> Value? {
        mutating get {
            if let value = young[key] { return value }
            guard let value = old.removeValue(forKey: key) else { return nil }
            insert(value, for: key)
            return value
        }
        set {
            old.removeValue(forKey: key)
            if let newValue { insert(newValue, for: key) } else { young.removeValue(forKey: key) }
        }
    }

    mutating func removeAll() {
        young.removeAll()
        old.removeAll()
    }

    mutating func removeAll(where shouldRemove: (Value) -> Bool) {
        young = young.filter { !shouldRemove($0.value) }
        old = old.filter { !shouldRemove($0.value) }
    }

    private mutating func insert(_ value: Value, for key: Key) {
        if young.count >= generationCapacity {
            old = young
            young = [:]
        }
        young[key] = value
    }
}

extension BoundedCache: Sendable where Key: Sendable, Value: Sendable {}
