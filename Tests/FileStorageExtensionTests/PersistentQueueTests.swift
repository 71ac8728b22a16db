import Collector
import ExporterTestSupport
import Foundation
import OTLP
import OTLPTestSupport
import Synchronization
import Testing

@testable import ExporterSupport
@testable import FileStorageExtension

/// Takes what it is sent, or fails while it is told to.
private final class SwitchedSender: TelemetrySender {
    let isDown: Mutex<Bool>
    let received = Mutex<[Telemetry]>([])
    let metadata = Mutex<[[String: [String]]]>([])

    init(isDown: Bool = false) { self.isDown = Mutex(isDown) }

    func start(host: any Collector.Host) async throws {}
    func send(_ telemetry: Telemetry) async throws {
        if isDown.withLock({ $0 }) { throw RetryableError("the back end is away") }
        received.withLock { $0.append(telemetry) }
        metadata.withLock { $0.append(RequestContext.current?.metadata ?? [:]) }
    }
    func shutdown() async {}

    var sampleCounts: [Int] { received.withLock { $0.map(\.itemCount) } }
}

private struct StorageHost: Collector.Host {
    var storage: (any Collector.Extension)?
    func report(_ status: ComponentStatus) {}
    func runningExtension(_ id: ComponentID) -> (any Collector.Extension)? {
        id == ComponentID(type: "file_storage") ? storage : nil
    }
    var extensions: [ComponentID: any Collector.Extension] { [:] }
}

