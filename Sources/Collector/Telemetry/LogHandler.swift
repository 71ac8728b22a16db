import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where log records go and in which form. It can be exchanged while loggers are in use, so that a component that lives
/// on over a reload logs as the new configuration says.
final class LogTarget: Sendable {
    struct Destination: Sendable {
        var level: Logger.Level
        var encoder: LogRecordEncoder
        var sink: LogSink
        var sampler: LogSampler?
        /// Added to every record.
        var fields: Logger.Metadata
        /// Send records elsewhere too.
        var pushes: [LogPush] = []

        /// - Throws: `CollectorError` for a file that cannot be opened.
        init(_ configuration: TelemetryConfiguration.Logs, resource: [String: String]) throws(CollectorError) {
            level = configuration.level.threshold
            encoder = LogRecordEncoder(
                encoding: configuration.encoding, writesCaller: !configuration.disablesCaller,
                resource: configuration.disablesResource ? [:] : resource)
            sink = try LogSink(paths: configuration.outputPaths)
            sampler = configuration.sampling.map { LogSampler($0) }
            fields = configuration.initialFields.mapValues { "\($0)" }
        }
    }

    private let state = Mutex<(destination: Destination?, early: [LogRecordEncoder.Record])>((nil, []))
    /// What is logged before there is a destination waits for it; more than this is dropped.
    private static let maximumEarlyRecords = 1000

    /// Before there is a destination, everything is kept that one might want.
    var level: Logger.Level { state.withLock { $0.destination?.level ?? .trace } }

    func set(_ destination: Destination) {
        let early = state.withLock { state in
            state.destination = destination
            defer { state.early = [] }
            return state.early
        }
        for record in early where record.level >= destination.level { Self.write(record, to: destination) }
    }

    /// - Parameter isForwarded: False for what is said about sending records.
    func write(_ record: LogRecordEncoder.Record, isForwarded: Bool = true) {
        let destination = state.withLock { state -> Destination? in
            if state.destination == nil, state.early.count < Self.maximumEarlyRecords { state.early.append(record) }
            return state.destination
        }
        if let destination { Self.write(record, to: destination, isForwarded: isForwarded) }
    }

    private static func write(
        _ record: LogRecordEncoder.Record, to destination: Destination, isForwarded: Bool = true
    ) {
        if let sampler = destination.sampler, !sampler.admits(level: record.level, message: record.message) { return }
        var record = record
        record.fields.merge(destination.fields) { own, _ in own }
        destination.sink.write(destination.encoder.encode(record))
        if isForwarded { for push in destination.pushes { push.add(record) } }
    }
}

/// Writes log records as lines, in the two encodings of the OpenTelemetry Collector.
///
/// - `console`: time, level, place in the source, message and fields as JSON, separated by tabs.
/// - `json`: one object a line with `level`, `ts`, `caller`, `msg`, then the fields and the resource.
struct CollectorLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let target: LogTarget
    private let isForwarded: Bool
    private var ownLevel: Logger.Level?

    /// - Parameter isForwarded: False for a logger of what sends log records.
    init(_ target: LogTarget, isForwarded: Bool = true) {
        self.target = target
        self.isForwarded = isForwarded
    }

    /// The target's, unless it was set for this logger alone.
    var logLevel: Logger.Level {
        get { ownLevel ?? target.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let given = event.metadata { fields.merge(given) { _, new in new } }
        target.write(
            LogRecordEncoder.Record(
                time: .now(), level: event.level, caller: "\(event.file):\(event.line)", message: "\(event.message)",
                fields: fields), isForwarded: isForwarded)
    }
}

extension TelemetryConfiguration.Logs.Level {
    /// Records below are not written.
    var threshold: Logger.Level {
        switch self {
        case .debug: .trace
        case .info: .info
        case .warn: .warning
        case .error: .error
        case .dpanic, .panic, .fatal: .critical
        }
    }
}

/// Lets the first of many equal records through.
final class LogSampler: Sendable {
    /// Different messages remembered at a time; more start over.
    static let maximumMessages = 4096

    private struct Key: Hashable {
        var level: Logger.Level
        var message: String
    }

    private struct Window {
        var end: ContinuousClock.Instant
        var count: Int
    }

    private let configuration: TelemetryConfiguration.Logs.Sampling
    private let windows = Mutex<[Key: Window]>([:])

    init(_ configuration: TelemetryConfiguration.Logs.Sampling) {
        self.configuration = configuration
    }

    func admits(
        level: Logger.Level, message: String, now: ContinuousClock.Instant = .now
    ) -> Bool {
        windows.withLock { windows in
            let key = Key(level: level, message: message)
            if windows.count >= Self.maximumMessages, windows[key] == nil { windows.removeAll(keepingCapacity: true) }
            var window = windows[key] ?? Window(end: now + configuration.tick, count: 0)
            if now >= window.end { window = Window(end: now + configuration.tick, count: 0) }
            window.count += 1
            windows[key] = window
            let excess = window.count - configuration.initial
            if excess <= 0 { return true }
            return configuration.thereafter > 0 && excess % configuration.thereafter == 0
        }
    }
}

/// Where log lines go.
final class LogSink: Sendable {
    private let descriptors: [Int32]
    private let owned: [Int32]
    private let lock = Mutex(())

    /// - Parameter paths: `stdout`, `stderr`, paths of files or `file:///…`; files are appended to.
    /// - Throws: `CollectorError` for a file that cannot be opened.
    init(paths: [String]) throws(CollectorError) {
        var descriptors: [Int32] = []
        var owned: [Int32] = []
        for path in paths {
            switch path {
            case "stdout": descriptors.append(STDOUT_FILENO)
            case "stderr": descriptors.append(STDERR_FILENO)
            default:
                let file = path.hasPrefix("file://") ? String(path.dropFirst("file://".count)) : path
                let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
                guard descriptor >= 0 else {
                    let cause = String(cString: strerror(errno))
                    for descriptor in owned { close(descriptor) }
                    throw CollectorError("service::telemetry::logs::output_paths: cannot open \"\(path)\": \(cause)")
                }
                descriptors.append(descriptor)
                owned.append(descriptor)
            }
        }
        self.descriptors = descriptors
        self.owned = owned
    }

    deinit {
        for descriptor in owned { close(descriptor) }
    }

    func write(_ line: String) {
        var line = line
        lock.withLock { _ in
            line.withUTF8 { bytes in
                for descriptor in descriptors {
                    var offset = 0
                    while offset < bytes.count, let base = bytes.baseAddress {
                        #if canImport(Glibc)
                            let count = Glibc.write(descriptor, base + offset, bytes.count - offset)
                        #else
                            let count = Musl.write(descriptor, base + offset, bytes.count - offset)
                        #endif
                        if count < 0 && errno == EINTR { continue }
                        // Nobody is left to be told that the log cannot be written.
                        if count <= 0 { break }
                        offset += count
                    }
                }
            }
        }
    }
}
