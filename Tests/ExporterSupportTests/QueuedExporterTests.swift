import Collector
import ExporterTestSupport
import Foundation
import OTLPTestSupport
import Synchronization
import Testing

@testable import ExporterSupport

/// Answers attempts from a list, and then with success.
final class ScriptedSender: TelemetrySender {
    enum Step: Sendable {
        case succeed
        case fail(any Error)
        /// Until cancelled.
        case hang
    }

    let steps: Mutex<[Step]>
    let attempts = Mutex(0)
    let isShutDown = Mutex(false)
    let attempted: AsyncStream<Int>
    private let report: AsyncStream<Int>.Continuation

    init(_ steps: [Step] = []) {
        self.steps = Mutex(steps)
        (attempted, report) = AsyncStream.makeStream()
    }

    func start(host: any Collector.Host) async throws {}

    func send(_ telemetry: Telemetry) async throws {
        let step = steps.withLock { $0.isEmpty ? Step.succeed : $0.removeFirst() }
        report.yield(attempts.withLock { $0 += 1; return $0 })
        switch step {
        case .succeed: return
        case .fail(let error): throw error
        case .hang: try await Task.sleep(for: .seconds(3600))
        }
    }

    func shutdown() async { isShutDown.withLock { $0 = true } }
}

struct QueuedExporterTests {
    let log = LogRecorder()
    let metrics = MetricsRegistry()
    let batch = Telemetry.profiles(ExampleProfiles.small())
    /// Retries at once.
    let quick = RetryConfiguration(initialInterval: .zero, maximumInterval: .zero)

    func exporter(_ sender: ScriptedSender, _ configuration: ExporterConfiguration) -> QueuedExporter {
        QueuedExporter(
            configuration: configuration, signal: .profiles, context: log.context(metrics: metrics), sender: sender)
    }

    @Test func withoutQueueTheCallerGetsTheOutcome() async throws {
        let sender = ScriptedSender([.succeed, .fail(PermanentError("bad data"))])
        let exporter = exporter(sender, ExporterConfiguration(retry: quick, queue: nil))
        try await exporter.start(host: EmptyHost())
        try await exporter.consume(batch)
        await #expect(throws: PermanentError.self) { try await exporter.consume(batch) }
        try await exporter.shutdown()
        #expect(sender.attempts.withLock { $0 } == 2)
        #expect(metrics.value("otelcol_exporter_sent_profile_samples") == 2)
        #expect(metrics.value("otelcol_exporter_send_failed_profile_samples") == 2)
        #expect(log.messages == ["Exporting failed. Rejecting data."])
        #expect(log.records.first?.metadata["rejected_items"] == "2")
    }

    /// What arrived is not sent again, and only the rest counts as failed.
    @Test(arguments: [false, true])
    func aPartThatIsLost(hasQueue: Bool) async throws {
        let sender = ScriptedSender([.fail(PartialLoss(items: 1, reason: "too large"))])
        let exporter = exporter(
            sender,
            ExporterConfiguration(retry: quick, queue: hasQueue ? QueueConfiguration(waitsForResult: true) : nil))
        try await exporter.start(host: EmptyHost())
        await #expect(throws: PermanentError.self) { try await exporter.consume(batch) }
        try await exporter.shutdown()
        #expect(sender.attempts.withLock { $0 } == 1)
        #expect(metrics.value("otelcol_exporter_sent_profile_samples") == 1)
        #expect(metrics.value("otelcol_exporter_send_failed_profile_samples") == 1)
        #expect(log.messages.isEmpty)
    }

    @Test func aPartThatHasNoPlaceIsNoFailure() async throws {
        let sender = ScriptedSender([.fail(PartialLoss(items: 9, reason: "off CPU", isFailure: false))])
        let exporter = exporter(sender, ExporterConfiguration(retry: quick, queue: nil))
        try await exporter.consume(batch)
        // Never more than there were.
        #expect(metrics.value("otelcol_exporter_send_failed_profile_samples") == 2)
        #expect(metrics.value("otelcol_exporter_sent_profile_samples") == 0)
    }

    @Test func retriesWhatMayPass() async throws {
        let sender = ScriptedSender([.fail(RetryableError("busy")), .fail(CollectorError("any other"))])
        let exporter = exporter(sender, ExporterConfiguration(retry: quick, queue: nil))
        try await exporter.consume(batch)
        #expect(sender.attempts.withLock { $0 } == 3)
        #expect(log.messages == Array(repeating: "Exporting failed. Will retry the request after interval.", count: 2))
        #expect(metrics.value("otelcol_exporter_sent_profile_samples") == 2)
    }

    @Test func doesNotRetryWhenTurnedOff() async throws {
        let sender = ScriptedSender([.fail(RetryableError("busy"))])
        let exporter = exporter(
            sender, ExporterConfiguration(retry: RetryConfiguration(isEnabled: false), queue: nil))
        await #expect(throws: RetryableError.self) { try await exporter.consume(batch) }
        #expect(sender.attempts.withLock { $0 } == 1)
    }

