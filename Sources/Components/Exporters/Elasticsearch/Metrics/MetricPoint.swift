import OTLP

/// A data point of any type, as grouping and documents need it.
struct MetricPoint {
    var name: String
    var unit: String
    var timeUnixNano: UInt64
    var startTimeUnixNano: UInt64
    var attributes: [OTLPKeyValue]
    var value: Result<MetricValue, MetricPointError>
    /// The name of the dynamic template of the field.
    var template: String
    /// What the point stands for, if its hints ask for it to be written.
    var documentCount: UInt64?
}

/// What a point's attribute `elasticsearch.mapping.hints` asks for.
struct MappingHints {
    private let hints: Set<String>

    init(_ attributes: [OTLPKeyValue]) {
        guard let list = attributes.first(where: { $0.key == "elasticsearch.mapping.hints" }) else {
            hints = []
            return
        }
        hints = Set(list.value.arrayValue.values.map(\.stringValue))
    }

    var aggregates: Bool { hints.contains("aggregate_metric_double") }
    var countsDocuments: Bool { hints.contains("_doc_count") }
    var isRawHistogram: Bool { hints.contains("histogram:raw") }
    var skipsPoint: Bool { hints.contains("_noindex") }
}

extension MetricPoint {
    /// Every point of a metric, also those that cannot be stored.
    static func points(of metric: OTLPMetric) -> [MetricPoint] {
        switch metric.data {
        case .gauge(let gauge): gauge.dataPoints.compactMap { number($0, metric, isCounter: false) }
        case .sum(let sum):
            sum.dataPoints.compactMap {
                number($0, metric, isCounter: sum.isMonotonic && sum.aggregationTemporality == .cumulative)
            }
        case .histogram(let histogram):
            histogram.dataPoints.compactMap { Self.histogram($0, metric, histogram.aggregationTemporality) }
        case .exponentialHistogram(let histogram):
            histogram.dataPoints.compactMap { exponential($0, metric, histogram.aggregationTemporality) }
        case .summary(let summary): summary.dataPoints.compactMap { Self.summary($0, metric) }
        case nil: []
        }
    }

    private static func number(_ point: OTLPNumberDataPoint, _ metric: OTLPMetric, isCounter: Bool) -> MetricPoint? {
        let hints = MappingHints(point.attributes)
        if hints.skipsPoint { return nil }
        var isInteger = false
        if case .asInt = point.value { isInteger = true }
        return MetricPoint(
            name: metric.name, unit: metric.unit, timeUnixNano: point.timeUnixNano,
            startTimeUnixNano: point.startTimeUnixNano, attributes: point.attributes,
            value: Result { () throws(MetricPointError) in try MetricValue.number(point) },
            template: (isCounter ? "counter_" : "gauge_") + (isInteger ? "long" : "double"),
            documentCount: hints.countsDocuments ? 1 : nil)
    }

    private static func histogram(
        _ point: Opentelemetry_Proto_Metrics_V1_HistogramDataPoint, _ metric: OTLPMetric,
        _ temporality: Opentelemetry_Proto_Metrics_V1_AggregationTemporality
    ) -> MetricPoint? {
        let hints = MappingHints(point.attributes)
        if hints.skipsPoint { return nil }
        return MetricPoint(
            name: metric.name, unit: metric.unit, timeUnixNano: point.timeUnixNano,
            startTimeUnixNano: point.startTimeUnixNano, attributes: point.attributes,
            value: Result { () throws(MetricPointError) in
                if temporality == .cumulative { throw .cumulativeHistogram }
                if hints.aggregates { return try Self.aggregate(sum: point.sum, count: point.count) }
                return try MetricValue.histogram(
                    bounds: point.explicitBounds, counts: point.bucketCounts, sum: point.sum, count: point.count,
                    isRaw: hints.isRawHistogram)
            },
            template: hints.aggregates ? "summary" : "histogram",
            documentCount: hints.countsDocuments ? point.count : nil)
    }

    private static func exponential(
        _ point: Opentelemetry_Proto_Metrics_V1_ExponentialHistogramDataPoint, _ metric: OTLPMetric,
        _ temporality: Opentelemetry_Proto_Metrics_V1_AggregationTemporality
    ) -> MetricPoint? {
        let hints = MappingHints(point.attributes)
        if hints.skipsPoint { return nil }
        return MetricPoint(
            name: metric.name, unit: metric.unit, timeUnixNano: point.timeUnixNano,
            startTimeUnixNano: point.startTimeUnixNano, attributes: point.attributes,
            value: Result { () throws(MetricPointError) in
                if temporality == .cumulative { throw .cumulativeHistogram }
                if hints.aggregates { return try Self.aggregate(sum: point.sum, count: point.count) }
                return try MetricValue.exponentialHistogram(point)
            },
            template: hints.aggregates ? "summary" : "histogram",
            documentCount: hints.countsDocuments ? point.count : nil)
    }

    private static func summary(
        _ point: Opentelemetry_Proto_Metrics_V1_SummaryDataPoint, _ metric: OTLPMetric
    ) -> MetricPoint? {
        let hints = MappingHints(point.attributes)
        if hints.skipsPoint { return nil }
        return MetricPoint(
            name: metric.name, unit: metric.unit, timeUnixNano: point.timeUnixNano,
            startTimeUnixNano: point.startTimeUnixNano, attributes: point.attributes,
            value: Result { () throws(MetricPointError) in try Self.aggregate(sum: point.sum, count: point.count) },
            template: "summary", documentCount: hints.countsDocuments ? point.count : nil)
    }

    private static func aggregate(sum: Double, count: UInt64) throws(MetricPointError) -> MetricValue {
        guard sum.isFinite else { throw .notFinite }
        return .summary(sum: sum, count: count)
    }
}
