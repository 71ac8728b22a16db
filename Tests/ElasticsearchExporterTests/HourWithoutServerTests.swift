import Collector
import ElasticsearchDouble
import ExporterSupport
import ExporterTestSupport
import Foundation
import Logging
import Testing

@testable import ElasticsearchExporter
@testable import FileStorageExtension

/// An hour in which the server is away, with a queue on disk, as the documents recommend it. Time is compressed: every
/// interval of the configuration, and the hour, are shorter by the same factor. With `OTELCOL_LONG=1` it takes three
/// minutes.
@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct HourWithoutServerTests {
    private static let speed = ProcessInfo.processInfo.environment["OTELCOL_LONG"] == "1" ? 20 : 1200

    private static func seconds(_ count: Double) -> Duration { .seconds(count) / speed }

    private struct StorageHost: Collector.Host {
        let storage: FileStorage
        func report(_ status: ComponentStatus) {}
        func runningExtension(_ id: ComponentID) -> (any Collector.Extension)? {
            id == ComponentID(type: "file_storage") ? storage : nil
        }
        var extensions: [ComponentID: any Collector.Extension] { [:] }
    }

    private func start(_ double: ElasticsearchDouble, _ folder: String, _ log: LogRecorder) async throws
        -> RunningExporter
    {
        var configuration = FileStorageConfiguration()
        configuration.directory = folder
        configuration.createsDirectory = true
        let storage = FileStorage(configuration, logger: Logger(label: "test"))
        try await storage.start(host: EmptyHost())
        return try await RunningExporter(double, .logs, log: log, host: StorageHost(storage: storage)) {
            var queue = ElasticsearchConfiguration.defaultQueue
            queue.size = 360
            queue.storage = ComponentID(type: "file_storage")
            queue.batch?.flushTimeout = Self.seconds(10)
            $0.queue = queue
            $0.retry.initialInterval = Self.seconds(0.1)
            $0.retry.maximumInterval = Self.seconds(60)
        }
    }

    /// A request every ten seconds, and a new start of the program every fifteen minutes.
    @Test func everythingArrivesOnce() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let log = LogRecorder()
        let gone = try await ElasticsearchDouble()
        try await gone.kill()
        var running = try await start(gone, folder, log)
        let clock = ContinuousClock()
        let begin = clock.now
        for number in 0..<360 {
            try await running.exporter.consume(logs(number..<number + 1))
            if number % 90 == 45 {
                try await running.exporter.shutdown()
                running = try await start(gone, folder, log)
            }
            try await clock.sleep(until: begin + Self.seconds(10) * (number + 1))
        }
        #expect(running.count("otelcol_exporter_sent_log_records") == 0)
        // A line a minute for each life of the program, not one for each of hundreds of retries.
        let lines = log.messages.count { $0.contains("Will retry") }
        let minutes = Int((clock.now - begin) / .seconds(60))
        #expect((1...5 + minutes).contains(lines))
        let back = try await ElasticsearchDouble(["--port", "\(gone.port)"])
        let end = clock.now + .seconds(180)
        while clock.now < end, try await back.logBodies().count < 360 { try await clock.sleep(for: .milliseconds(50)) }
        try await running.exporter.shutdown()
        // Nothing was accepted before, so nothing is there twice.
        #expect(try await back.logBodies() == Array(0..<360))
        #expect(log.records.allSatisfy { $0.level <= .info }, "\(Set(log.messages))")

        // Everything was dealt with: another start has nothing to send.
        let requests = try await back.requests().count
        let last = try await start(back, folder, log)
        try await last.exporter.shutdown()
        #expect(try await back.requests().count == requests)
    }
}
