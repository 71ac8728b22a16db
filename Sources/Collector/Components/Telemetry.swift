import OTLP

/// One batch of telemetry, as OTLP's own messages: values with copy on write, so that handing a batch to several
/// consumers costs nothing until one of them changes its copy.
public enum Telemetry: Sendable {
    case traces(Opentelemetry_Proto_Trace_V1_TracesData)
    case metrics(Opentelemetry_Proto_Metrics_V1_MetricsData)
    case logs(Opentelemetry_Proto_Logs_V1_LogsData)
    case profiles(Opentelemetry_Proto_Profiles_V1development_ProfilesData)

    /// A batch without anything in it.
    public init(emptyOf signal: Signal) {
        self =
            switch signal {
            case .traces: .traces(.init())
            case .metrics: .metrics(.init())
            case .logs: .logs(.init())
            case .profiles: .profiles(.init())
            }
    }

    public var signal: Signal {
        switch self {
        case .traces: .traces
        case .metrics: .metrics
        case .logs: .logs
        case .profiles: .profiles
        }
    }
}

extension Telemetry {
    /// How many items the batch holds: spans, metric points, log records or profile samples.
    public var itemCount: Int {
        switch self {
        case .traces(let data): data.spanCount
        case .metrics(let data): data.metricPointCount
        case .logs(let data): data.logRecordCount
        case .profiles(let data): data.sampleCount
        }
    }
}
