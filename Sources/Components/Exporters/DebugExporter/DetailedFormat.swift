import Collector
import OTLP

/// Everything that a batch holds.
struct DetailedFormat {
    private var lines: [String] = []

    static func text(of telemetry: Telemetry) -> String {
        var format = DetailedFormat()
        switch telemetry {
        case .traces(let data): format.add(data)
        case .metrics(let data): format.add(data)
        case .logs(let data): format.add(data)
        case .profiles(let data): format.add(data)
        }
        return format.lines.joined(separator: "\n")
    }

    mutating func line(_ text: String) { lines.append(text) }

    mutating func add(_ title: String, _ attributes: [OTLPKeyValue]) {
        guard !attributes.isEmpty else { return }
        line("\(title):")
        for attribute in attributes { line("     -> \(attribute.key): \(attribute.value.typedText)") }
    }

    mutating func add(_ title: String, _ index: Int, _ schema: String, _ resource: OTLPResource) {
        line("\(title) #\(index)")
        line("Resource SchemaURL: \(schema)")
        add("Resource attributes", resource.attributes)
    }

    mutating func add(_ title: String, _ index: Int, _ schema: String, _ scope: OTLPScope) {
        line("\(title) #\(index)")
        line("\(title) SchemaURL: \(schema)")
        line("InstrumentationScope \(scope.name) \(scope.version)")
        add("InstrumentationScope attributes", scope.attributes)
    }

    // MARK: - Traces, logs

    private mutating func add(_ data: OTLPTracesData) {
        for (index, resource) in data.resourceSpans.enumerated() {
            add("ResourceSpans", index, resource.schemaURL, resource.resource)
            for (index, scope) in resource.scopeSpans.enumerated() {
                add("ScopeSpans", index, scope.schemaURL, scope.scope)
                for (index, span) in scope.spans.enumerated() {
                    line("Span #\(index)")
                    line("    Trace ID       : \(span.traceID.hexadecimalText)")
                    line("    Parent ID      : \(span.parentSpanID.hexadecimalText)")
                    line("    ID             : \(span.spanID.hexadecimalText)")
                    line("    Name           : \(span.name)")
                    line("    Kind           : \(span.kind.rawValue)")
                    line("    Start time     : \(timeText(span.startTimeUnixNano))")
                    line("    End time       : \(timeText(span.endTimeUnixNano))")
                    line("    Status code    : \(span.status.code.rawValue)")
                    line("    Status message : \(span.status.message)")
                    add("Attributes", span.attributes)
                    for (index, event) in span.events.enumerated() {
                        line("SpanEvent #\(index)")
                        line("     -> Name: \(event.name)")
                        line("     -> Timestamp: \(timeText(event.timeUnixNano))")
                        add("     -> Attributes", event.attributes)
                    }
                    for (index, link) in span.links.enumerated() {
                        line("SpanLink #\(index)")
                        line("     -> Trace ID: \(link.traceID.hexadecimalText)")
                        line("     -> ID: \(link.spanID.hexadecimalText)")
                        add("     -> Attributes", link.attributes)
                    }
                }
            }
        }
    }

    private mutating func add(_ data: OTLPLogsData) {
        for (index, resource) in data.resourceLogs.enumerated() {
            add("ResourceLog", index, resource.schemaURL, resource.resource)
            for (index, scope) in resource.scopeLogs.enumerated() {
                add("ScopeLogs", index, scope.schemaURL, scope.scope)
                for (index, record) in scope.logRecords.enumerated() {
                    line("LogRecord #\(index)")
                    line("ObservedTimestamp: \(timeText(record.observedTimeUnixNano))")
                    line("Timestamp: \(timeText(record.timeUnixNano))")
                    line("SeverityText: \(record.severityText)")
                    line("SeverityNumber: \(record.severityNumber.rawValue)")
                    if !record.eventName.isEmpty { line("EventName: \(record.eventName)") }
                    line("Body: \(record.body.typedText)")
                    add("Attributes", record.attributes)
                    line("Trace ID: \(record.traceID.hexadecimalText)")
                    line("Span ID: \(record.spanID.hexadecimalText)")
                    line("Flags: \(record.flags)")
                }
            }
        }
    }

    // MARK: - Metrics

