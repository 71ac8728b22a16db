import Logging

/// Tells of lost documents in one line now and then, however many there are: the first at once, and then at most one
/// line in ten seconds, which counts what it left out.
final class LossLog: Sendable {
    private let logger: Logger
    private let limit = RateLimit(.seconds(10))

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// - Parameters:
    ///   - count: Documents lost for this reason.
    ///   - details: What the line says of them.
    func lost(_ count: Int, _ details: Logger.Metadata) {
        guard let heldBack = limit.pass(count) else { return }
        log(details.merging(["documents": "\(heldBack + count)"]) { $1 })
    }

    /// The last line, of what was left out so far.
    func finish() {
        let rest = limit.rest()
        if rest > 0 { log(["documents": "\(rest)"]) }
    }

    private func log(_ metadata: Logger.Metadata) {
        logger.error("Elasticsearch did not take documents; they are lost", metadata: metadata)
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
