import Collector
import ExporterSupport
import Logging
import OTLP
import SwiftProtobuf
import Synchronization

/// Encodes batches of one signal and hands them to the file.
final class FileExporter: Exporter {
    private let configuration: FileConfiguration
    private let file: SharedFile
    private let logger: Logger

    init(configuration: FileConfiguration, file: SharedFile, logger: Logger) {
        self.configuration = configuration
        self.file = file
        self.logger = logger
    }

    func start(host: any Host) async throws { try await file.start(logger: logger) }

    func shutdown() async throws { try await file.stop() }

    func consume(_ telemetry: Telemetry) async throws {
        let record =
            switch configuration.format {
            case .json: try Self.json(telemetry) + [UInt8(ascii: "\n")]
            case .proto: try Self.frame(Self.wire(telemetry))
            }
        try await file.write(record)
    }

    static func json(_ telemetry: Telemetry) throws -> [UInt8] {
        switch telemetry {
        case .traces(let data): try OTLPJSON.encode(data)
        case .metrics(let data): try OTLPJSON.encode(data)
        case .logs(let data): try OTLPJSON.encode(data)
        case .profiles(let data): try OTLPJSON.encode(data)
        }
    }

    static func wire(_ telemetry: Telemetry) throws -> [UInt8] {
        switch telemetry {
        case .traces(let data): try data.serializedBytes()
        case .metrics(let data): try data.serializedBytes()
        case .logs(let data): try data.serializedBytes()
        case .profiles(let data): try data.serializedBytes()
        }
    }

    static func frame(_ payload: [UInt8]) throws -> [UInt8] {
        guard let length = UInt32(exactly: payload.count) else { throw PermanentError("the batch exceeds 4 GiB") }
        return (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + payload
    }
}

/// One file for the instances of several signals: opened by the first that starts, closed by the last that stops.
final class SharedFile: Sendable {
    private struct State {
        var users = 0
        var writer: RotatingFile?
        var flushing: Task<Void, Never>?
    }

    private let configuration: FileConfiguration
    private let work = BlockingWork(label: "file exporter")
    private let state = Mutex(State())

    init(configuration: FileConfiguration) {
        self.configuration = configuration
    }

    func start(logger: Logger) async throws {
        try await work.run { [self] in
            try state.withLock { state in
                if state.users == 0 { state.writer = try RotatingFile(configuration) }
                state.users += 1
                guard state.users == 1, configuration.rotation == nil else { return }
                state.flushing = Task { [weak self, interval = configuration.flushInterval] in
                    while (try? await Task.sleep(for: interval)) != nil {
                        do {
                            try await self?.flush()
                        } catch {
                            logger.error("cannot write to the file", metadata: ["error": "\(error)"])
                        }
                    }
                }
            }
        }
    }

    func write(_ record: [UInt8]) async throws {
        try await work.run { [self] in
            try state.withLock { state in
                guard state.writer != nil else { throw CollectorError("the file exporter is not running") }
                try state.writer?.write(record)
            }
        }
    }

    func flush() async throws {
        try await work.run { [self] in try state.withLock { try $0.writer?.flush() } }
    }

    func stop() async throws {
        try await work.run { [self] in
            try state.withLock { state in
                state.users -= 1
                guard state.users == 0 else { return }
                state.flushing?.cancel()
                state.flushing = nil
                defer { state.writer = nil }
                try state.writer?.close()
            }
        }
    }
}
