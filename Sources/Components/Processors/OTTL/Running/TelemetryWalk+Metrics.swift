import OTLP

extension Step {
    func visit(_ resource: inout OTLPResourceMetrics) throws -> Bool {
        let had = resource.hasResource
        swap(&evaluation.resource, &resource.resource)
        swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
        defer {
            swap(&evaluation.resource, &resource.resource)
            swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
            if !had, resource.resource == OTLPResource() { resource.clearResource() }
        }
        return try visit(.resource, isEmpty: { resource.scopeMetrics.isEmpty }) {
            try resource.scopeMetrics.keep { scope in
                let had = scope.hasScope
                swap(&evaluation.scope, &scope.scope)
                swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                defer {
                    swap(&evaluation.scope, &scope.scope)
                    swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                    if !had, scope.scope == OTLPScope() { scope.clearScope() }
                }
                return try visit(.scope, isEmpty: { scope.metrics.isEmpty }) { try scope.metrics.keep(visit) }
            }
        }
    }

    private func visit(_ metric: inout OTLPMetric) throws -> Bool {
        swap(&evaluation.metric, &metric)
        defer { swap(&evaluation.metric, &metric) }
        return try visit(.metric, isEmpty: { evaluation.metric.pointCount == 0 }) { try visitPoints() }
    }

    /// The points are taken out of the metric; what statements change of the metric itself stays.
    private func visitPoints() throws {
        switch evaluation.metric.data {
        case .gauge(var gauge):
            var points = gauge.dataPoints
            gauge.dataPoints = []
            evaluation.metric.data = .gauge(gauge)
            try points.keep { try visitNumber(&$0) }
            evaluation.metric.gauge.dataPoints = points
        case .sum(var sum):
            var points = sum.dataPoints
            sum.dataPoints = []
            evaluation.metric.data = .sum(sum)
            try points.keep { try visitNumber(&$0) }
            evaluation.metric.sum.dataPoints = points
        case .histogram(var histogram):
            var points = histogram.dataPoints
            histogram.dataPoints = []
            evaluation.metric.data = .histogram(histogram)
            try points.keep { point in
                evaluation.point = .histogram(point)
                point = .init()
                defer { if case .histogram(let changed) = evaluation.point { point = changed } }
                return try item()
            }
            evaluation.metric.histogram.dataPoints = points
        case .exponentialHistogram(var histogram):
            var points = histogram.dataPoints
            histogram.dataPoints = []
            evaluation.metric.data = .exponentialHistogram(histogram)
            try points.keep { point in
                evaluation.point = .exponentialHistogram(point)
                point = .init()
                defer { if case .exponentialHistogram(let changed) = evaluation.point { point = changed } }
                return try item()
            }
            evaluation.metric.exponentialHistogram.dataPoints = points
        case .summary(var summary):
            var points = summary.dataPoints
            summary.dataPoints = []
            evaluation.metric.data = .summary(summary)
            try points.keep { point in
                evaluation.point = .summary(point)
                point = .init()
                defer { if case .summary(let changed) = evaluation.point { point = changed } }
                return try item()
            }
            evaluation.metric.summary.dataPoints = points
        case nil: break
        }
    }

    private func visitNumber(_ point: inout OTLPNumberDataPoint) throws -> Bool {
        evaluation.point = .number(point)
        point = OTLPNumberDataPoint()
        defer { if case .number(let changed) = evaluation.point { point = changed } }
        return try item()
    }
}