    private mutating func add(_ data: OTLPMetricsData) {
        for (index, resource) in data.resourceMetrics.enumerated() {
            add("ResourceMetrics", index, resource.schemaURL, resource.resource)
            for (index, scope) in resource.scopeMetrics.enumerated() {
                add("ScopeMetrics", index, scope.schemaURL, scope.scope)
                for (index, metric) in scope.metrics.enumerated() {
                    line("Metric #\(index)")
                    line("Descriptor:")
                    line("     -> Name: \(metric.name)")
                    line("     -> Description: \(metric.description_p)")
                    line("     -> Unit: \(metric.unit)")
                    addPoints(of: metric)
                }
            }
        }
    }

    private mutating func addPoint(
        _ title: String, _ index: Int, _ attributes: [OTLPKeyValue], _ start: UInt64, _ time: UInt64, _ rest: [String]
    ) {
        line("\(title) #\(index)")
        add("Data point attributes", attributes)
        line("StartTimestamp: \(timeText(start))")
        line("Timestamp: \(timeText(time))")
        lines += rest
    }

    private mutating func addPoints(of metric: Opentelemetry_Proto_Metrics_V1_Metric) {
        switch metric.data {
        case .gauge(let gauge):
            line("     -> DataType: Gauge")
            for (index, point) in gauge.dataPoints.enumerated() { add(point, index) }
        case .sum(let sum):
            line("     -> DataType: Sum")
            line("     -> IsMonotonic: \(sum.isMonotonic)")
            line("     -> AggregationTemporality: \(sum.aggregationTemporality.rawValue)")
            for (index, point) in sum.dataPoints.enumerated() { add(point, index) }
        case .histogram(let histogram):
            line("     -> DataType: Histogram")
            line("     -> AggregationTemporality: \(histogram.aggregationTemporality.rawValue)")
            for (index, point) in histogram.dataPoints.enumerated() {
                var rest = ["Count: \(point.count)"]
                if point.hasSum { rest.append("Sum: \(point.sum)") }
                if point.hasMin { rest.append("Min: \(point.min)") }
                if point.hasMax { rest.append("Max: \(point.max)") }
                rest += point.explicitBounds.enumerated().map { "ExplicitBounds #\($0): \($1)" }
                rest += point.bucketCounts.enumerated().map { "Buckets #\($0), Count: \($1)" }
                addPoint(
                    "HistogramDataPoints", index, point.attributes, point.startTimeUnixNano, point.timeUnixNano, rest)
            }
        case .exponentialHistogram(let histogram):
            line("     -> DataType: ExponentialHistogram")
            line("     -> AggregationTemporality: \(histogram.aggregationTemporality.rawValue)")
            for (index, point) in histogram.dataPoints.enumerated() {
                var rest = ["Count: \(point.count)"]
                if point.hasSum { rest.append("Sum: \(point.sum)") }
                if point.hasMin { rest.append("Min: \(point.min)") }
                if point.hasMax { rest.append("Max: \(point.max)") }
                rest += [
                    "Scale: \(point.scale)", "ZeroCount: \(point.zeroCount)",
                    "Positive: offset \(point.positive.offset), counts \(point.positive.bucketCounts)",
                    "Negative: offset \(point.negative.offset), counts \(point.negative.bucketCounts)",
                ]
                addPoint(
                    "ExponentialHistogramDataPoints", index, point.attributes, point.startTimeUnixNano,
                    point.timeUnixNano, rest)
            }
        case .summary(let summary):
            line("     -> DataType: Summary")
            for (index, point) in summary.dataPoints.enumerated() {
                addPoint(
                    "SummaryDataPoints", index, point.attributes, point.startTimeUnixNano, point.timeUnixNano,
                    ["Count: \(point.count)", "Sum: \(point.sum)"]
                        + point.quantileValues.enumerated().map {
                            "QuantileValue #\($0): Quantile \($1.quantile), Value \($1.value)"
                        })
            }
        case nil: line("     -> DataType: Empty")
        }
    }

    private mutating func add(_ point: Opentelemetry_Proto_Metrics_V1_NumberDataPoint, _ index: Int) {
        addPoint(
            "NumberDataPoints", index, point.attributes, point.startTimeUnixNano, point.timeUnixNano,
            ["Value: \(point.valueText)"])
    }
}
