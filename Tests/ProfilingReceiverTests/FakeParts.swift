import Collector
import Engine
import Logging
import Synchronization

@testable import ProfilingReceiver

/// Plays the engine's part: delivers when told to, and one last interval at its end.
final class FakeSource: ProfileSource {
    private struct State {
        var isStarted = false
        var isStopped = false
        var metrics: [EngineMetric] = []
    }

    let options: EngineOptions
    let handler: Engine.Handler
    let log: Engine.Log
    private let startError: CollectorError?
    private let lastInterval: ProfileInterval?
    private let state = Mutex(State())

    init(
        options: EngineOptions, log: @escaping Engine.Log, handler: @escaping Engine.Handler,
        startError: CollectorError? = nil, lastInterval: ProfileInterval? = nil
    ) {
        self.options = options
        self.log = log
        self.handler = handler
        self.startError = startError
        self.lastInterval = lastInterval
    }

    var isStarted: Bool { state.withLock { $0.isStarted } }
    var isStopped: Bool { state.withLock { $0.isStopped } }

    func setMetrics(_ metrics: [EngineMetric]) { state.withLock { $0.metrics = metrics } }

    func start() throws {
        if let startError { throw startError }
        state.withLock { $0.isStarted = true }
    }

    func stop() {
        if let lastInterval { handler(lastInterval) }
        state.withLock { $0.isStopped = true }
    }

    func metrics() -> [EngineMetric] {
        state.withLock { $0.metrics }
    }
}

/// Keeps what it is given; can refuse it.
final class RecordingConsumer: Consumer {
    private let received = Mutex<[Telemetry]>([])
    private let error: (any Error)?

    init(refusingWith error: (any Error)? = nil) {
        self.error = error
    }

    var batches: [Telemetry] { received.withLock { $0 } }

    func consume(_ telemetry: Telemetry) async throws {
        received.withLock { $0.append(telemetry) }
        if let error { throw error }
    }
}

final class FakeHost: Host {
    private let reported = Mutex<[ComponentStatus]>([])

    var statuses: [String] { reported.withLock { $0.map(\.description) } }
    var extensions: [ComponentID: any Extension] { [:] }

    func report(_ status: ComponentStatus) { reported.withLock { $0.append(status) } }
    func runningExtension(_ id: ComponentID) -> (any Extension)? { nil }
}

/// A logger's lines, `level message`.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func makeLogger() -> Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(lines: LogLines) {
            self.lines = lines
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.level) \(event.message)") }
        }
    }
}
