/// Why the profiler cannot run: what is missing and what to do about it, in one line.
public struct EngineError: Error, Sendable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) {
        self.description = description
    }
}
