import OTLP

/// Fields that only some kinds of points have: of others they are nothing, and setting them does nothing.
extension PathTable {
    private typealias Histogram = Opentelemetry_Proto_Metrics_V1_HistogramDataPoint
    private typealias ExponentialHistogram = Opentelemetry_Proto_Metrics_V1_ExponentialHistogramDataPoint
    private typealias Summary = Opentelemetry_Proto_Metrics_V1_SummaryDataPoint

    /// - Parameters: What is read and written of each kind; nil: the kind has no such field.
    private static func point(
        number: (@Sendable (inout OTLPNumberDataPoint, OTTLValue?) throws -> OTTLValue)? = nil,
        histogram: (@Sendable (inout Histogram, OTTLValue?) throws -> OTTLValue)? = nil,
        exponential: (@Sendable (inout ExponentialHistogram, OTTLValue?) throws -> OTTLValue)? = nil,
        summary: (@Sendable (inout Summary, OTTLValue?) throws -> OTTLValue)? = nil
    ) -> Accessor {
        /// Writes the value, if there is one, and reads.
        @Sendable func access(_ evaluation: Evaluation, _ value: OTTLValue?) throws -> OTTLValue {
            switch evaluation.point {
            case .number(var point):
                guard let number else { return .nothing }
                let result = try number(&point, value)
                if value != nil { evaluation.point = .number(point) }
                return result
            case .histogram(var point):
                guard let histogram else { return .nothing }
                let result = try histogram(&point, value)
                if value != nil { evaluation.point = .histogram(point) }
                return result
            case .exponentialHistogram(var point):
                guard let exponential else { return .nothing }
                let result = try exponential(&point, value)
                if value != nil { evaluation.point = .exponentialHistogram(point) }
                return result
            case .summary(var point):
                guard let summary else { return .nothing }
                let result = try summary(&point, value)
                if value != nil { evaluation.point = .summary(point) }
                return result
            }
        }
        return Accessor(get: { try access($0, nil) }, set: { _ = try access($0, $1) })
    }

    static let pointDouble = point(number: { point, value in
        if let value { point.value = .asDouble(try value.requireDouble()) }
        if case .asDouble(let number) = point.value { return .double(number) }
        return .nothing
    })

    static let pointInteger = point(number: { point, value in
        if let value { point.value = .asInt(try value.requireInteger(as: Int64.self)) }
        if case .asInt(let number) = point.value { return .integer(number) }
        return .nothing
    })

    static let pointCount = point(
        histogram: { try unsigned(&$0.count, $1) }, exponential: { try unsigned(&$0.count, $1) },
        summary: { try unsigned(&$0.count, $1) })

    static let pointSum = point(
        histogram: { point, value in
            if let value { point.sum = try value.requireDouble() }
            return point.hasSum ? .double(point.sum) : .nothing
        },
        exponential: { point, value in
            if let value { point.sum = try value.requireDouble() }
            return point.hasSum ? .double(point.sum) : .nothing
        },
        summary: { point, value in
            if let value { point.sum = try value.requireDouble() }
            return .double(point.sum)
        })

    static let pointMinimum = point(
        histogram: { point, value in
            if let value { point.min = try value.requireDouble() }
            return point.hasMin ? .double(point.min) : .nothing
        },
        exponential: { point, value in
            if let value { point.min = try value.requireDouble() }
            return point.hasMin ? .double(point.min) : .nothing
        })

    static let pointMaximum = point(
        histogram: { point, value in
            if let value { point.max = try value.requireDouble() }
            return point.hasMax ? .double(point.max) : .nothing
        },
        exponential: { point, value in
            if let value { point.max = try value.requireDouble() }
            return point.hasMax ? .double(point.max) : .nothing
        })

    static let pointBounds = point(histogram: { point, value in
        if let value {
            guard case .list(let items) = value else { throw EvaluationError.type(value, expected: "a list") }
            point.explicitBounds = try items.map { try OTTLValue($0).requireDouble() }
        }
        return .list(point.explicitBounds.map { .double($0) })
    })

    static let pointBuckets = point(histogram: { try counts(&$0.bucketCounts, $1) })

    static let pointScale = point(exponential: { try signed(&$0.scale, $1) })
    static let pointZeroCount = point(exponential: { try unsigned(&$0.zeroCount, $1) })
    static let positiveOffset = point(exponential: { try signed(&$0.positive.offset, $1) })
    static let negativeOffset = point(exponential: { try signed(&$0.negative.offset, $1) })
    static let positiveBuckets = point(exponential: { try counts(&$0.positive.bucketCounts, $1) })
    static let negativeBuckets = point(exponential: { try counts(&$0.negative.bucketCounts, $1) })

    @Sendable private static func unsigned(_ field: inout UInt64, _ value: OTTLValue?) throws -> OTTLValue {
        if let value { field = try value.requireInteger(as: UInt64.self) }
        return .integer(Int64(clamping: field))
    }

    @Sendable private static func signed(_ field: inout Int32, _ value: OTTLValue?) throws -> OTTLValue {
        if let value { field = try value.requireInteger(as: Int32.self) }
        return .integer(Int64(field))
    }

    @Sendable private static func counts(_ field: inout [UInt64], _ value: OTTLValue?) throws -> OTTLValue {
        if let value {
            guard case .list(let items) = value else { throw EvaluationError.type(value, expected: "a list") }
            field = try items.map { try OTTLValue($0).requireInteger(as: UInt64.self) }
        }
        return .list(field.map { .integer(Int64(clamping: $0)) })
    }
}
