import SwiftProtobuf

/// A message that carries telemetry: a batch, or the request that transports one.
public protocol OTLPPayload: Message {
    /// Converts between the forms of the message in memory and in JSON; used by `OTLPJSON`.
    mutating func apply(_ pass: inout OTLPJSONPass)
}

// MARK: - Traces

extension Opentelemetry_Proto_Trace_V1_TracesData: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceSpans.indices { resourceSpans[index].apply(&pass) }
    }
}

extension Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceSpans.indices { resourceSpans[index].apply(&pass) }
    }
}

extension Opentelemetry_Proto_Trace_V1_ResourceSpans {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        if pass.isEncoding { pass.resource(&resource) }
        for index in scopeSpans.indices {
            if pass.isEncoding { pass.scope(&scopeSpans[index].scope) }
            for span in scopeSpans[index].spans.indices { scopeSpans[index].spans[span].apply(&pass) }
        }
    }
}

extension Opentelemetry_Proto_Trace_V1_Span {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        pass.traceID(&traceID)
        pass.spanID(&spanID)
        pass.spanID(&parentSpanID, field: "parentSpanId")
        pass.attributes(&attributes)
        for index in events.indices { pass.attributes(&events[index].attributes) }
        for index in links.indices {
            pass.traceID(&links[index].traceID)
            pass.spanID(&links[index].spanID)
            pass.attributes(&links[index].attributes)
        }
    }
}

// MARK: - Metrics

extension Opentelemetry_Proto_Metrics_V1_MetricsData: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceMetrics.indices { resourceMetrics[index].apply(&pass) }
    }
}

extension Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceRequest: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceMetrics.indices { resourceMetrics[index].apply(&pass) }
    }
}

extension Opentelemetry_Proto_Metrics_V1_ResourceMetrics {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        if pass.isEncoding { pass.resource(&resource) }
        for index in scopeMetrics.indices {
            if pass.isEncoding { pass.scope(&scopeMetrics[index].scope) }
            for metric in scopeMetrics[index].metrics.indices { scopeMetrics[index].metrics[metric].apply(&pass) }
        }
    }
}

extension Opentelemetry_Proto_Metrics_V1_Metric {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        pass.attributes(&metadata)
        switch data {
        case .gauge(var gauge):
            for index in gauge.dataPoints.indices { gauge.dataPoints[index].apply(&pass) }
            data = .gauge(gauge)
        case .sum(var sum):
            for index in sum.dataPoints.indices { sum.dataPoints[index].apply(&pass) }
            data = .sum(sum)
        case .histogram(var histogram):
            for index in histogram.dataPoints.indices {
                pass.attributes(&histogram.dataPoints[index].attributes)
                histogram.dataPoints[index].exemplars.apply(&pass)
            }
            data = .histogram(histogram)
        case .exponentialHistogram(var histogram):
            for index in histogram.dataPoints.indices {
                pass.attributes(&histogram.dataPoints[index].attributes)
                histogram.dataPoints[index].exemplars.apply(&pass)
            }
            data = .exponentialHistogram(histogram)
        case .summary(var summary):
            for index in summary.dataPoints.indices { pass.attributes(&summary.dataPoints[index].attributes) }
            data = .summary(summary)
        case nil: break
        }
    }
}

extension Opentelemetry_Proto_Metrics_V1_NumberDataPoint {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        pass.attributes(&attributes)
        exemplars.apply(&pass)
    }
}

extension [Opentelemetry_Proto_Metrics_V1_Exemplar] {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in indices {
            pass.traceID(&self[index].traceID)
            pass.spanID(&self[index].spanID)
            pass.attributes(&self[index].filteredAttributes)
        }
    }
}

// MARK: - Logs

extension Opentelemetry_Proto_Logs_V1_LogsData: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceLogs.indices { resourceLogs[index].apply(&pass) }
    }
}

extension Opentelemetry_Proto_Collector_Logs_V1_ExportLogsServiceRequest: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceLogs.indices { resourceLogs[index].apply(&pass) }
    }
}

extension Opentelemetry_Proto_Logs_V1_ResourceLogs {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        if pass.isEncoding { pass.resource(&resource) }
        for index in scopeLogs.indices {
            if pass.isEncoding { pass.scope(&scopeLogs[index].scope) }
            for record in scopeLogs[index].logRecords.indices {
                scopeLogs[index].logRecords[record].apply(&pass)
            }
        }
    }
}

extension Opentelemetry_Proto_Logs_V1_LogRecord {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        pass.traceID(&traceID)
        pass.spanID(&spanID)
        pass.attributes(&attributes)
    }
}

// MARK: - Profiles

extension Opentelemetry_Proto_Profiles_V1development_ProfilesData: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceProfiles.indices { resourceProfiles[index].apply(&pass) }
        if hasDictionary || pass.isEncoding { dictionary.apply(&pass) }
    }
}

extension Opentelemetry_Proto_Collector_Profiles_V1development_ExportProfilesServiceRequest: OTLPPayload {
    public mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in resourceProfiles.indices { resourceProfiles[index].apply(&pass) }
        if hasDictionary || pass.isEncoding { dictionary.apply(&pass) }
    }
}

extension Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        for index in linkTable.indices {
            pass.traceID(&linkTable[index].traceID)
            pass.spanID(&linkTable[index].spanID)
        }
        if pass.isEncoding {
            for index in attributeTable.indices where !attributeTable[index].hasValue {
                attributeTable[index].value = OTLPAnyValue()
            }
        }
    }
}

extension Opentelemetry_Proto_Profiles_V1development_ResourceProfiles {
    mutating func apply(_ pass: inout OTLPJSONPass) {
        if pass.isEncoding { pass.resource(&resource) }
        for index in scopeProfiles.indices {
            if pass.isEncoding { pass.scope(&scopeProfiles[index].scope) }
            for profile in scopeProfiles[index].profiles.indices {
                pass.profileID(&scopeProfiles[index].profiles[profile].profileID)
                if pass.isEncoding { scopeProfiles[index].profiles[profile].makeTypesPresent() }
            }
        }
    }
}

extension Opentelemetry_Proto_Profiles_V1development_Profile {
    /// Writing a message makes it present.
    mutating func makeTypesPresent() {
        if !hasSampleType { sampleType = OTLPValueType() }
        if !hasPeriodType { periodType = OTLPValueType() }
    }
}
