import Glibc

/// A table of distinct entries in the order of their first appearance, with constant-time look-up.
///
/// Entry 0 is the zero value from the start, so that index 0 means "not set" as OTLP wants it.
struct InterningTable<Key: Hashable & Sendable, Entry: Sendable>: Sendable {
    private(set) var entries: [Entry]
    private var indices: [Key: Int32]

    /// - Parameter zeroKey: The key that stands for the zero value; nil if no key does.
    init(zero: Entry, zeroKey: Key?) {
        entries = [zero]
        indices = [:]
        if let zeroKey { indices[zeroKey] = 0 }
    }

    var count: Int { entries.count }

    /// The index of the entry, which is made only if it is new. Indices are 32 bits on the wire: a table with
    /// 2³¹ - 1 entries takes no more, and says "not set".
    mutating func index(of key: Key, make: () -> Entry) -> Int32 {
        if let index = indices[key] { return index }
        guard let index = Int32(exactly: entries.count), index < Int32.max else { return 0 }
        entries.append(make())
        indices[key] = index
        return index
    }
}

/// A text that is equal only to the same bytes. Swift's strings are equal also in different forms of Unicode; merging
/// those would change names that others compare byte by byte.
struct ExactText: Hashable, Sendable {
    var text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: ExactText, right: ExactText) -> Bool {
        var left = left.text, right = right.text
        return left.withUTF8 { left in
            right.withUTF8 { right in
                guard left.count == right.count else { return false }
                guard let first = left.baseAddress, let second = right.baseAddress else { return true }
                return memcmp(first, second, left.count) == 0
            }
        }
    }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
