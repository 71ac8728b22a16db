import OTLP

/// Makes OTLP metrics of a window.
struct MetricsBuilder {
    /// Elasticsearch routes by this name to the data stream that the profiling dashboards read
    /// (`profilingmetricsconnector.otel`), so it is that of Elastic's connector.
    static let scopeName =
        "github.com/elastic/opentelemetry-collector-components/connector/profilingmetricsconnector"

    let configuration: ProfilingMetricsConfiguration
    let scopeVersion: String

    /// - Returns: Nil if there is no data point.
    func build(_ window: MetricsWindow) -> OTLPMetricsData? {
        let resources = window.states.compactMap { resource($0, window.names) }
        return resources.isEmpty ? nil : .with { $0.resourceMetrics = resources }
    }

    private func resource(
        _ state: MetricsWindow.ResourceState, _ names: NameTable
    ) -> OTLPResourceMetrics? {
        var points: [MetricName: [OTLPNumberDataPoint]] = [:]
        func add(_ key: StreamKey, _ value: OTLPNumberDataPoint.OneOf_Value) {
            points[key.metric, default: []].append(point(key, value, state, names))
        }
        for (key, value) in state.counts where key.metric != .stacks || configuration.isEnabled(.stacks) {
            add(key, .asInt(value))
        }
        for (key, value) in limitFunctions(state.seconds, names) { add(key, .asDouble(value)) }
        if let other = otherFunctions(state.seconds) {
            var point = point(StreamKey(metric: .functionTime), .asDouble(other), state, names)
            point.attributes = [OTLPKeyValue("function", "(other)")]
            points[.functionTime, default: []].append(point)
        }
        if configuration.isEnabled(.completeShare), let share = completeShare(state.counts) {
            add(StreamKey(metric: .completeShare), .asDouble(share))
        }
        guard !points.isEmpty else { return nil }
        let metrics = points.map { metric, points in self.metric(metric, points) }.sorted { $0.name < $1.name }
        return .with {
            $0.resource = state.resource
            $0.scopeMetrics = [
                .with {
                    $0.scope.name = Self.scopeName
                    $0.scope.version = scopeVersion
                    $0.metrics = metrics
                }
            ]
        }
    }

    private func metric(_ name: MetricName, _ points: [OTLPNumberDataPoint]) -> OTLPMetric {
        // In the order of their attributes, so that equal windows give equal messages.
        let sorted = points.map { (key: "\($0.attributes.map { "\($0.key)=\($0.value)" })", point: $0) }
            .sorted { $0.key < $1.key }.map(\.point)
        return .with {
            $0.name = configuration.prefix + name.name
            $0.description_p = name.description
            $0.unit = name.unit
            if name.isGauge {
                $0.gauge.dataPoints = sorted
            } else {
                $0.sum.dataPoints = sorted
                $0.sum.isMonotonic = true
                $0.sum.aggregationTemporality = .delta
            }
        }
    }

    private func point(
        _ key: StreamKey, _ value: OTLPNumberDataPoint.OneOf_Value, _ state: MetricsWindow.ResourceState,
        _ names: NameTable
    ) -> OTLPNumberDataPoint {
        .with {
            $0.attributes = PointAttributes.attributes(of: key, names: names, configuration: configuration)
            $0.startTimeUnixNano = state.start
            $0.timeUnixNano = state.end
            $0.value = value
        }
    }

    // MARK: - Bounded functions

    private func functions(_ seconds: [StreamKey: Double]) -> [(key: StreamKey, value: Double)] {
        seconds.filter { $0.key.metric == .functionTime }
            .sorted { ($1.value, $0.key.names[0]) < ($0.value, $1.key.names[0]) }
    }

    /// Without the functions beyond the limit.
    private func limitFunctions(_ seconds: [StreamKey: Double], _ names: NameTable) -> [StreamKey: Double] {
        var kept = seconds
        for (key, _) in functions(seconds).dropFirst(configuration.functionLimit) { kept[key] = nil }
        return kept
    }

    /// What the functions beyond the limit have together; nil if there are none.
    private func otherFunctions(_ seconds: [StreamKey: Double]) -> Double? {
        let rest = functions(seconds).dropFirst(configuration.functionLimit)
        return rest.isEmpty ? nil : rest.reduce(0) { $0 + $1.value }
    }

    private func completeShare(_ counts: [StreamKey: Int64]) -> Double? {
        var complete = 0.0, all = 0.0
        for (key, value) in counts where key.metric == .stacks {
            all += Double(value)
            if key.names[0] != 0 { complete += Double(value) }
        }
        return all > 0 ? complete / all : nil
    }
}
