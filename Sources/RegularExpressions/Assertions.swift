/// Conditions on a place between two characters.
struct Assertions: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let textStart = Self(rawValue: 1)
    static let textEnd = Self(rawValue: 2)
    static let lineStart = Self(rawValue: 4)
    static let lineEnd = Self(rawValue: 8)
    static let wordBoundary = Self(rawValue: 16)
    static let noWordBoundary = Self(rawValue: 32)

    /// What holds between two neighbours.
    init(before: Neighbour, after: Neighbour) {
        var holding: Self = (before == .word) != (after == .word) ? .wordBoundary : .noWordBoundary
        if before == .edge { holding.insert([.textStart, .lineStart]) }
        if before == .newline { holding.insert(.lineStart) }
        if after == .edge { holding.insert([.textEnd, .lineEnd]) }
        if after == .newline { holding.insert(.lineEnd) }
        self = holding
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// What assertions need to know of the character on one side.
enum Neighbour: UInt32, Sendable {
    /// The text's start or end.
    case edge
    case newline
    /// A letter or digit of ASCII, or the underscore.
    case word
    case other

    init(_ scalar: UInt32) {
        self = scalar == 10 ? .newline : NamedClasses.word.contains(scalar) ? .word : .other
    }
}
