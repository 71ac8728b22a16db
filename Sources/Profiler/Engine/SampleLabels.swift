import CBPFInterface

/// A label that the program gave to what the thread was doing: a goroutine's, set with `runtime/pprof.Do`.
public struct ProfileLabel: Sendable, Hashable {
    /// Not empty.
    public var key: String
    /// Not empty.
    public var value: String

    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    /// The labels in the words of a record, by key. What is cut is cut between characters; what is no UTF-8 from its first
    /// byte on, or empty, is left out, and so is a key that was there before.
    static func decode(_ words: [UInt64]) -> [ProfileLabel] {
        let size = Int(GO_LABEL_WORDS)
        var labels: [ProfileLabel] = []
        for start in stride(from: 0, to: words.count - words.count % size, by: size) {
            func text(_ word: Int, _ limit: Int32, _ length: UInt64) -> String {
                let bytes = (0..<Int(limit)).map { UInt8(truncatingIfNeeded: words[word + $0 / 8] >> ($0 % 8 * 8)) }
                return longestText(bytes.prefix(Int(min(UInt64(limit), length))))
            }
            let lengths = words[start]
            let key = text(start + 1, Int32(GO_LABEL_KEY_BYTES), lengths & 0xffff_ffff)
            let value = text(start + 1 + Int(GO_LABEL_KEY_BYTES) / 8, Int32(GO_LABEL_VALUE_BYTES), lengths >> 32)
            if !key.isEmpty, !value.isEmpty, !labels.contains(where: { $0.key == key }) {
                labels.append(ProfileLabel(key: key, value: value))
            }
        }
        return labels.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    /// The longest beginning that is UTF-8.
    private static func longestText(_ bytes: ArraySlice<UInt8>) -> String {
        var bytes = bytes
        for _ in 0..<4 {
            if let text = String(validating: bytes, as: UTF8.self) { return text }
            bytes = bytes.dropLast()
        }
        // Not merely cut within a character.
        var text = ""
        var decoder = UTF8()
        var rest = bytes.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&rest) { text.unicodeScalars.append(scalar) }
        return text
    }
}

/// Gives equal sets of labels equal numbers within an interval. Belongs to the reading thread.
struct LabelInterner {
    /// So many distinct sets are told apart in an interval, some 4 MB at most; samples of others have no labels.
    static let limit = 4096

    private var numbers: [[UInt64]: UInt32] = [:]
    /// By number; the first is empty.
    private(set) var sets: [[UInt64]] = [[]]

    mutating func number(of words: UnsafeBufferPointer<UInt64>) -> UInt32 {
        if words.isEmpty { return 0 }
        let key = Array(words)
        if let known = numbers[key] { return known }
        guard sets.count < Self.limit else { return 0 }
        let number = UInt32(sets.count)
        numbers[key] = number
        sets.append(key)
        return number
    }

    /// Forgets all sets, and gives them out.
    mutating func take() -> [[UInt64]] {
        defer { self = LabelInterner() }
        return sets
    }
}
