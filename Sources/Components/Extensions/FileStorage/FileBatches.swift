import Collector
import ExporterSupport
import SegmentLog
import Synchronization

/// A component's batches in a log of their own, read and written on a thread of their own.
final class FileBatches: StoredBatches {
    private struct State {
        var log: SegmentLog
        var records: [UInt64: SegmentLog.Record]
    }

    let left: [StoredBatch]
    let damage: [String]
    /// Nil once closed.
    private let state: Mutex<State?>
    private let files: BlockingWork

    init(_ log: sending SegmentLog, _ files: BlockingWork) {
        left = log.recovered.map(Self.batch)
        damage = log.damage
        var records: [UInt64: SegmentLog.Record] = [:]
        for record in log.recovered { records[record.number] = record }
        state = Mutex(State(log: log, records: records))
        self.files = files
    }

    func add(_ content: StoredContent, items: Int) async throws -> StoredBatch {
        let form = try BatchRecord(content, items: items)
        return try await files.run { [self] in
            try state.withLock { state in
                guard let record = try state?.log.append(form.bytes, tag: form.tag) else { throw Self.closed }
                state?.records[record.number] = record
                return Self.batch(record)
            }
        }
    }

    func read(_ batch: StoredBatch) async throws -> StoredContent {
        let form = try await files.run { [self] in
            try state.withLock { state in
                guard let record = state?.records[batch.number], let bytes = try state?.log.read(record) else {
                    throw Self.closed
                }
                return BatchRecord(bytes: bytes, tag: record.tag)
            }
        }
        return try form.content()
    }

    func remove(_ batch: StoredBatch) async throws {
        try await files.run { [self] in
            try state.withLock { state in
                guard let record = state?.records.removeValue(forKey: batch.number) else { return }
                try state?.log.remove(record)
            }
        }
    }

    func close() async {
        try? await files.run { [self] in state.withLock { $0 = nil } }
    }

    private static func batch(_ record: SegmentLog.Record) -> StoredBatch {
        StoredBatch(number: record.number, sizeBytes: record.length, items: BatchRecord.items(record.tag))
    }

    private static var closed: CollectorError { CollectorError("the storage is closed") }
}
