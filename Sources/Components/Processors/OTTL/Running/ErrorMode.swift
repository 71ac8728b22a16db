/// What becomes of an error while a statement or condition is worked out.
public enum OTTLErrorMode: String, Sendable, CaseIterable {
    /// Logged; the next statement goes on.
    case ignore
    case silent
    /// The batch is refused.
    case propagate
}

/// An error of a statement that runs with `propagate`.
public struct OTTLRuntimeError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ statement: String, _ error: any Error) {
        description = "failed to execute \"\(statement)\": \(error)"
    }
}