    /// The server's wish exceeds the time that there is.
    @Test func givesUpWhenTheNextAttemptWouldComeTooLate() async throws {
        let sender = ScriptedSender([.fail(RetryableError("busy", delay: .seconds(400)))])
        let exporter = exporter(sender, ExporterConfiguration(retry: quick, queue: nil))
        await #expect {
            try await exporter.consume(batch)
        } throws: { "\($0)" == "no more retries left: busy" }
    }

    @Test func anAttemptThatHangsIsCutOff() async throws {
        let sender = ScriptedSender([.hang])
        let exporter = exporter(
            sender, ExporterConfiguration(timeout: .milliseconds(10), retry: quick, queue: nil))
        try await exporter.consume(batch)
        #expect(sender.attempts.withLock { $0 } == 2)
    }

    @Test func emptyBatchesAreDropped() async throws {
        let sender = ScriptedSender()
        try await exporter(sender, ExporterConfiguration(queue: nil)).consume(.profiles(.init()))
        #expect(sender.attempts.withLock { $0 } == 0)
    }

    @Test func shutdownSendsWhatIsQueued() async throws {
        let sender = ScriptedSender([.fail(RetryableError("busy", delay: .seconds(60)))])
        let exporter = exporter(
            sender, ExporterConfiguration(retry: quick, queue: QueueConfiguration(consumers: 1)))
        try await exporter.start(host: EmptyHost())
        for _ in 0..<3 { try await exporter.consume(batch) }
        // The first waits for its second attempt, with the others behind it.
        for await _ in sender.attempted { break }
        try await exporter.shutdown()
        #expect(sender.attempts.withLock { $0 } == 3)
        #expect(sender.isShutDown.withLock { $0 })
        #expect(metrics.value("otelcol_exporter_sent_profile_samples") == 4)
        #expect(metrics.value("otelcol_exporter_send_failed_profile_samples") == 2)
        #expect(log.messages.contains("Exporting failed. Dropping data."))
        #expect(metrics.value("otelcol_exporter_queue_size") == nil)
        await #expect(throws: QueueError.closed) { try await exporter.consume(batch) }
    }

    @Test func aFullQueueRefuses() async throws {
        let exporter = exporter(
            ScriptedSender(),
            ExporterConfiguration(queue: QueueConfiguration(size: 3, sizer: .items)))
        // Not started: nobody takes anything out.
        try await exporter.consume(batch)
        await #expect(throws: QueueError.full) { try await exporter.consume(batch) }
        #expect(metrics.value("otelcol_exporter_enqueue_failed_profile_samples") == 2)
    }

    @Test func aBatchLargerThanTheQueueIsRefusedForGood() async throws {
        let exporter = exporter(
            ScriptedSender(), ExporterConfiguration(queue: QueueConfiguration(size: 100, sizer: .bytes)))
        await #expect(throws: PermanentError.self) { try await exporter.consume(batch) }
    }

    @Test func waitsForTheResultIfAsked() async throws {
        let sender = ScriptedSender([.fail(PermanentError("bad"))])
        let exporter = exporter(
            sender, ExporterConfiguration(retry: quick, queue: QueueConfiguration(waitsForResult: true)))
        try await exporter.start(host: EmptyHost())
        await #expect(throws: PermanentError.self) { try await exporter.consume(batch) }
        try await exporter.consume(batch)
        try await exporter.shutdown()
    }
}

final class Total: Sendable {
    let value = Mutex(0)
    func add(_ number: Int) { value.withLock { $0 += number } }
}

struct SendingQueueTests {
    @Test func producersWaitForRoom() async throws {
        let queue = SendingQueue<Int>(capacity: 2, blocksOnOverflow: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for number in 0..<1000 { try await queue.enqueue(number, size: 1 + number % 2) } }
            for number in 0..<1000 { #expect(await queue.dequeue() == number) }
            try await group.waitForAll()
        }
        #expect(queue.usedSize == 0)
    }

    @Test func manyOnBothSidesLoseNothing() async throws {
        let queue = SendingQueue<Int>(capacity: 3, blocksOnOverflow: true)
        let sum = Total()
        await withTaskGroup(of: Void.self) { consumers in
            for _ in 0..<4 {
                consumers.addTask { while let number = await queue.dequeue() { sum.add(number) } }
            }
            await withTaskGroup(of: Void.self) { producers in
                for _ in 0..<8 {
                    producers.addTask { for number in 1...500 { try? await queue.enqueue(number, size: 1) } }
                }
            }
            queue.close()
        }
        let total = sum.value.withLock { $0 }
        #expect(total == 1_002_000)
    }

    @Test func aWaitingProducerCanBeCancelled() async throws {
        let queue = SendingQueue<Int>(capacity: 1, blocksOnOverflow: true)
        try await queue.enqueue(1, size: 1)
        let producer = Task { try await queue.enqueue(2, size: 1) }
        producer.cancel()
        await #expect(throws: CancellationError.self) { try await producer.value }
        queue.close()
        #expect(await queue.dequeue() == 1)
        #expect(await queue.dequeue() == nil)
    }
}

