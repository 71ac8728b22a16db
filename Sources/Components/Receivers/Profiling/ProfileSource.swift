import Engine

/// What the receiver gets its intervals from: the engine, and in tests whatever plays its part.
public protocol ProfileSource: Sendable {
    /// Begins to deliver. Blocks; called on a thread of its own.
    func start() throws
    /// Ends; when this returns, the last interval has been delivered. Blocks; called on a thread of its own.
    func stop()
    /// What the source counts about itself. Cheap; callable at any time from any thread.
    func metrics() -> [EngineMetric]
}

extension Engine: ProfileSource {}
