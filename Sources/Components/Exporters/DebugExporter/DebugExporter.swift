import Collector
import ExporterSupport
import Glibc
import Logging
import OTLP
import Synchronization

/// The configuration of `debug`.
public struct DebugConfiguration: Sendable, Equatable {
    public enum Verbosity: String, Sendable, CaseIterable {
        case basic
        case normal
        case detailed
    }

    public var verbosity = Verbosity.basic
    /// How many records a second are written before sampling begins.
    public var samplingInitial = 2
    /// After that, every so manieth; 1 for all.
    public var samplingThereafter = 1
    /// False: text goes to `outputPaths` instead of the log.
    public var usesInternalLogger = true
    /// Files, `stdout` or `stderr`.
    public var outputPaths = ["stdout"]

    public init() {}
}

/// `debug`: writes what it gets to the log, for people to read.
public struct DebugExporterFactory: ExporterFactory {
    public let type = "debug"
    public let stability: [Signal: Stability] = [
        .traces: .alpha, .metrics: .alpha, .logs: .alpha, .profiles: .alpha,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> DebugConfiguration {
        var configuration = DebugConfiguration()
        configuration.verbosity = section.enumeration("verbosity", default: .basic, ignoringCase: true)
        configuration.samplingInitial = section.integer("sampling_initial", default: 2, in: 0...Int.max)
        configuration.samplingThereafter = section.integer("sampling_thereafter", default: 1, in: 0...Int.max)
        configuration.usesInternalLogger = section.boolean("use_internal_logger", default: true)
        let paths = section.strings("output_paths")
        if !paths.isEmpty {
            configuration.outputPaths = paths
            if configuration.usesInternalLogger {
                section.error("output_paths", "needs use_internal_logger: false")
            }
        }
        if let queue = section.optionalSection("sending_queue") {
            queue.acceptAnyKeys()
            queue.warning(nil, "has no effect: writing does not wait for anybody")
        }
        return configuration
    }

    public func makeExporter(
        signal: Signal, configuration: DebugConfiguration, context: ComponentContext
    ) async throws -> any Exporter {
        DebugExporter(configuration: configuration, context: context)
    }
}

final class DebugExporter: Exporter {
    private let configuration: DebugConfiguration
    private let logger: Logger
    private let sampler: Mutex<Sampler>
    private let output: DebugOutput?

    init(configuration: DebugConfiguration, context: ComponentContext) {
        self.configuration = configuration
        logger = context.logger
        sampler = Mutex(
            Sampler(initial: configuration.samplingInitial, thereafter: configuration.samplingThereafter))
        output = configuration.usesInternalLogger ? nil : DebugOutput(paths: configuration.outputPaths)
    }

    func start(host: any Host) async throws { try await output?.open() }

    func shutdown() async throws { try await output?.close() }

    func consume(_ telemetry: Telemetry) async throws {
        let second = ContinuousClock.now
        guard sampler.withLock({ $0.admits(at: second) }) else { return }
        let summary = Self.summary(of: telemetry)
        let text: String? =
            switch configuration.verbosity {
            case .basic: nil
            case .normal: NormalFormat.text(of: telemetry)
            case .detailed: DetailedFormat.text(of: telemetry)
            }
        if let output {
            let counts = summary.counts.map { "\($0.name): \($0.count)" }.joined(separator: ", ")
            try await output.write("\(summary.title) \(counts)\n" + (text.map { $0 + "\n" } ?? ""))
            return
        }
        let metadata = Dictionary(
            summary.counts.map { ($0.name, Logger.MetadataValue.string("\($0.count)")) }, uniquingKeysWith: { $1 })
        logger.info("\(summary.title)", metadata: metadata)
        if let text, !text.isEmpty { logger.info("\(text)") }
    }

    /// The one line that every batch gets.
    static func summary(of telemetry: Telemetry) -> (title: String, counts: [(name: String, count: Int)]) {
        switch telemetry {
        case .traces(let data):
            ("Traces", [("resource spans", data.resourceSpans.count), ("spans", data.spanCount)])
        case .metrics(let data):
            (
                "Metrics",
                [
                    ("resource metrics", data.resourceMetrics.count), ("metrics", data.metricCount),
                    ("data points", data.metricPointCount),
                ]
            )
        case .logs(let data):
            ("Logs", [("resource logs", data.resourceLogs.count), ("log records", data.logRecordCount)])
        case .profiles(let data):
            (
                "Profiles",
                [("resource profiles", data.resourceProfiles.count), ("sample records", data.sampleCount)]
            )
        }
    }
}

/// Lets through the first records of every second, and then only some.
struct Sampler {
    let initial: Int
    let thereafter: Int
    private var windowStart: ContinuousClock.Instant?
    private var seen = 0

    init(initial: Int, thereafter: Int) {
        self.initial = initial
        self.thereafter = thereafter
    }

    mutating func admits(at now: ContinuousClock.Instant) -> Bool {
        if let windowStart, now - windowStart < .seconds(1) {
            seen += 1
        } else {
            windowStart = now
            seen = 1
        }
        if seen <= initial { return true }
        return thereafter > 0 && (seen - initial) % thereafter == 0
    }
}

/// Text for files and the standard streams; written on a thread of its own, as a pipe may be full.
final class DebugOutput: Sendable {
    private let paths: [String]
    private let work = BlockingWork(label: "debug exporter")
    private let descriptors = Mutex<[Int32]>([])

    init(paths: [String]) {
        self.paths = paths
    }

    func open() async throws {
        try await work.run { [self] in
            for path in paths {
                let descriptor: Int32
                switch path {
                case "stdout": descriptor = dup(1)
                case "stderr": descriptor = dup(2)
                default: descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
                }
                guard descriptor >= 0 else {
                    throw CollectorError("cannot open \(path): \(String(cString: strerror(errno)))")
                }
                descriptors.withLock { $0.append(descriptor) }
            }
        }
    }

    func write(_ text: String) async throws {
        try await work.run { [self] in
            let bytes = Array(text.utf8)
            for descriptor in descriptors.withLock({ $0 }) {
                var position = 0
                while position < bytes.count {
                    let written = bytes[position...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                    if written < 0 {
                        if errno == EINTR { continue }
                        throw CollectorError("cannot write: \(String(cString: strerror(errno)))")
                    }
                    position += written
                }
            }
        }
    }

    func close() async throws {
        try await work.run { [self] in
            for descriptor in descriptors.withLock({ list in
                defer { list = [] }
                return list
            }) { Glibc.close(descriptor) }
        }
    }
}
