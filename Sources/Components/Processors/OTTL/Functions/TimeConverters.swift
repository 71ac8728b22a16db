import FoundationEssentials
import Collector

/// Converters of times and durations, all in nanoseconds.
extension FunctionTable {
    static let timeConverters: [Function] = [
        .converter("Now", []) { (_) throws(PlacedError) in
            return { _ in .time(Int64(clamping: Int(Date().timeIntervalSince1970 * 1e9))) }
        },
        convert("Duration") { value in
            let text = try value.requireString()
            guard let nanoseconds = Duration(parsingUnits: text)?.wholeNanoseconds else {
                throw EvaluationError("\"\(text)\" is no duration, such as 1h30m")
            }
            return .duration(nanoseconds)
        },
        ofTime("UnixNano", 1), ofTime("UnixMicro", 1000), ofTime("UnixMilli", 1_000_000),
        ofTime("UnixSeconds", 1_000_000_000),
        ofDuration("Hours", 3_600e9), ofDuration("Minutes", 60e9), ofDuration("Seconds", 1e9),
        wholeDuration("Milliseconds", 1_000_000), wholeDuration("Microseconds", 1000),
        wholeDuration("Nanoseconds", 1),
        .converter("Unix", ["seconds", "nanoseconds?"]) { (arguments) throws(PlacedError) in
            let seconds = try arguments.expression(0)
            let nanoseconds = try arguments.isGiven(1) ? arguments.expression(1) : nil
            return { evaluation in
                let seconds = OTTLValue.duration(try seconds(evaluation).requireInteger(as: Int64.self))
                let more = try nanoseconds?(evaluation).requireInteger(as: Int64.self) ?? 0
                guard case .duration(let count) = seconds,
                    case .integer(let whole) = try OTTLValue.integer(count).combined(.times, .integer(1_000_000_000)),
                    case .integer(let sum) = try OTTLValue.integer(whole).combined(.plus, .integer(more))
                else { return .nothing }
                return .time(sum)
            }
        },
    ]

    private static func ofTime(_ name: String, _ unit: Int64) -> Function {
        convert(name) { value in
            guard case .time(let time) = value else { throw EvaluationError.type(value, expected: "a time") }
            return .integer(time / unit)
        }
    }

    private static func ofDuration(_ name: String, _ unit: Double) -> Function {
        convert(name) { value in
            guard case .duration(let length) = value else { throw EvaluationError.type(value, expected: "a duration") }
            return .double(Double(length) / unit)
        }
    }

    private static func wholeDuration(_ name: String, _ unit: Int64) -> Function {
        convert(name) { value in
            guard case .duration(let length) = value else { throw EvaluationError.type(value, expected: "a duration") }
            return .integer(length / unit)
        }
    }
}

extension Duration {
    /// Nil if it does not fit into 64 bits.
    fileprivate var wholeNanoseconds: Int64? {
        let (seconds, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return nil }
        let (sum, overflows) = seconds.addingReportingOverflow(components.attoseconds / 1_000_000_000)
        return overflows ? nil : sum
    }
}
