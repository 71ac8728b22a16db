import Collector
import OTLP
import ProcessorSupport

/// The processor's keys.
public struct AttributesConfiguration: Sendable {
    /// Done in order; at least one.
    var actions: [AttributeAction]
    /// Only what these properties match is changed.
    var include: MatchProperties?
    /// What these properties match is left alone, even if it is included.
    var exclude: MatchProperties?
    private var path: String

    init(_ section: ConfigurationSection) {
        path = section.path
        actions = AttributeAction.list(section, "actions")
        include = section.optionalSection("include").map { MatchProperties($0) }
        exclude = section.optionalSection("exclude").map { MatchProperties($0) }
    }

    /// What makes no sense for a signal: which one is known only from the pipelines.
    func mistake(for signal: Signal) -> String? {
        let mistakes = [("include", include), ("exclude", exclude)].compactMap { key, properties in
            properties?.mistake(for: signal).map { "\(path)::\(key): \($0)" }
        }
        return mistakes.isEmpty ? nil : mistakes.joined(separator: "\n")
    }

    func means(_ span: Opentelemetry_Proto_Trace_V1_Span, in surroundings: Surroundings) -> Bool {
        isSelected { $0.matches(span, in: surroundings) }
    }

    func means(_ record: Opentelemetry_Proto_Logs_V1_LogRecord, in surroundings: Surroundings) -> Bool {
        isSelected { $0.matches(record, in: surroundings) }
    }

    func means(_ metric: OTLPMetric, in surroundings: Surroundings) -> Bool {
        isSelected { $0.matches(metric, in: surroundings) }
    }

    private func isSelected(_ matches: (MatchProperties) -> Bool) -> Bool {
        if let include, !matches(include) { return false }
        if let exclude, matches(exclude) { return false }
        return true
    }
}
