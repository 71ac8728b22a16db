import Collector
import RegularExpressions

extension ProfilingMetricsConfiguration {
    init(_ section: ConfigurationSection) {
        flushInterval = section.duration("flush_interval", default: flushInterval)
        functionLimit = section.integer("function_limit", default: functionLimit, in: 1...10_000)
        droppedResourceAttributes = Set(section.strings("drop_resource_attributes"))
        readMetrics(section.section("metrics"))
        readAggregations(section)
        readLegacyKeys(section)
    }

    private mutating func readMetrics(_ section: ConfigurationSection) {
        for metric in MetricName.allCases where metric != .samples {
            guard section.isSet(metric.name) else { continue }
            let keys = section.section(metric.name)
            var settings = MetricSettings(isEnabled: keys.boolean("enabled", default: metric.isOnByDefault))
            if let choice = metric.selectableAttributes {
                settings.strategy = keys.enumeration(
                    "aggregation_strategy", default: metric == .cpuTime ? .sum : .avg)
                if keys.isSet("attributes") {
                    let names = keys.strings("attributes")
                    for name in names where !choice.contains(name) {
                        keys.error(
                            "attributes",
                            "unknown attribute \"\(name)\" (valid values: [\(choice.joined(separator: ", "))])")
                    }
                    settings.attributes = Set(names)
                }
                if metric == .cpuTime, settings.strategy != .sum {
                    keys.error("aggregation_strategy", "times are added up: only \"sum\" is possible here")
                }
            }
            metrics[metric] = settings
        }
    }

    private mutating func readAggregations(_ section: ConfigurationSection) {
        for item in section.sections("aggregations") {
            let match = item.requiredString("match")
            let label = item.requiredString("label")
            if match.isEmpty || label.isEmpty { continue }
            do throws(RegularExpressionError) {
                aggregations.append(Aggregation(expression: try RegularExpression(match), label: label))
            } catch {
                item.error("match", "is no regular expression (label \"\(label)\"): \(error)")
            }
        }
    }

    /// The keys of the 9.2 release, in terms of today's. What `metrics` says explicitly wins.
    private mutating func readLegacyKeys(_ section: ConfigurationSection) {
        let keys = ["by_frame", "by_frametype", "by_classification", "metrics_prefix"]
        isLegacy = keys.contains { section.isSet($0) }
        let byFrame = section.boolean("by_frame", default: false)
        let byFrameType = section.boolean("by_frametype", default: false)
        let byClassification = section.boolean("by_classification", default: false)
        prefix = section.string("metrics_prefix")
        guard isLegacy else { return }
        let today = [
            "by_frame": "metrics::samples.*.count::enabled",
            "by_frametype": "metrics::samples.frame_type::enabled",
            "by_classification": "metrics::samples.classification::enabled",
        ]
        for key in keys where section.isSet(key) {
            if let new = today[key] {
                section.warning(key, "is deprecated; use \"\(new)\" instead")
            } else {
                section.warning(key, "is deprecated; rename metrics in a processor behind the connector instead")
            }
        }
        // A prefix alone changes names only.
        guard keys.dropLast().contains(where: { section.isSet($0) }) else { return }
        for metric in MetricName.allCases where metrics[metric] == nil {
            if metric.isFrameMetric {
                metrics[metric] = MetricSettings(isEnabled: byFrame)
            } else if metric == .frameType {
                metrics[metric] = MetricSettings(isEnabled: byFrameType)
            } else if metric == .classification {
                metrics[metric] = MetricSettings(isEnabled: byClassification)
            }
        }
    }
}
