/// Leaves out the attributes that the configuration does not want; points that become equal are combined.
enum PointReduction {
    static func reduce(
        _ points: [StreamKey: Int64], _ configuration: ProfilingMetricsConfiguration
    ) -> [StreamKey: Int64] {
        guard points.keys.contains(where: { configuration.settings($0.metric).attributes != nil }) else {
            return points
        }
        var groups: [StreamKey: [Int64]] = [:]
        for (key, value) in points { groups[reduced(key, configuration), default: []].append(value) }
        var result: [StreamKey: Int64] = [:]
        for (key, values) in groups {
            result[key] = combine(values, configuration.settings(key.metric).strategy)
        }
        return result
    }

    private static func reduced(_ key: StreamKey, _ configuration: ProfilingMetricsConfiguration) -> StreamKey {
        var key = key
        func keep(_ place: Int, _ attribute: String) {
            if !configuration.has(attribute, key.metric) { key.names[place] = 0 }
        }
        switch key.metric {
        case .frameType, .customAggregation: keep(0, "frame_type")
        case .classification:
            keep(0, "classification")
            keep(1, "frame_type")
        default: return key
        }
        keep(2, "profile.type_unit")
        return key
    }

    /// - Parameter values: At least one.
    private static func combine(
        _ values: [Int64], _ strategy: ProfilingMetricsConfiguration.AggregationStrategy
    ) -> Int64 {
        var sum: Int64 = 0
        for value in values { sum.addClamping(value) }
        return switch strategy {
        case .sum: sum
        case .avg: sum / Int64(max(1, values.count))
        case .min: values.min() ?? 0
        case .max: values.max() ?? 0
        }
    }
}
