/// A version of CPython, as far as layouts depend on it.
struct PythonVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    var major: Int
    var minor: Int
    /// Built without the global interpreter lock.
    var isFreeThreaded = false

    static let oldest = PythonVersion(major: 3, minor: 6)
    static let newest = PythonVersion(major: 3, minor: 15)

    static func < (left: PythonVersion, right: PythonVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    var description: String { "\(major).\(minor)\(isFreeThreaded ? "t" : "")" }

    var isSupported: Bool { (PythonVersion.oldest...PythonVersion(major: 3, minor: 15, isFreeThreaded: isFreeThreaded)).contains(self) }

    init(major: Int, minor: Int, isFreeThreaded: Bool = false) {
        self.major = major
        self.minor = minor
        self.isFreeThreaded = isFreeThreaded
    }

    /// From `PY_VERSION_HEX`: major, minor, micro, level in one byte each (Include/patchlevel.h).
    init(hexadecimal value: UInt64, isFreeThreaded: Bool) {
        self.init(major: Int(value >> 24 & 0xff), minor: Int(value >> 16 & 0xff), isFreeThreaded: isFreeThreaded)
    }

    /// From a file's name: `python3.11`, `python3.7m`, `libpython3.13t.so.1.0`; nil when it does not tell.
    init?(fileName: String) {
        var rest = fileName[...]
        if rest.hasPrefix("lib") { rest = rest.dropFirst(3) }
        guard rest.hasPrefix("python") else { return nil }
        let parts = rest.dropFirst(6).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), (0..<100).contains(major) else { return nil }
        let digits = parts[1].prefix { $0.isASCII && $0.isNumber }
        guard let minor = Int(digits), (0..<100).contains(minor) else { return nil }
        let suffix = parts[1].dropFirst(digits.count)
        self.init(major: major, minor: minor, isFreeThreaded: suffix.hasPrefix("t") || suffix.hasPrefix("-nogil"))
    }
}
