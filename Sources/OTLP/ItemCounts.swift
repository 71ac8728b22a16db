/// How much a batch holds, counted as the Collector's own metrics count it.

extension Opentelemetry_Proto_Trace_V1_TracesData {
    public var spanCount: Int { resourceSpans.spanCount }
}

extension Opentelemetry_Proto_Metrics_V1_MetricsData {
    public var metricCount: Int { resourceMetrics.metricCount }
    public var metricPointCount: Int { resourceMetrics.metricPointCount }
}

extension Opentelemetry_Proto_Logs_V1_LogsData {
    public var logRecordCount: Int { resourceLogs.logRecordCount }
}

extension Opentelemetry_Proto_Profiles_V1development_ProfilesData {
    public var profileCount: Int { resourceProfiles.profileCount }
    /// Entries of the profiles' sample lists; each may stand for several events.
    public var sampleCount: Int { resourceProfiles.sampleCount }
}

extension [Opentelemetry_Proto_Trace_V1_ResourceSpans] {
    public var spanCount: Int {
        reduce(0) { $1.scopeSpans.reduce($0) { $0 + $1.spans.count } }
    }
}

extension [Opentelemetry_Proto_Metrics_V1_ResourceMetrics] {
    public var metricCount: Int {
        reduce(0) { $1.scopeMetrics.reduce($0) { $0 + $1.metrics.count } }
    }

    public var metricPointCount: Int {
        reduce(0) { $1.scopeMetrics.reduce($0) { $1.metrics.reduce($0) { $0 + $1.pointCount } } }
    }
}

extension [Opentelemetry_Proto_Logs_V1_ResourceLogs] {
    public var logRecordCount: Int {
        reduce(0) { $1.scopeLogs.reduce($0) { $0 + $1.logRecords.count } }
    }
}

extension [Opentelemetry_Proto_Profiles_V1development_ResourceProfiles] {
    public var profileCount: Int {
        reduce(0) { $1.scopeProfiles.reduce($0) { $0 + $1.profiles.count } }
    }

    public var sampleCount: Int {
        reduce(0) { $1.scopeProfiles.reduce($0) { $1.profiles.reduce($0) { $0 + $1.samples.count } } }
    }
}

extension Opentelemetry_Proto_Metrics_V1_Metric {
    public var pointCount: Int {
        switch data {
        case .gauge(let gauge): gauge.dataPoints.count
        case .sum(let sum): sum.dataPoints.count
        case .histogram(let histogram): histogram.dataPoints.count
        case .exponentialHistogram(let histogram): histogram.dataPoints.count
        case .summary(let summary): summary.dataPoints.count
        case nil: 0
        }
    }
}

extension Opentelemetry_Proto_Profiles_V1development_Sample {
    /// What the sample counts for: the sum of its values, else one for every timestamp. Saturates instead of
    /// overflowing: values come from others.
    public var weight: Int64 {
        if values.isEmpty { return Int64(clamping: timestampsUnixNano.count) }
        return values.reduce(0) { total, value in
            let (sum, overflow) = total.addingReportingOverflow(value)
            return overflow ? (value < 0 ? .min : .max) : sum
        }
    }
}
