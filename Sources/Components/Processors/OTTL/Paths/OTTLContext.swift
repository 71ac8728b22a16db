import Collector

/// What statements run for, one of them at a time; each is part of the one before it.
public enum OTTLContext: String, Sendable, CaseIterable {
    case resource
    case scope
    case span
    case spanevent
    case metric
    case datapoint
    case log
    case profile
    case profilesample

    /// Also under the names that other documents use.
    init?(name: String) {
        switch name {
        case "instrumentation_scope": self = .scope
        case "sample": self = .profilesample
        default: self.init(rawValue: name)
        }
    }

    /// From the outermost to the innermost.
    public static func contexts(of signal: Signal) -> [OTTLContext] {
        switch signal {
        case .traces: [.resource, .scope, .span, .spanevent]
        case .metrics: [.resource, .scope, .metric, .datapoint]
        case .logs: [.resource, .scope, .log]
        case .profiles: [.resource, .scope, .profile, .profilesample]
        }
    }
}
