import Logging
import Synchronization

/// Tells of lost documents in one line now and then, however many there are: the first at once, and then at most one
/// line in ten seconds, which counts what it left out.
final class LossLog: Sendable {
    private struct State {
        var nextLine: ContinuousClock.Instant?
        var unreported = 0
    }

    private let logger: Logger
    private let clock = ContinuousClock()
    private let state = Mutex(State())
    private static let interval = Duration.seconds(10)

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// - Parameters:
    ///   - count: Documents lost for this reason.
    ///   - details: What the line says of them.
    func lost(_ count: Int, _ details: Logger.Metadata) {
        let now = clock.now
        let reported = state.withLock { state -> Int? in
            state.unreported += count
            if let next = state.nextLine, now < next { return nil }
            state.nextLine = now + Self.interval
            defer { state.unreported = 0 }
            return state.unreported
        }
        guard let reported else { return }
        logger.error(
            "Elasticsearch did not take documents; they are lost",
            metadata: details.merging(["documents": "\(reported)"]) { $1 })
    }

    /// The last line, of what was left out so far.
    func finish() {
        let rest = state.withLock { state in
            defer { state.unreported = 0 }
            return state.unreported
        }
        guard rest > 0 else { return }
        logger.error("Elasticsearch did not take documents; they are lost", metadata: ["documents": "\(rest)"])
    }

    /// An error's reason without what it repeats of the document, and at most 500 characters of it.
    static func harmless(_ reason: String) -> String {
        var end = reason.endIndex
        for mark in ["Preview of field's value", "[Source:", " at [Source"] {
            if let range = reason.firstRange(of: mark), range.lowerBound < end { end = range.lowerBound }
        }
        let text = reason[..<end].prefix(500)
        return String(text.map { $0.isNewline ? " " : $0 })
    }
}
