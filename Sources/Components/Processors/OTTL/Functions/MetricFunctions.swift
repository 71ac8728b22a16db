import OTLP
import ProcessorSupport

/// Functions of metrics.
extension FunctionTable {
    static let metricFunctions: [Function] = [
        .editor("convert_sum_to_gauge", [], context: .metric) { (_) throws(PlacedError) in
            return { evaluation in
                guard case .sum(let sum) = evaluation.metric.data else { return }
                evaluation.metric.data = .gauge(.with { $0.dataPoints = sum.dataPoints })
            }
        },
        .editor("convert_gauge_to_sum", ["aggregation_temporality", "is_monotonic"], context: .metric) {
            (arguments) throws(PlacedError) in
            let isDelta = try arguments.choice(0, ["delta", "cumulative"]) == "delta"
            let isMonotonic = try arguments.literalBoolean(1)
            return { evaluation in
                guard case .gauge(let gauge) = evaluation.metric.data else { return }
                evaluation.metric.data = .sum(
                    .with {
                        $0.dataPoints = gauge.dataPoints
                        $0.aggregationTemporality = isDelta ? .delta : .cumulative
                        $0.isMonotonic = isMonotonic
                    })
            }
        },
        .editor("scale_metric", ["factor", "unit?"], context: .metric) { (arguments) throws(PlacedError) in
            let factor = try arguments.expression(0)
            let unit = try arguments.isGiven(1) ? arguments.expression(1) : nil
            return { evaluation in
                let factor = try factor(evaluation).requireDouble()
                try evaluation.metric.scale(by: factor)
                if let unit = try unit?(evaluation).requireString() { evaluation.metric.unit = unit }
            }
        },
        .converter("HasAttrKeyOnDatapoint", ["key"], context: .metric) { (arguments) throws(PlacedError) in
            let key = try arguments.literalString(0)
            return { evaluation in .boolean(evaluation.metric.hasPoint { $0[key] != nil }) }
        },
        .converter("HasAttrOnDatapoint", ["key", "value"], context: .metric) { (arguments) throws(PlacedError) in
            let key = try arguments.literalString(0)
            let value = try arguments.expression(1)
            return { evaluation in
                let value = try value(evaluation)
                return .boolean(
                    evaluation.metric.hasPoint { attributes in
                        attributes[key].map { OTTLValue($0).compare(.equal, value) } ?? false
                    })
            }
        },
    ]
}

extension OTLPMetric {
    fileprivate func hasPoint(_ test: ([OTLPKeyValue]) -> Bool) -> Bool {
        switch data {
        case .gauge(let gauge): gauge.dataPoints.contains { test($0.attributes) }
        case .sum(let sum): sum.dataPoints.contains { test($0.attributes) }
        case .histogram(let histogram): histogram.dataPoints.contains { test($0.attributes) }
        case .exponentialHistogram(let histogram): histogram.dataPoints.contains { test($0.attributes) }
        case .summary(let summary): summary.dataPoints.contains { test($0.attributes) }
        case nil: false
        }
    }

    /// Multiplies values, bounds and sums.
    fileprivate mutating func scale(by factor: Double) throws {
        switch data {
        case .gauge(var gauge):
            try gauge.dataPoints.scale(by: factor)
            data = .gauge(gauge)
        case .sum(var sum):
            try sum.dataPoints.scale(by: factor)
            data = .sum(sum)
        case .histogram(var histogram):
            for index in histogram.dataPoints.indices {
                histogram.dataPoints[index].explicitBounds = histogram.dataPoints[index].explicitBounds.map {
                    $0 * factor
                }
                if histogram.dataPoints[index].hasSum { histogram.dataPoints[index].sum *= factor }
                if histogram.dataPoints[index].hasMin { histogram.dataPoints[index].min *= factor }
                if histogram.dataPoints[index].hasMax { histogram.dataPoints[index].max *= factor }
            }
            data = .histogram(histogram)
        case .summary(var summary):
            for index in summary.dataPoints.indices {
                summary.dataPoints[index].sum *= factor
                for place in summary.dataPoints[index].quantileValues.indices {
                    summary.dataPoints[index].quantileValues[place].value *= factor
                }
            }
            data = .summary(summary)
        case .exponentialHistogram: throw EvaluationError("exponential histograms cannot be scaled")
        case nil: break
        }
    }
}

extension [OTLPNumberDataPoint] {
    fileprivate mutating func scale(by factor: Double) throws {
        for index in indices {
            switch self[index].value {
            case .asDouble(let value): self[index].value = .asDouble(value * factor)
            case .asInt(let value):
                guard let scaled = Int64(exactly: (Double(value) * factor).rounded(.towardZero)) else {
                    throw EvaluationError("\(value) times \(factor) does not fit into 64 bits")
                }
                self[index].value = .asInt(scaled)
            case nil: break
            }
        }
    }
}
