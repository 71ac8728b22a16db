/// A pattern for names and paths: `*` stands for any characters but "/", `**` for any at all, `?` for one but "/".
/// Everything else stands for itself; bytes are compared.
public struct Glob: Sendable, Hashable {
    private enum Element: Hashable {
        case byte(UInt8)
        case anyByte
        case run(crossesSlash: Bool)
    }

    public let pattern: String
    private let elements: [Element]

    /// - Returns: nil for a pattern that is empty or longer than 4,096 bytes.
    public init?(_ pattern: String) {
        guard !pattern.isEmpty, pattern.utf8.count <= 4096 else { return nil }
        self.pattern = pattern
        var elements: [Element] = []
        for byte in pattern.utf8 {
            switch (byte, elements.last) {
            case (UInt8(ascii: "*"), .run?): elements[elements.count - 1] = .run(crossesSlash: true)
            case (UInt8(ascii: "*"), _): elements.append(.run(crossesSlash: false))
            case (UInt8(ascii: "?"), _): elements.append(.anyByte)
            default: elements.append(.byte(byte))
            }
        }
        self.elements = elements
    }

    /// Takes time in proportion to the product of the lengths at most.
    public func matches(_ text: String) -> Bool {
        // The set of places in the pattern that the text read so far may have led to.
        var places = [Bool](repeating: false, count: elements.count + 1)
        places[0] = true
        skipRuns(&places)
        for byte in text.utf8 {
            var next = [Bool](repeating: false, count: elements.count + 1)
            for (index, element) in elements.enumerated() where places[index] {
                switch element {
                case .byte(let wanted): if byte == wanted { next[index + 1] = true }
                case .anyByte: if byte != UInt8(ascii: "/") { next[index + 1] = true }
                case .run(let crossesSlash): if crossesSlash || byte != UInt8(ascii: "/") { next[index] = true }
                }
            }
            skipRuns(&next)
            guard next.contains(true) else { return false }
            places = next
        }
        return places[elements.count]
    }

    /// A run may be empty.
    private func skipRuns(_ places: inout [Bool]) {
        for (index, element) in elements.enumerated() where places[index] {
            if case .run = element { places[index + 1] = true }
        }
    }
}
