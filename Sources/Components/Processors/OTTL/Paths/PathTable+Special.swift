import FoundationEssentials
import OTLP

/// Fields that are more than a value of the message.
extension PathTable {
    // MARK: - Profiles

    /// Attributes that lie in the batch's dictionary.
    static func dictionaryAttributes(_ field: any Accessor.Field<[Int32]>) -> Accessor {
        Accessor(
            get: { .map($0.dictionary.attributes($0[keyPath: field])) },
            update: { evaluation, body in
                let before = evaluation[keyPath: field]
                var value = OTTLValue.map(evaluation.dictionary.attributes(before))
                try body(&value)
                guard case .map(let items) = value else { throw EvaluationError.type(value, expected: "a map") }
                evaluation[keyPath: field] = try evaluation.dictionary.indices(of: items, before: before)
            }, hasElements: true)
    }

    /// A string that lies in the batch's dictionary.
    static func dictionaryString(_ field: any Accessor.Field<Int32>) -> Accessor {
        Accessor(
            get: { .string($0.dictionary.string($0[keyPath: field])) },
            set: { $0[keyPath: field] = try $0.dictionary.index(of: $1.requireString()) })
    }

    // MARK: - Spans

    static let spanKind = Accessor(
        get: { .integer(Int64($0.span.kind.rawValue)) },
        set: { evaluation, value in
            evaluation.span.kind = Span.SpanKind(rawValue: try value.requireInteger(as: Int.self)) ?? .unspecified
        })

    static let spanKindText = Accessor(
        get: { evaluation in
            switch evaluation.span.kind {
            case .internal: .string("Internal")
            case .server: .string("Server")
            case .client: .string("Client")
            case .producer: .string("Producer")
            case .consumer: .string("Consumer")
            case .unspecified, .UNRECOGNIZED: .string("Unspecified")
            }
        })

    static let statusCode = Accessor(
        get: { .integer(Int64($0.span.status.code.rawValue)) },
        set: { evaluation, value in
            let code = try value.requireInteger(as: Int.self)
            evaluation.span.status.code = .init(rawValue: code) ?? .unset
        })

    /// The header's text (https://www.w3.org/TR/trace-context/#tracestate-header), and its members by their keys.
    static let traceState = Accessor(
        get: { .string($0.span.traceState) }, set: { $0.span.traceState = try $1.requireString() })

    static func traceStateMember(_ key: String) -> Accessor {
        Accessor(
            get: { evaluation in
                members(evaluation.span.traceState).first { $0.key == key }.map { .string($0.value) } ?? .nothing
            },
            set: { evaluation, value in
                let text = try value.requireString()
                // A changed member goes to the front, as the specification asks.
                let others = members(evaluation.span.traceState).filter { $0.key != key }
                evaluation.span.traceState = ([(key, text)] + others).map { "\($0)=\($1)" }.joined(separator: ",")
            })
    }

    private static func members(_ text: String) -> [(key: String, value: String)] {
        text.split(separator: ",").compactMap { member in
            let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            return (String(parts[0].drop { $0 == " " || $0 == "\t" }), String(parts[1]))
        }
    }

    // MARK: - Logs

    static let severityNumber = Accessor(
        get: { .integer(Int64($0.log.severityNumber.rawValue)) },
        set: { evaluation, value in
            let number = try value.requireInteger(as: Int.self)
            evaluation.log.severityNumber = .init(rawValue: number) ?? .unspecified
        })

    static let logBodyText = Accessor(
        get: { .string($0.log.body.text) }, set: { $0.log.body = .string(try $1.requireString()) })

    // MARK: - Metrics

    static let metricType = Accessor(
        get: { evaluation in
            switch evaluation.metric.data {
            case nil: .integer(0)
            case .gauge: .integer(1)
            case .sum: .integer(2)
            case .histogram: .integer(3)
            case .exponentialHistogram: .integer(4)
            case .summary: .integer(5)
            }
        })

    static let aggregationTemporality = Accessor(
        get: { evaluation in
            switch evaluation.metric.data {
            case .sum(let sum): .integer(Int64(sum.aggregationTemporality.rawValue))
            case .histogram(let histogram): .integer(Int64(histogram.aggregationTemporality.rawValue))
            case .exponentialHistogram(let histogram): .integer(Int64(histogram.aggregationTemporality.rawValue))
            case .gauge, .summary, nil: .nothing
            }
        },
        set: { evaluation, value in
            let number = try value.requireInteger(as: Int.self)
            guard (0...2).contains(number) else { throw EvaluationError("\(number) is no aggregation temporality") }
            switch evaluation.metric.data {
            case .sum: evaluation.metric.sum.aggregationTemporality = .init(rawValue: number) ?? .unspecified
            case .histogram:
                evaluation.metric.histogram.aggregationTemporality = .init(rawValue: number) ?? .unspecified
            case .exponentialHistogram:
                evaluation.metric.exponentialHistogram.aggregationTemporality =
                    .init(rawValue: number) ?? .unspecified
            case .gauge, .summary, nil: break
            }
        })

    static let isMonotonic = Accessor(
        get: { evaluation in
            if case .sum(let sum) = evaluation.metric.data { .boolean(sum.isMonotonic) } else { .nothing }
        },
        set: { evaluation, value in
            let flag = try value.requireBoolean()
            if case .sum = evaluation.metric.data { evaluation.metric.sum.isMonotonic = flag }
        })
}
