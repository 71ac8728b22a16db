/// One batch of telemetry, as OTLP's own messages: values with copy on write, so that handing a batch to several
/// consumers costs nothing until one of them changes its copy.
public enum Telemetry: Sendable {
    case traces
    case metrics
    case logs
    case profiles

    public var signal: Signal {
        switch self {
        case .traces: .traces
        case .metrics: .metrics
        case .logs: .logs
        case .profiles: .profiles
        }
    }
}
