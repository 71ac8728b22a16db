import Glibc

/// What went wrong with a log's files.
public struct SegmentLogError: Error, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The operating system refused; the code is its `errno`.
        case system(Int32)
        /// Another process, or another part of this one, uses the log.
        case inUse
        /// What is stored is not what was written.
        case damaged
        /// A record longer than a log may hold.
        case tooLarge
    }

    public let kind: Kind
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Of the call that has just failed.
    static func last(_ action: String, _ path: String) -> SegmentLogError {
        let code = errno
        return SegmentLogError(.system(code), "cannot \(action) \(path): \(String(cString: strerror(code)))")
    }
}
