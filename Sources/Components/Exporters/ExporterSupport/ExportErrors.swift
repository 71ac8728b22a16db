/// A failure that may pass: the same batch can be sent again.
public struct RetryableError: Error, CustomStringConvertible {
    public let description: String
    /// How long the server asked to wait.
    public let delay: Duration?

    public init(_ description: String, delay: Duration? = nil) {
        self.description = description
        self.delay = delay
    }
}

/// Some items of a batch are lost for good, and the sender has logged why; the others were accepted.
public struct PartialLoss: Error, CustomStringConvertible {
    /// As `Telemetry.itemCount` counts.
    public let items: Int
    public let reason: String
    /// False where the destination has no place for such items at all: that is counted, but no failure of the batch.
    public let isFailure: Bool

    public init(items: Int, reason: String, isFailure: Bool = true) {
        self.items = items
        self.reason = reason
        self.isFailure = isFailure
    }

    public var description: String { "\(items) items were lost: \(reason)" }
}

/// Why the queue did not take a batch.
public enum QueueError: Error, Equatable, CustomStringConvertible {
    case full
    case tooLarge
    case closed

    public var description: String {
        switch self {
        case .full: "sending queue is full"
        case .tooLarge: "element size too large: the batch is larger than the whole sending queue"
        case .closed: "sending queue is closed: the exporter is shutting down"
        }
    }
}

/// An attempt did not end in time.
struct AttemptTimeout: Error, CustomStringConvertible {
    let timeout: Duration
    var description: String { "no answer within \(timeout)" }
}

/// The exporter was shut down while a batch waited for its next attempt. A queue on disk keeps it.
public struct InterruptedByShutdown: Error, CustomStringConvertible {
    let last: any Error

    public init(last: any Error) {
        self.last = last
    }

    public var description: String { "interrupted due to shutdown: \(last)" }
}
