import Collector
import Logging
import OTLP
import Synchronization

@testable import ProfilingMetricsConnector

/// A frame to build messages of.
struct TestFrame {
    var type: String?
    /// Innermost first.
    var functions: [String] = []
    var file: String?

    static func kernel(_ name: String = "") -> TestFrame {
        TestFrame(type: "kernel", functions: name.isEmpty ? [] : [name])
    }

    static func native(_ file: String? = nil) -> TestFrame { TestFrame(type: "native", file: file) }
    static func of(_ type: String, _ functions: String...) -> TestFrame {
        TestFrame(type: type, functions: functions)
    }
}

/// A sample: its stack, leaf first, and how many timestamps it has; with none it has one value of 1.
struct TestSample {
    var stack: [TestFrame]
    var timestamps = 0
    var values: [Int64] = [1]
    var thread: String?

    init(_ stack: [TestFrame], _ timestamps: Int = 0, values: [Int64]? = nil, thread: String? = nil) {
        self.stack = stack
        self.timestamps = timestamps
        self.values = values ?? (timestamps == 0 ? [1] : [])
        self.thread = thread
    }
}

struct TestProfile {
    var type = "samples"
    var unit = "count"
    var period: Int64 = 0
    var time: UInt64 = 1_000
    var duration: UInt64 = 0
    var samples: [TestSample]
}

/// Writes OTLP messages by hand, without any helper of the program, so that both cannot be wrong in the same way.
struct MessageBuilder {
    private(set) var message: OTLPProfilesData = .with {
        $0.dictionary = .with {
            $0.stringTable = [""]
            $0.functionTable = [.init()]
            $0.mappingTable = [.init()]
            $0.attributeTable = [.init()]
            $0.locationTable = [.init()]
            $0.stackTable = [.init()]
            $0.linkTable = [.init()]
        }
    }

    mutating func string(_ text: String) -> Int32 {
        if let known = message.dictionary.stringTable.firstIndex(of: text) { return Int32(known) }
        message.dictionary.stringTable.append(text)
        return Int32(message.dictionary.stringTable.count - 1)
    }

    mutating func attribute(_ key: String, _ value: String) -> Int32 {
        let keyIndex = string(key)
        message.dictionary.attributeTable.append(
            .with {
                $0.keyStrindex = keyIndex
                $0.value.stringValue = value
            })
        return Int32(message.dictionary.attributeTable.count - 1)
    }

    mutating func location(_ frame: TestFrame) -> Int32 {
        var location = OTLPLocation()
        if let type = frame.type { location.attributeIndices = [attribute("profile.frame.type", type)] }
        for name in frame.functions {
            let nameIndex = string(name)
            message.dictionary.functionTable.append(.with { $0.nameStrindex = nameIndex })
            let function = Int32(message.dictionary.functionTable.count - 1)
            location.lines.append(.with { $0.functionIndex = function })
        }
        if let file = frame.file {
            let fileIndex = string(file)
            message.dictionary.mappingTable.append(.with { $0.filenameStrindex = fileIndex })
            location.mappingIndex = Int32(message.dictionary.mappingTable.count - 1)
        }
        message.dictionary.locationTable.append(location)
        return Int32(message.dictionary.locationTable.count - 1)
    }

    mutating func stack(_ frames: [TestFrame]) -> Int32 {
        if frames.isEmpty { return 0 }
        let locations = frames.map { location($0) }
        message.dictionary.stackTable.append(.with { $0.locationIndices = locations })
        return Int32(message.dictionary.stackTable.count - 1)
    }

    mutating func add(_ profiles: [TestProfile], resource: [(String, String)] = []) {
        var resourceProfiles = OTLPResourceProfiles()
        resourceProfiles.resource.attributes = resource.map { OTLPKeyValue($0.0, $0.1) }
        var scope = OTLPScopeProfiles()
        for profile in profiles {
            var made = OTLPProfile()
            made.sampleType.typeStrindex = string(profile.type)
            made.sampleType.unitStrindex = string(profile.unit)
            made.timeUnixNano = profile.time
            made.durationNano = profile.duration
            if profile.period != 0 {
                made.periodType.typeStrindex = string("cpu")
                made.periodType.unitStrindex = string("nanoseconds")
                made.period = profile.period
            }
            for sample in profile.samples {
                var entry = OTLPSample()
                entry.stackIndex = stack(sample.stack)
                entry.timestampsUnixNano = (0..<sample.timestamps).map { profile.time + UInt64($0) }
                entry.values = sample.values
                if let thread = sample.thread { entry.attributeIndices = [attribute("thread.name", thread)] }
                made.samples.append(entry)
            }
            scope.profiles.append(made)
        }
        resourceProfiles.scopeProfiles = [scope]
        message.resourceProfiles.append(resourceProfiles)
    }
}

