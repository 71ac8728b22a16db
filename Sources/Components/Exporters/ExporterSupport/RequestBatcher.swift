import Collector
import Synchronization

/// What became of a request whose items may leave in several batches.
final class RequestShare<Request: Sendable>: Sendable {
    private struct State {
        var openItems: Int
        var failure: (any Error)?
    }

    let request: Request
    private let state: Mutex<State>

    init(_ request: Request, items: Int) {
        self.request = request
        state = Mutex(State(openItems: items))
    }

    /// - Returns: The outcome of all, when these were the last of its items.
    func finish(items: Int, _ failure: (any Error)?) -> Result<Void, any Error>? {
        state.withLock { state in
            state.openItems -= items
            state.failure = state.failure ?? failure
            guard state.openItems <= 0 else { return nil }
            return state.failure.map { .failure($0) } ?? .success(())
        }
    }
}

/// Joins requests of one partition until there is enough of them, and takes apart what is too large. Values only: no
/// clock, no task.
struct RequestBatcher<Request: Sendable>: Sendable {
    typealias Share = RequestShare<Request>

    /// One message to be sent, and whose items it holds.
    struct Batch: Sendable {
        var content: TelemetryBatch
        var shares: [(share: Share, items: Int)]
    }

    private let configuration: SendingBatchConfiguration
    private var content: TelemetryBatch
    private var shares: [(share: Share, items: Int)] = []
    /// In the unit of the configuration; a sum, which for bytes is an upper bound of the joined message's.
    private var size = 0
    /// When the first request came.
    private(set) var since: ContinuousClock.Instant?

    init(_ configuration: SendingBatchConfiguration, signal: Signal) {
        self.configuration = configuration
        content = TelemetryBatch(signal)
    }

    /// Nil while there is nothing.
    var deadline: ContinuousClock.Instant? { since.map { $0 + configuration.flushTimeout } }

    /// - Returns: What is to be sent now.
    mutating func add(
        _ telemetry: Telemetry, _ share: Share, now: ContinuousClock.Instant
    ) -> [Batch] {
        let items = telemetry.itemCount
        let added = configuration.size(of: telemetry)
        content.add(telemetry)
        shares.append((share, items))
        size += added
        since = since ?? now
        guard size >= configuration.minimumSize || (configuration.maximumSize > 0 && size > configuration.maximumSize)
        else { return [] }
        return flush(isWholeWanted: false, now: now)
    }

    /// Everything, in as many batches as it takes.
    mutating func flushAll() -> [Batch] { flush(isWholeWanted: true, now: .now) }

    /// - Parameter isWholeWanted: Whether what does not fill a batch is to be sent too.
    private mutating func flush(isWholeWanted: Bool, now: ContinuousClock.Instant) -> [Batch] {
        var batches: [Batch] = []
        let maximum = configuration.maximumSize
        while !content.isEmpty {
            if maximum > 0, size > maximum {
                batches.append(removeLargest(maximum))
            } else if isWholeWanted || size >= configuration.minimumSize {
                batches.append(Batch(content: content, shares: shares))
                content = TelemetryBatch(content.signal)
                shares = []
                size = 0
            } else {
                break
            }
        }
        since = content.isEmpty ? nil : now
        return batches
    }

    /// As many items as the maximum allows, and one at least.
    private mutating func removeLargest(_ maximum: Int) -> Batch {
        switch configuration.sizer {
        case .items:
            size -= maximum
            return remove(items: maximum)
        case .bytes:
            // Items differ in size: estimate, look, and take less until it fits.
            var items = max(1, Int(Double(content.itemCount) * Double(maximum) / Double(max(size, 1))))
            while true {
                var rest = content
                let taken = rest.removePrefix(items).joined()
                let bytes = configuration.size(of: taken)
                if bytes <= maximum || items <= 1 {
                    let batch = remove(items: items)
                    size = content.isEmpty ? 0 : configuration.size(of: content.joined())
                    return batch
                }
                items = max(1, min(items - 1, items * maximum / max(bytes, 1)))
            }
        }
    }

    private mutating func remove(items limit: Int) -> Batch {
        let taken = content.removePrefix(limit)
        var room = taken.itemCount
        var batch = Batch(content: taken, shares: [])
        while room > 0, let first = shares.first {
            let items = min(room, first.items)
            batch.shares.append((first.share, items))
            room -= items
            if items == first.items { shares.removeFirst() } else { shares[0].items -= items }
        }
        return batch
    }
}
