/// A version of CRuby, as far as layouts depend on it.
struct RubyVersion: Comparable, Sendable, CustomStringConvertible {
    var major: Int
    var minor: Int
    /// Versions that differ in this alone are equal: they lay out alike, but for what they say otherwise.
    var patch = 0

    static let oldest = RubyVersion(major: 2, minor: 5)
    static let newest = RubyVersion(major: 4, minor: 0)

    init(major: Int, minor: Int, patch: Int = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// From the text in `ruby_version`: "3.1.7"; nil for any other text.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let major = Int(parts[0]), let minor = Int(parts[1]), let patch = Int(parts[2]),
            (0..<100).contains(major), (0..<100).contains(minor), (0..<1000).contains(patch)
        else { return nil }
        self.init(major: major, minor: minor, patch: patch)
    }

    static func == (left: RubyVersion, right: RubyVersion) -> Bool {
        (left.major, left.minor) == (right.major, right.minor)
    }

    static func < (left: RubyVersion, right: RubyVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    var description: String { "\(major).\(minor)" }
}
