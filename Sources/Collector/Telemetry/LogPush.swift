import Logging
import OTLP
import Synchronization

/// Sends the Collector's own log by OTLP: `service::telemetry::logs::processors`.
///
/// Records wait in memory with a bound; when it is reached, new ones are dropped and counted. What is logged while
/// sending goes to the log's other outputs only, or a back end that is away would make records about itself for ever.
final class LogPush: Sendable {
    static let maximumWaiting = 2048

    private struct State {
        var waiting: [Opentelemetry_Proto_Logs_V1_LogRecord] = []
        var dropped: UInt64 = 0
    }

    private let configuration: TelemetryConfiguration.LogProcessor
    private let resource: [String: String]
    private let version: String
    private let state = Mutex(State())

    init(_ configuration: TelemetryConfiguration.LogProcessor, resource: [String: String], version: String) {
        self.configuration = configuration
        self.resource = resource
        self.version = version
    }

    func add(_ record: LogRecordEncoder.Record) {
        state.withLock { state in
            guard state.waiting.count < Self.maximumWaiting else {
                state.dropped += 1
                return
            }
            state.waiting.append(Self.message(record))
        }
    }

    private static func message(_ record: LogRecordEncoder.Record) -> Opentelemetry_Proto_Logs_V1_LogRecord {
        .with {
            $0.timeUnixNano = record.time.unixNanoseconds
            $0.observedTimeUnixNano = record.time.unixNanoseconds
            ($0.severityText, $0.severityNumber) =
                switch record.level {
                case .trace: ("trace", .trace)
                case .debug: ("debug", .debug)
                case .info, .notice: ("info", .info)
                case .warning: ("warn", .warn)
                case .error: ("error", .error)
                case .critical: ("fatal", .fatal)
                }
            $0.body = .string(record.message)
            $0.attributes =
                record.fields.sorted { $0.key < $1.key }.map { OTLPKeyValue($0.key, "\($0.value)") }
                + [OTLPKeyValue("code.filepath", record.caller)]
        }
    }

    /// Until its task is cancelled; then once more.
    func run(_ exporter: any Exporter, _ logger: Logger) async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: configuration.delay) } catch { break }
            await send(exporter, logger)
        }
        await Task { await send(exporter, logger) }.value
    }

    private func send(_ exporter: any Exporter, _ logger: Logger) async {
        while true {
            let (records, dropped) = state.withLock { state in
                let records = Array(state.waiting.prefix(configuration.maximumBatch))
                state.waiting.removeFirst(records.count)
                defer { state.dropped = 0 }
                return (records, state.dropped)
            }
            if dropped > 0 {
                logger.warning("Own log records were not sent: too many at a time", metadata: ["dropped": "\(dropped)"])
            }
            guard !records.isEmpty else { return }
            let data = OTLPLogsData.with { data in
                data.resourceLogs = [
                    .with { own in
                        own.resource.attributes = OwnTelemetry.attributes(resource)
                        own.scopeLogs = [
                            .with {
                                $0.scope = OwnTelemetry.scope(version: version)
                                $0.logRecords = records
                            }
                        ]
                    }
                ]
            }
            do {
                try await exporter.consume(.logs(data))
            } catch {
                logger.warning(
                    "Cannot send own log records", metadata: ["error": "\(error)", "dropped": "\(records.count)"])
                return
            }
        }
    }
}
