import Glibc

/// The running kernel's version, as far as it decides whether profiling can work at all.
public struct KernelVersion: Comparable, Sendable, CustomStringConvertible {
    public var major: Int
    public var minor: Int

    /// What the kernel side needs: read-only constants that the verifier follows, loops, and on arm64 a helper that
    /// reads user memory.
    public static var minimum: KernelVersion {
        #if arch(arm64)
        KernelVersion(major: 5, minor: 5)
        #else
        KernelVersion(major: 5, minor: 4)
        #endif
    }

    /// Parses `uname -r`: two numbers, then anything. Nil when it begins otherwise.
    public init?(release: some StringProtocol) {
        let numbers = release.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1].prefix { $0.isNumber })
        else { return nil }
        self.init(major: major, minor: minor)
    }

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// The version of the kernel that runs; nil when it does not tell.
    public static func running() -> KernelVersion? {
        var names = utsname()
        guard uname(&names) == 0 else { return nil }
        return withUnsafeBytes(of: names.release) { bytes in
            KernelVersion(release: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
        }
    }

    public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    public var description: String { "\(major).\(minor)" }
}
