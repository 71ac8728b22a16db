import Synchronization

/// A regular expression in RE2's syntax (https://github.com/google/re2/wiki/Syntax), which is also that of Go's `regexp`.
///
/// Matching takes time linear in the text, whatever the expression, so expressions may come from users and texts from
/// anybody. Texts are UTF-8; each byte that is not part of a valid encoding counts as one U+FFFD, as in Go. General
/// categories (`\p{Lu}`) are those of Swift's standard library; scripts (`\p{Greek}`) and case folding are those of the
/// Unicode version that `UnicodeTables.swift` names.
///
/// A value is cheap to copy and safe to use from any number of threads; copies share what they learn about texts.
public struct RegularExpression: Sendable, Hashable, CustomStringConvertible {
    public let pattern: String
    /// The groups' names by their number; group 0 is the whole match. Groups without a name have nil.
    public let groupNames: [String?]
    let matcher: Matcher

    /// - Throws: `RegularExpressionError`, which says what is wrong with the pattern and where.
    public init(_ pattern: String) throws(RegularExpressionError) {
        let tree = try Parser.parse(pattern)
        self.pattern = pattern
        self.groupNames = tree.groupNames
        self.matcher = Matcher(try Compiler.compile(tree))
    }

    /// Whether the expression matches anywhere in the text: the search is not anchored.
    public func matches(_ text: String) -> Bool {
        text.withUTF8Bytes { matcher.matches($0) }
    }

    /// Whether the expression matches anywhere in the text, given as UTF-8 that need not be valid.
    public func matches(utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        matcher.matches(utf8)
    }

    /// The leftmost match; of several that start there the one that Perl's rules prefer.
    public func firstMatch(in text: String) -> Match? {
        text.withUTF8Bytes { firstMatch(utf8: $0) }
    }

    /// As `firstMatch(in:)`, of UTF-8 that need not be valid.
    public func firstMatch(utf8: UnsafeBufferPointer<UInt8>) -> Match? {
        guard let slots = matcher.firstMatch(utf8) else { return nil }
        return Match(slots: slots, names: groupNames)
    }

    public var description: String { pattern }

    public static func == (one: Self, other: Self) -> Bool { one.pattern == other.pattern }
    public func hash(into hasher: inout Hasher) { hasher.combine(pattern) }

    /// Where an expression and its groups matched.
    public struct Match: Sendable, Hashable {
        /// Offsets of UTF-8 bytes in the text by group; group 0 is the whole match. nil: the group took no part.
        public let ranges: [Range<Int>?]
        let names: [String?]

        /// - Parameter slots: two for each group: its start and its end.
        init(slots: [Int], names: [String?]) {
            ranges = stride(from: 0, to: slots.count, by: 2).map { index -> Range<Int>? in
                let (start, end) = (slots[index], slots[index + 1])
                return start >= 0 && end >= start ? start..<end : nil
            }
            self.names = names
        }

        /// Offsets of UTF-8 bytes.
        public var range: Range<Int> { (ranges.first ?? nil) ?? 0..<0 }

        /// The range of the first group of that name that took part; nil: there is none. Offsets of UTF-8 bytes.
        public subscript(name: String) -> Range<Int>? {
            zip(names, ranges).lazy.compactMap { $0 == name ? $1 : nil }.first
        }
    }
}

extension String {
    /// The text's bytes, without a copy unless the string is bridged.
    fileprivate func withUTF8Bytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return copy.withUTF8(body)
    }
}
