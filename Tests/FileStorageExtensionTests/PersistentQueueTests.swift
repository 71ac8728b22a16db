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

    init(isDown: Bool = false) { self.isDown = Mutex(isDown) }

    func start(host: any Collector.Host) async throws {}
    func send(_ telemetry: Telemetry) async throws {
        if isDown.withLock({ $0 }) { throw RetryableError("the back end is away") }
        received.withLock { $0.append(telemetry) }
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

    private func exporter(_ sender: SwitchedSender, size: Int = 1000) -> QueuedExporter {
        QueuedExporter(
            configuration: ExporterConfiguration(
                retry: RetryConfiguration(
                    initialInterval: .milliseconds(5), maximumInterval: .milliseconds(5), maximumElapsedTime: .zero),
                queue: QueueConfiguration(consumers: 2, size: size, storage: ComponentID(type: "file_storage"))),
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
