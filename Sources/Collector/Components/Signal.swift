/// A kind of telemetry that pipelines carry.
public enum Signal: String, Sendable, Hashable, CaseIterable, Comparable {
    case traces
    case metrics
    case logs
    case profiles

    /// What one item of the signal is called in the names of our own metrics, for example
    /// `otelcol_exporter_sent_profile_samples`.
    public var itemNoun: String {
        switch self {
        case .traces: "spans"
        case .metrics: "metric_points"
        case .logs: "log_records"
        case .profiles: "profile_samples"
        }
    }

    public static func < (left: Signal, right: Signal) -> Bool { left.rawValue < right.rawValue }
}

/// The two signals that one instance of a connector joins: it is an exporter of the first pipeline and a receiver of
/// the second.
public struct SignalPair: Sendable, Hashable {
    public var from: Signal
    public var to: Signal

    public init(from: Signal, to: Signal) {
        self.from = from
        self.to = to
    }
}

/// How mature a component is for a signal; the words are the OpenTelemetry Collector's.
public enum Stability: String, Sendable, Hashable {
    case undefined = "Undefined"
    case unmaintained = "Unmaintained"
    case deprecated = "Deprecated"
    case development = "Development"
    case alpha = "Alpha"
    case beta = "Beta"
    case stable = "Stable"

    /// True for components whose use deserves a line in the log.
    public var isBelowAlpha: Bool {
        switch self {
        case .undefined, .unmaintained, .deprecated, .development: true
        case .alpha, .beta, .stable: false
        }
    }
}
