/// Why a pattern was refused.
public struct RegularExpressionError: Error, Hashable, CustomStringConvertible {
    /// What is wrong and, where there is one, the remedy.
    public let message: String
    /// Where in the pattern, in bytes of its UTF-8.
    public let offset: Int

    public var description: String { "at offset \(offset) of the regular expression: \(message)" }
}

/// What one expression may cost: far above what people write.
enum Limits {
    /// Bytes of a pattern.
    static let patternBytes = 64 << 10
    /// Groups inside of each other, as in RE2.
    static let nestedGroups = 1000
    /// Repetitions in `x{n,m}`, nested ones multiplied, as in RE2.
    static let repetitions = 1000
    static let instructions = 100_000
    /// Ranges of all distinct character classes together.
    static let classRanges = 200_000
    /// Positions that a search for groups may have to remember: instructions times groups.
    static let capturedPositions = 4 << 20
    /// Bytes of one cache of automaton states.
    static let cacheBytes = 1 << 20
    /// Caches kept per expression: that many threads can match with it without building anew.
    static let caches = 4
}
