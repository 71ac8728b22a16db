/// A dictionary of bounded size that forgets what was not used lately.
///
/// Two generations: a hit moves an entry to the young one; when the young one is half the capacity, the old one is
/// dropped, and likewise for the bytes of its keys. No bookkeeping per access beyond one hash look-up.
struct BoundedCache<Key: Hashable, Value> {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private var youngBytes = 0
    private let generationCapacity: Int
    private let generationBytes: Int
    private let bytes: (@Sendable (Key) -> Int)?

    /// - Parameters:
    ///   - capacity: upper bound of `count`.
    ///   - maximumBytes: upper bound of the sum of `bytes` over all keys, each key alone being smaller.
    init(capacity: Int, maximumBytes: Int = .max, bytes: (@Sendable (Key) -> Int)? = nil) {
        generationCapacity = max(1, capacity / 2)
        generationBytes = maximumBytes / 2
        self.bytes = bytes
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
        youngBytes = 0
    }

    mutating func removeAll(where shouldRemove: (Value) -> Bool) {
        young = young.filter { !shouldRemove($0.value) }
        old = old.filter { !shouldRemove($0.value) }
        if let bytes { youngBytes = young.keys.reduce(0) { $0 + bytes($1) } }
    }

    private mutating func insert(_ value: Value, for key: Key) {
        let size = bytes?(key) ?? 0
        if young.count >= generationCapacity || youngBytes > generationBytes - min(size, generationBytes) {
            old = young
            young = [:]
            youngBytes = 0
        }
        if young.updateValue(value, forKey: key) == nil { youngBytes += size }
    }
}

extension BoundedCache: Sendable where Key: Sendable, Value: Sendable {}