struct BackoffTests {
    struct Middle: RandomNumberGenerator {
        func next() -> UInt64 { 1 << 63 }
    }

    @Test func growsToTheMaximum() {
        var backoff = Backoff(
            RetryConfiguration(initialInterval: .seconds(4), maximumInterval: .seconds(10), randomizationFactor: 0))
        var generator = Middle()
        let expected: [Duration] = [.seconds(4), .seconds(6), .seconds(9), .seconds(10)]
        for interval in expected {
            let next = backoff.next(using: &generator)
            #expect(next == interval)
        }
    }

    @Test func hugeMultipliersDoNotOverflow() {
        var backoff = Backoff(RetryConfiguration(multiplier: 1e300))
        for _ in 0..<10 {
            let next = backoff.next()
            #expect(next <= .seconds(45))
        }
    }
}

struct ExporterConfigurationTests {
    @Test func defaults() {
        let (configuration, errors, _) = decode([]) { ExporterConfiguration($0) }
        #expect(configuration == ExporterConfiguration())
        #expect(errors.isEmpty)
    }

    @Test func readsAllKeys() {
        let (configuration, errors, warnings) = decode([
            ("timeout", .string("0s")),
            ("retry_on_failure", .tree([("initial_interval", .string("1s")), ("max_elapsed_time", .string("0"))])),
            ("sending_queue", .tree([
                ("num_consumers", .integer(2)), ("queue_size", .integer(50)), ("sizer", .string("items")),
                ("block_on_overflow", .boolean(true)), ("batch", .tree([("min_size", .integer(20))])),
            ])),
        ]) { ExporterConfiguration($0) }
        #expect(configuration.timeout == .zero)
        #expect(configuration.retry.initialInterval == .seconds(1))
        var batch = SendingBatchConfiguration()
        batch.minimumSize = 20
        #expect(
            configuration.queue
                == QueueConfiguration(consumers: 2, size: 50, sizer: .items, blocksOnOverflow: true, batch: batch))
        #expect(errors.isEmpty && warnings.isEmpty)
    }

    /// What is kept on disk waits for the back end without end, unless an end is written.
    @Test func aQueueOnDisk() {
        let queue = ("sending_queue", ConfigurationNode.Value.tree([("storage", .string("file_storage/q"))]))
        let (configuration, errors, _) = decode([queue]) { ExporterConfiguration($0) }
        #expect(errors.isEmpty)
        #expect(configuration.queue?.storage == ComponentID(type: "file_storage", name: "q"))
        #expect(configuration.retry.maximumElapsedTime == .zero)
        let limited = decode([queue, ("retry_on_failure", .tree([("max_elapsed_time", .string("1h"))]))]) {
            ExporterConfiguration($0)
        }
        #expect(limited.configuration.retry.maximumElapsedTime == .seconds(3600))
        let waiting = decode([
            ("sending_queue", .tree([("storage", .string("file_storage")), ("wait_for_result", .boolean(true))]))
        ]) { ExporterConfiguration($0) }
        #expect(waiting.errors.count == 1)
    }

    @Test func reportsMistakes() {
        let (configuration, errors, _) = decode([
            ("timeout", .string("-1s")),
            ("retry_on_failure", .tree([("max_elapsed_time", .string("1s")), ("randomization_factor", .integer(2))])),
            ("sending_queue", .tree([("enabled", .boolean(true)), ("num_consumers", .integer(0)), ("storage", .string("a b"))])),
        ]) { ExporterConfiguration($0) }
        #expect(configuration.queue != nil)
        #expect(errors.count == 6)
        #expect(errors.contains { $0.contains("max_elapsed_time: must not be less than max_interval") })
        #expect(decode([("sending_queue", .tree([("enabled", .boolean(false))]))]) { ExporterConfiguration($0) }
            .configuration.queue == nil)
    }

    @Test func tlsSections() {
        func tls(_ entries: [(String, ConfigurationNode.Value)]) -> (ClientTLSConfiguration, [String]) {
            let result = decode(entries) { ClientTLSConfiguration($0) }
            return (result.configuration, result.errors)
        }
        #expect(tls([]).0.usesTLS)
        #expect(!tls([("insecure", .boolean(true))]).0.usesTLS)
        #expect(tls([("insecure", .boolean(true)), ("ca_file", .string("ca.pem"))]).0.usesTLS)
        #expect(tls([("cert_file", .string("c.pem"))]).1.count == 1)
        #expect(tls([("ca_file", .string("c.pem")), ("ca_pem", .string("x"))]).1.count == 1)
        #expect(tls([("min_version", .string("1.4"))]).1.count == 1)
        #expect(tls([("min_version", .string("1.3")), ("max_version", .string("1.2"))]).1.count == 1)
    }
}
