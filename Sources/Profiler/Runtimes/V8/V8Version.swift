/// A version of V8: "11.3.244".
struct V8Version: Hashable, Comparable, Sendable, CustomStringConvertible {
    var major: UInt32
    var minor: UInt32
    var build: UInt32

    init(_ major: UInt32, _ minor: UInt32, _ build: UInt32 = 0) {
        self.major = major
        self.minor = minor
        self.build = build
    }

    static func < (left: V8Version, right: V8Version) -> Bool {
        (left.major, left.minor, left.build) < (right.major, right.minor, right.build)
    }

    var description: String { "\(major).\(minor).\(build)" }
}
