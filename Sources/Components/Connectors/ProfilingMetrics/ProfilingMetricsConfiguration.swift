import RegularExpressions

/// Settings of the connector; the keys are those of Elastic's connector of the same name.
public struct ProfilingMetricsConfiguration: Sendable {
    /// How points of one metric that differ only in attributes that were left out become one.
    enum AggregationStrategy: String, CaseIterable, Sendable {
        case sum, avg, min, max
    }

    struct MetricSettings: Sendable {
        var isEnabled: Bool
        var strategy = AggregationStrategy.avg
        /// Nil: all of the metric's.
        var attributes: Set<String>?
    }

    struct Aggregation: Sendable {
        var expression: RegularExpression
        var label: String
    }

    /// Zero or negative: every message is answered at once.
    var flushInterval: Duration = .seconds(30)
    var metrics: [MetricName: MetricSettings] = [:]
    var aggregations: [Aggregation] = []
    /// Before every metric's name.
    var prefix = ""
    /// Keys of the 9.2 release were used.
    var isLegacy = false
    /// Functions of `samples.function.time` that keep their names, for each resource and flush.
    var functionLimit = 50
    /// Attributes of resources that are left out before resources are told apart.
    var droppedResourceAttributes: Set<String> = []

    func settings(_ metric: MetricName) -> MetricSettings {
        metrics[metric] ?? MetricSettings(isEnabled: metric.isOnByDefault)
    }

    func isEnabled(_ metric: MetricName) -> Bool {
        switch metric {
        case .customAggregation: settings(metric).isEnabled && !aggregations.isEmpty
        case .samples: isLegacy
        default: settings(metric).isEnabled
        }
    }

    /// Whether a metric's points carry an attribute.
    func has(_ attribute: String, _ metric: MetricName) -> Bool {
        settings(metric).attributes?.contains(attribute) ?? true
    }
}