func message(_ samples: [TestSample], type: String = "samples", time: UInt64 = 1_000) -> OTLPProfilesData {
    var builder = MessageBuilder()
    builder.add([TestProfile(type: type, time: time, samples: samples)])
    return builder.message
}

/// Keeps what it is given, and refuses as told.
final class MetricsSink: Consumer {
    struct Refusal: Error {}

    private struct State {
        var batches: [OTLPMetricsData] = []
        var refusals: [any Error] = []
    }

    private let state = Mutex(State())
    private let arrived = AsyncStream<Void>.makeStream()

    var batches: [OTLPMetricsData] { state.withLock { $0.batches } }

    /// The next batches meet these errors, one each.
    func refuse(with errors: [any Error]) { state.withLock { $0.refusals = errors } }

    func consume(_ telemetry: Telemetry) async throws {
        let refusal = state.withLock { state -> (any Error)? in
            if !state.refusals.isEmpty { return state.refusals.removeFirst() }
            if case .metrics(let data) = telemetry { state.batches.append(data) }
            return nil
        }
        arrived.continuation.yield()
        if let refusal { throw refusal }
    }

    /// Waits until that many calls have been made.
    func wait(calls: Int) async {
        var iterator = arrived.stream.makeAsyncIterator()
        for _ in 0..<calls { await iterator.next() }
    }
}

struct TestHost: Host {
    func report(_ status: ComponentStatus) {}
    func runningExtension(_ id: ComponentID) -> (any Extension)? { nil }
    var extensions: [ComponentID: any Extension] { [:] }
}

func makeContext(metrics: MetricsRegistry = MetricsRegistry()) throws -> ComponentContext {
    ComponentContext(
        kind: .connector, id: try ComponentID(parsing: "profilingmetrics"), logger: Logger(label: "test"),
        build: BuildInformation(command: "otelcol", description: "", version: "1.2.3"), metrics: metrics)
}

/// Metrics as lines `name{key=value,…} number`, sorted; the form of the tables in these tests.
func lines(_ data: OTLPMetricsData?) -> [String] {
    var lines: [String] = []
    for resource in data?.resourceMetrics ?? [] {
        for metric in resource.scopeMetrics.flatMap(\.metrics) {
            for point in metric.gauge.dataPoints + metric.sum.dataPoints {
                let attributes = point.attributes.map { attribute in
                    switch attribute.value.value {
                    case .boolValue(let value): "\(attribute.key)=\(value)"
                    case .intValue(let value): "\(attribute.key)=\(value)"
                    default: "\(attribute.key)=\(attribute.value.stringValue)"
                    }
                }.sorted().joined(separator: ",")
                var value = "\(point.asInt)"
                if case .asDouble(let number)? = point.value { value = "\((number * 1e6).rounded() / 1e6)" }
                lines.append("\(metric.name)\(attributes.isEmpty ? "" : "{\(attributes)}") \(value)")
            }
        }
    }
    return lines.sorted()
}

/// What a message becomes at once.
func metrics(
    _ data: OTLPProfilesData, _ configuration: ProfilingMetricsConfiguration = .init()
) -> OTLPMetricsData? {
    var window = MetricsWindow()
    var counter = MessageCounter(data, configuration)
    counter.count(into: &window, now: 5)
    return MetricsBuilder(configuration: configuration, scopeVersion: "1.2.3").build(window)
}

extension ProfilingMetricsConfiguration {
    static func with(_ change: (inout ProfilingMetricsConfiguration) -> Void) -> Self {
        var configuration = Self()
        change(&configuration)
        return configuration
    }

    mutating func enable(_ metrics: MetricName...) {
        for metric in metrics { self.metrics[metric, default: MetricSettings(isEnabled: true)].isEnabled = true }
    }
}
