/// The profiler: samples all processes of the host and delivers counted, named traces.
///
/// `start` loads the kernel side and begins; intervals arrive on a thread of the engine's own until `stop`, which
/// delivers the last, partial one before it returns.
public final class Engine: Sendable {
    /// Receives intervals, one at a time, on a dedicated thread. Intervals without samples are not delivered.
    public typealias Handler = @Sendable (ProfileInterval) -> Void
    /// Receives messages for the log.
    public typealias Log = @Sendable (EngineLogLevel, String) -> Void

    public init(options: EngineOptions, log: @escaping Log, handler: @escaping Handler) {
    }

    /// Loads the kernel side and starts all threads. Blocks for some 0.2 s.
    ///
    /// - Throws: `EngineError` that says what is missing and what to do.
    public func start() throws {
    }

    /// Stops sampling, delivers what is left, and unloads. Blocks until then.
    public func stop() {
    }

    /// What the engine counts about itself, kernel side included. Cheap; callable at any time from any thread.
    public func metrics() -> [EngineMetric] { [] }
}

public enum EngineLogLevel: Sendable {
    case debug, info, warning, error
}
