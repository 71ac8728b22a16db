import Synchronization

/// A queue in memory with a bound, for several producers and consumers. Nobody blocks a thread.
final class SendingQueue<Element: Sendable>: Sendable {
    private struct Entry {
        var element: Element
        var size: Int
    }

    private struct Producer {
        var size: Int
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        /// Nil where an entry was taken out: batches are large, and must go at once.
        var entries: [Entry?] = []
        /// Index of the first entry still in the queue.
        var head = 0
        var usedSize = 0
        var isClosed = false
        var consumers: [(id: UInt64, continuation: CheckedContinuation<Dequeued, Never>)] = []
        var producers: [(id: UInt64, producer: Producer)] = []
        var nextID: UInt64 = 0
        /// Producers that were cancelled before they began to wait.
        var cancelled: Set<UInt64> = []

        var isEmpty: Bool { head == entries.count }

        mutating func append(_ entry: Entry) {
            entries.append(entry)
            usedSize += entry.size
        }

        mutating func popFirst() -> Entry? {
            guard !isEmpty, let entry = entries[head] else { return nil }
            entries[head] = nil
            head += 1
            usedSize -= entry.size
            if head == entries.count || head >= 256 {
                entries.removeFirst(head)
                head = 0
            }
            return entry
        }
    }

    /// What a consumer gets.
    enum Dequeued: Sendable {
        case element(Element)
        /// Nothing came in time.
        case timeout
        case closed
    }

    let capacity: Int
    private let blocksOnOverflow: Bool
    private let state = Mutex(State())

    init(capacity: Int, blocksOnOverflow: Bool) {
        self.capacity = capacity
        self.blocksOnOverflow = blocksOnOverflow
    }

    /// In the unit of the sizes given to `enqueue`.
    var usedSize: Int { state.withLock { $0.usedSize } }

    /// - Parameter size: In the unit of the capacity; at least 0.
    /// - Throws: `QueueError`, or `CancellationError` when a producer that waits for room is cancelled.
    func enqueue(_ element: Element, size: Int) async throws {
        guard size <= capacity else { throw QueueError.tooLarge }
        while true {
            let taken: Bool = try state.withLock { state in
                if state.isClosed { throw QueueError.closed }
                guard state.usedSize <= capacity - size else { return false }
                if let consumer = state.consumers.popLast() {
                    consumer.continuation.resume(returning: .element(element))
                } else {
                    state.append(Entry(element: element, size: size))
                }
                return true
            }
            if taken { return }
            guard blocksOnOverflow else { throw QueueError.full }
            try await waitForRoom(size)
        }
    }

    /// Puts in what was accepted by an earlier run: there is always room for that.
    func restore(_ element: Element, size: Int) {
        state.withLock { $0.append(Entry(element: element, size: max(0, size))) }
    }

    private func waitForRoom(_ size: Int) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let failure: (any Error)?? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .some(CancellationError()) }
                    if state.isClosed { return .some(QueueError.closed) }
                    // Room may have been made in between.
                    if state.usedSize <= capacity - size { return .some(nil) }
                    state.producers.append((id, Producer(size: size, continuation: continuation)))
                    return nil
                }
                guard let failure else { return }
                if let error = failure { continuation.resume(throwing: error) } else { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.producers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.producers.remove(at: index).producer.continuation
            }
            continuation?.resume(throwing: CancellationError())
        }
        _ = state.withLock { $0.cancelled.remove(id) }
    }

    /// The oldest element, waiting for one; nil when the queue is closed and empty.
    func dequeue() async -> Element? {
        guard case .element(let element) = await dequeue(id: nil) else { return nil }
        return element
    }

    /// As `dequeue`, but no longer than until `deadline`.
    func dequeue(until deadline: ContinuousClock.Instant) async -> Dequeued {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let timer = Task {
            // A timer that is cancelled has nothing to do any more.
            guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
            let consumer = state.withLock { state -> CheckedContinuation<Dequeued, Never>? in
                guard let index = state.consumers.firstIndex(where: { $0.id == id }) else { return nil }
                return state.consumers.remove(at: index).continuation
            }
            consumer?.resume(returning: .timeout)
        }
        defer { timer.cancel() }
        return await dequeue(id: id, deadline: deadline)
    }

    private func dequeue(id: UInt64?, deadline: ContinuousClock.Instant? = nil) async -> Dequeued {
        await withCheckedContinuation { continuation in
            let (result, producers): (Dequeued?, [Producer]) = state.withLock { state in
                if let entry = state.popFirst() {
                    // All who wait try again: who does not fit waits again.
                    let producers = state.producers.map(\.producer)
                    state.producers = []
                    return (.element(entry.element), producers)
                }
                if state.isClosed { return (.closed, []) }
                // The timer may have gone off before there was somebody to wake.
                if let deadline, ContinuousClock.now >= deadline { return (.timeout, []) }
                state.consumers.append((id ?? 0, continuation))
                return (nil, [])
            }
            for producer in producers { producer.continuation.resume() }
            if let result { continuation.resume(returning: result) }
        }
    }

    /// Refuses new elements; what is in the queue can still be taken out.
    func close() {
        let (consumers, producers) = state.withLock { state in
            state.isClosed = true
            defer {
                state.consumers = []
                state.producers = []
            }
            return (state.consumers, state.producers)
        }
        for consumer in consumers { consumer.continuation.resume(returning: .closed) }
        for (_, producer) in producers { producer.continuation.resume(throwing: QueueError.closed) }
    }
}
