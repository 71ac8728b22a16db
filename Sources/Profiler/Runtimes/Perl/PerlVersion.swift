/// A version of Perl, as far as layouts depend on it.
struct PerlVersion: Hashable, Sendable, CustomStringConvertible {
    /// `PL_revision`: 5.
    var revision: UInt8
    /// `PL_version`: even in releases.
    var version: UInt8
    /// `PL_subversion`.
    var subversion: UInt8

    var description: String { "\(revision).\(version).\(subversion)" }

    /// Whether its structs are known: 5.28 to 5.42. What lies between two releases is none of them.
    var isSupported: Bool { revision == 5 && (28...42).contains(version) && version.isMultiple(of: 2) }
}