struct PersistentQueueTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    private let log = LogRecorder()
    private let metrics = MetricsRegistry()
    private let batch = Telemetry.profiles(ExampleProfiles.small())

    private func storage() async throws -> FileStorage {
        var configuration = FileStorageConfiguration()
        configuration.directory = folder
        configuration.createsDirectory = true
        let storage = FileStorage(configuration, logger: log.context().logger)
        try await storage.start(host: EmptyHost())
        return storage
    }

    private func exporter(
        _ sender: SwitchedSender, size: Int = 1000, change: (inout QueueConfiguration) -> Void = { _ in }
    ) -> QueuedExporter {
        var queue = QueueConfiguration(consumers: 2, size: size, storage: ComponentID(type: "file_storage"))
        change(&queue)
        return QueuedExporter(
            configuration: ExporterConfiguration(
                retry: RetryConfiguration(
                    initialInterval: .milliseconds(5), maximumInterval: .milliseconds(5), maximumElapsedTime: .zero),
                queue: queue),
            signal: .profiles, context: log.context(metrics: metrics), sender: sender)
    }

    /// The back end is away until after a restart: all arrives then, once, as it was.
    @Test func whatWasAcceptedArrivesAfterARestart() async throws {
        let away = SwitchedSender(isDown: true)
        let first = exporter(away)
        try await first.start(host: StorageHost(storage: try await storage()))
        for _ in 0..<20 { try await first.consume(batch) }
        try await first.shutdown()
        #expect(away.sampleCounts.isEmpty)
        #expect(!log.messages.contains("Exporting failed. Dropping data."))

        let back = SwitchedSender()
        let second = exporter(back)
        try await second.start(host: StorageHost(storage: try await storage()))
        try await waitUntil { back.sampleCounts.count == 20 }
        try await second.shutdown()
        let received = back.received.withLock { $0 }
        let sent = try batch.serializedBytes()
        #expect(try received.allSatisfy { try $0.serializedBytes() == sent })

        let third = SwitchedSender()
        let last = exporter(third)
        try await last.start(host: StorageHost(storage: try await storage()))
        try await last.shutdown()
        #expect(third.sampleCounts.isEmpty, "what arrived is not sent again")
    }

    /// Nothing is dropped while the back end is away, however long: retries do not end.
    @Test func aBackEndThatComesBackGetsAll() async throws {
        let sender = SwitchedSender(isDown: true)
        let exporter = exporter(sender)
        try await exporter.start(host: StorageHost(storage: try await storage()))
        for _ in 0..<10 { try await exporter.consume(batch) }
        try await Task.sleep(for: .milliseconds(100))
        sender.isDown.withLock { $0 = false }
        try await waitUntil { sender.sampleCounts.count == 10 }
        try await exporter.shutdown()
        #expect(metrics.value("otelcol_exporter_sent_profile_samples") == 20)
    }

    /// Header fields that the queue keeps are on disk too. Batches of different clients stay apart after a restart.
    @Test(arguments: [false, true])
    func headerFieldsOutliveARestart(joins: Bool) async throws {
        func keepsTenants(_ queue: inout QueueConfiguration) {
            queue.metadataKeys = ["x-tenant"]
            guard joins else { return }
            queue.batch = SendingBatchConfiguration()
            queue.batch?.minimumSize = 1_000_000
            queue.batch?.flushTimeout = .milliseconds(20)
        }
        let first = exporter(SwitchedSender(isDown: true), change: keepsTenants)
        try await first.start(host: StorageHost(storage: try await storage()))
        for tenant in ["a", "b", nil, "a"] as [String?] {
            let metadata = tenant.map { ["x-tenant": [$0], "authorization": ["secret"]] } ?? [:]
            try await RequestContext.$current.withValue(RequestContext(metadata: metadata)) {
                try await first.consume(batch)
            }
        }
        try await first.shutdown()

        let back = SwitchedSender()
        let second = exporter(back, change: keepsTenants)
        try await second.start(host: StorageHost(storage: try await storage()))
        try await waitUntil { back.sampleCounts.reduce(0, +) == 4 * batch.itemCount }
        try await second.shutdown()
        let tenants = back.metadata.withLock { $0 }.map { $0["x-tenant"] ?? [] }
        let sent = zip(tenants, back.sampleCounts).map { "\($0) \($1)" }.sorted()
        let one = batch.itemCount
        #expect(
            sent
                == (joins
                    ? ["[\"a\"] \(2 * one)", "[\"b\"] \(one)", "[] \(one)"]
                    : ["[\"a\"] \(one)", "[\"a\"] \(one)", "[\"b\"] \(one)", "[] \(one)"]))
        #expect(back.metadata.withLock { $0.allSatisfy { Set($0.keys).isSubset(of: ["x-tenant"]) } })
    }

    /// A record is a batch alone, or header fields and a batch; what a batch holds makes no difference.
    @Test func recordsOfHeaderFields() throws {
        let metadata = ["x-tenant": ["a", "ü\"\u{0}"], "empty": []]
        for bytes in [[], [1, 2, 3], Array("\u{2}\u{0}\u{0}\u{0}{}".utf8)] as [[UInt8]] {
            for fields in [[:], metadata] {
                let content = StoredContent(bytes, metadata: fields)
                let record = try BatchRecord(content, items: 7)
                #expect(try BatchRecord(bytes: record.bytes, tag: record.tag).content() == content)
                #expect(BatchRecord.items(record.tag) == 7)
                #expect(fields.isEmpty ? record.bytes == bytes : record.bytes.count > bytes.count + 4)
            }
        }
        #expect(BatchRecord.items(try BatchRecord(StoredContent([]), items: .max).tag) == Int(Int32.max))
        let whole = try BatchRecord(StoredContent([1], metadata: metadata), items: 1)
        for length in 0..<(whole.bytes.count - 1) {
            #expect(throws: (any Error).self) {
                try BatchRecord(bytes: Array(whole.bytes.prefix(length)), tag: whole.tag).content()
            }
        }
        #expect(throws: (any Error).self) {
            try BatchRecord(bytes: [0xff, 0xff, 0xff, 0xff, 1], tag: whole.tag).content()
        }
    }

    @Test func aFullQueueRefusesAndStoresNothing() async throws {
        let sender = SwitchedSender(isDown: true)
        let exporter = exporter(sender, size: 1)
        let storage = try await storage()
        try await exporter.start(host: StorageHost(storage: storage))
        // Two consumers hold one each, and the queue another.
        var accepted = 0
        for _ in 0..<50 where (try? await exporter.consume(batch)) != nil {
            accepted += 1
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(accepted == 3)
        try await exporter.shutdown()
        let batches = try await storage.openBatches(named: "exporter_test_profiles")
        #expect(batches.left.count == accepted)
        await batches.close()
    }

    @Test func aStorageThatDoesNotRunIsAnError() async throws {
        let exporter = exporter(SwitchedSender())
        let error = await #expect(throws: CollectorError.self) { try await exporter.start(host: StorageHost()) }
        #expect(
            error?.description
                == "storage \"file_storage\" not found; it must be configured and listed in service::extensions")
    }

    @Test func aFolderThatIsNotThereIsAnError() async throws {
        var configuration = FileStorageConfiguration()
        configuration.directory = folder + "/missing"
        let storage = FileStorage(configuration, logger: log.context().logger)
        let error = await #expect(throws: CollectorError.self) { try await storage.start(host: EmptyHost()) }
        #expect(error?.description.contains("create_directory: true") ?? false)
    }

    @Test func namesBecomeFileNames() {
        #expect(FileStorage.fileName("exporter_otlp_a/b é") == "exporter_otlp_a~002fb~0020~00e9")
    }

    private func waitUntil(_ isTrue: () -> Bool) async throws {
        for _ in 0..<2000 where !isTrue() { try await Task.sleep(for: .milliseconds(5)) }
        #expect(isTrue())
    }
}
