import Collector

/// `sending_queue::batch`.
extension QueuedExporter {
    private typealias Batcher = RequestBatcher<Request>

    /// Batches whose content differs in the header fields that are kept wait apart. Callers choose their values, so
    /// there is a bound: with more of them, the oldest batch leaves early.
    private static var maximumPartitions: Int { 1000 }

    /// Takes requests out of the queue, joins them and has at most `workers` batches sent at a time; returns when the
    /// queue is closed and everything was sent once.
    func sendBatches(
        from queue: SendingQueue<Request>, _ settings: SendingBatchConfiguration, workers: Int
    ) async {
        await withTaskGroup(of: Void.self) { group in
            var batchers: [[String: [String]]: Batcher] = [:]
            var underWay = 0
            func send(_ batches: [Batcher.Batch], _ metadata: [String: [String]]) async {
                for batch in batches {
                    if underWay >= workers {
                        await group.next()
                        underWay -= 1
                    }
                    group.addTask { await self.send(batch, metadata) }
                    underWay += 1
                }
            }
            func flush(_ metadata: [String: [String]]) async {
                guard var batcher = batchers.removeValue(forKey: metadata) else { return }
                await send(batcher.flushAll(), metadata)
            }
            loop: while true {
                let next: SendingQueue<Request>.Dequeued
                if let oldest = batchers.values.compactMap(\.deadline).min() {
                    next = await queue.dequeue(until: oldest)
                } else {
                    next = await queue.dequeue().map { .element($0) } ?? .closed
                }
                switch next {
                case .element(let request):
                    guard let (telemetry, metadata) = await content(of: request) else { continue }
                    if batchers[metadata] == nil, batchers.count >= Self.maximumPartitions,
                        let oldest = batchers.min(by: { ($0.value.since ?? .now) < ($1.value.since ?? .now) })?.key
                    {
                        await flush(oldest)
                    }
                    let share = RequestShare(request, items: request.items)
                    var batcher = batchers.removeValue(forKey: metadata) ?? Batcher(settings, signal: signal)
                    await send(batcher.add(telemetry, share, now: .now), metadata)
                    if batcher.since != nil { batchers[metadata] = batcher }
                case .timeout:
                    let now = ContinuousClock.now
                    for (metadata, batcher) in batchers where batcher.deadline.map({ $0 <= now }) ?? true {
                        await flush(metadata)
                    }
                case .closed:
                    for metadata in Array(batchers.keys) { await flush(metadata) }
                    break loop
                }
            }
        }
    }

    private func send(_ batch: Batcher.Batch, _ metadata: [String: [String]]) async {
        let outcome = await outcome(of: batch.content.joined(), items: batch.content.itemCount, metadata)
        var failure: (any Error)?
        if case .failure(let error) = outcome { failure = error }
        for (share, items) in batch.shares {
            if let result = share.finish(items: items, failure) { await finish(share.request, result) }
        }
    }
}
