/// Arithmetic: whole numbers with whole numbers, floating-point numbers with such, times and durations. Nothing wraps
/// around and nothing traps: what has no result is an error.
extension OTTLValue {
    func combined(_ operation: ArithmeticOperator, _ other: OTTLValue) throws -> OTTLValue {
        switch (self, other) {
        case (.integer(let left), .integer(let right)): return .integer(try operation.apply(left, right))
        case (.double(let left), .double(let right)):
            switch operation {
            case .plus: return .double(left + right)
            case .minus: return .double(left - right)
            case .times: return .double(left * right)
            case .divided:
                guard right != 0 else { throw EvaluationError("division by zero") }
                return .double(left / right)
            }
        case (.time(let left), .time(let right)) where operation == .minus:
            return .duration(try operation.apply(left, right))
        case (.time(let left), .duration(let right)) where operation == .plus || operation == .minus:
            return .time(try operation.apply(left, right))
        case (.duration(let left), .time(let right)) where operation == .plus:
            return .time(try operation.apply(left, right))
        case (.duration(let left), .duration(let right)) where operation == .plus || operation == .minus:
            return .duration(try operation.apply(left, right))
        default:
            throw EvaluationError(
                "\(kind) \(operation.rawValue) \(other.kind) has no result; Int and Double convert numbers")
        }
    }
}

extension ArithmeticOperator {
    fileprivate func apply(_ left: Int64, _ right: Int64) throws -> Int64 {
        let (result, overflow) =
            switch self {
            case .plus: left.addingReportingOverflow(right)
            case .minus: left.subtractingReportingOverflow(right)
            case .times: left.multipliedReportingOverflow(by: right)
            case .divided: left.dividedReportingOverflow(by: right)
            }
        if self == .divided, right == 0 { throw EvaluationError("division by zero") }
        if overflow { throw EvaluationError("\(left) \(rawValue) \(right) does not fit into 64 bits") }
        return result
    }
}
