import Glibc
import OTLP

/// The value of a metric in a document, and the template that gives its field a type.
enum MetricValue {
    case integer(Int64)
    case double(Double)
    /// Representative values of buckets and their counts; buckets without counts are left out.
    case histogram(values: [Double], counts: [UInt64])
    case summary(sum: Double, count: UInt64)

    func write(to json: inout JSONWriter) {
        switch self {
        case .integer(let value): json.integer(value)
        case .double(let value): json.double(value)
        case .histogram(let values, let counts):
            json.beginObject()
            json.key("counts")
            json.beginArray()
            for count in counts { json.integer(count) }
            json.endArray()
            json.key("values")
            json.beginArray()
            for value in values { json.double(value) }
            json.endArray()
            json.endObject()
        case .summary(let sum, let count):
            json.beginObject()
            json.key("sum")
            json.double(sum)
            json.member("value_count", count)
            json.endObject()
        }
    }
}

/// Why a point cannot be stored.
enum MetricPointError: String, Error, CustomStringConvertible {
    case noValue = "a point has no value"
    case notFinite = "a value is not a finite number"
    case cumulativeHistogram = "histograms of cumulative temporality are not supported; use delta temporality"
    case bucketCounts = "the counts of a histogram's buckets do not match its bounds"
    case duplicate = "a metric occurs twice with the same time and attributes"
    case unknownType = "the type of a metric is not known"

    var description: String { rawValue }
}

extension MetricValue {
    static func number(_ point: OTLPNumberDataPoint) throws(MetricPointError) -> MetricValue {
        switch point.value {
        case .asInt(let value): return .integer(value)
        case .asDouble(let value):
            guard value.isFinite else { throw .notFinite }
            return .double(value)
        case nil: throw .noValue
        }
    }

    /// - Parameter isRaw: Buckets stand for their upper bounds, and what lies above the last bound counts as there.
    static func histogram(
        bounds: [Double], counts: [UInt64], sum: Double, count: UInt64, isRaw: Bool
    ) throws(MetricPointError) -> MetricValue {
        guard bounds.allSatisfy(\.isFinite), sum.isFinite else { throw .notFinite }
        if bounds.isEmpty {
            guard counts.count <= 1 else { throw .bucketCounts }
            guard count > 0 else { return .histogram(values: [], counts: []) }
            return .histogram(values: [sum / Double(count)], counts: [count])
        }
        guard counts.count == bounds.count + 1 || counts.isEmpty else { throw .bucketCounts }
        var values: [Double] = []
        var kept: [UInt64] = []
        for (index, count) in counts.enumerated() where count > 0 {
            if isRaw {
                if index < bounds.count {
                    values.append(bounds[index])
                    kept.append(count)
                } else if let last = kept.last {
                    kept[kept.count - 1] = last.addingReportingOverflow(count).overflow ? .max : last + count
                } else {
                    values.append(bounds[bounds.count - 1])
                    kept.append(count)
                }
                continue
            }
            kept.append(count)
            if index == 0 {
                values.append(bounds[0] > 0 ? bounds[0] / 2 : bounds[0])
            } else if index == bounds.count {
                values.append(bounds[index - 1])
            } else {
                values.append(bounds[index - 1] + (bounds[index] - bounds[index - 1]) / 2)
            }
        }
        return .histogram(values: values, counts: kept)
    }

    /// Negative buckets from the largest magnitude on, zero, positive buckets: values ascend.
    static func exponentialHistogram(
        _ point: Opentelemetry_Proto_Metrics_V1_ExponentialHistogramDataPoint
    ) throws(MetricPointError) -> MetricValue {
        var values: [Double] = []
        var counts: [UInt64] = []
        // The base is 2^(2^-scale), and a bucket of index i begins at base^i.
        let exponent = exp2(-Double(point.scale))
        func middle(_ index: Int64) -> Double {
            let lower = exp2(exponent * Double(index))
            let upper = exp2(exponent * Double(index + 1))
            return lower + (upper - lower) / 2
        }
        func index(_ offset: Int32, _ position: Int) -> Int64 { Int64(offset) + Int64(position) }
        for (position, count) in point.negative.bucketCounts.enumerated().reversed() where count > 0 {
            values.append(-middle(index(point.negative.offset, position)))
            counts.append(count)
        }
        if point.zeroCount > 0 {
            values.append(0)
            counts.append(point.zeroCount)
        }
        for (position, count) in point.positive.bucketCounts.enumerated() where count > 0 {
            values.append(middle(index(point.positive.offset, position)))
            counts.append(count)
        }
        guard values.allSatisfy(\.isFinite) else { throw .notFinite }
        return .histogram(values: values, counts: counts)
    }
}
