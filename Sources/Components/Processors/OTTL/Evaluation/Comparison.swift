import OTLP

/// The rules of comparison
/// (https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/pkg/ottl/LANGUAGE.md#comparison-rules):
/// numbers of both kinds as floating-point numbers, text byte by byte; what cannot be compared is unequal, and neither
/// less nor greater.
extension OTTLValue {
    func compare(_ operation: ComparisonOperator, _ other: OTTLValue) -> Bool {
        switch (self, other) {
        case (.nothing, .nothing): operation == .equal
        case (.boolean(let left), .boolean(let right)): operation.holds(left ? 1 : 0, right ? 1 : 0)
        case (.integer(let left), .integer(let right)): operation.holds(left, right)
        case (.double(let left), .double(let right)): operation.holds(left, right)
        case (.integer(let left), .double(let right)): operation.holds(Double(left), right)
        case (.double(let left), .integer(let right)): operation.holds(left, Double(right))
        case (.string(let left), .string(let right)): operation.holds(left.utf8, right.utf8)
        case (.bytes(let left), .bytes(let right)): operation.holds(left, right)
        case (.time(let left), .time(let right)): operation.holds(left, right)
        case (.duration(let left), .duration(let right)): operation.holds(left, right)
        case (.list(let left), .list(let right)):
            operation.holdsForEquality { left.count == right.count && zip(left, right).allSatisfy(Self.areEqual) }
        case (.map(let left), .map(let right)): operation.holdsForEquality { Self.areEqual(left, right) }
        default: operation == .unequal
        }
    }

    private static func areEqual(_ left: OTLPAnyValue, _ right: OTLPAnyValue) -> Bool {
        OTTLValue(left).compare(.equal, OTTLValue(right))
    }

    private static func areEqual(_ left: [OTLPKeyValue], _ right: [OTLPKeyValue]) -> Bool {
        guard left.count == right.count else { return false }
        let values = Dictionary(right.map { ($0.key, $0.value) }) { first, _ in first }
        return left.allSatisfy { item in values[item.key].map { areEqual(item.value, $0) } ?? false }
    }
}

extension ComparisonOperator {
    fileprivate func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .equal: left == right
        case .unequal: left != right
        case .less: left < right
        case .greater: left > right
        case .lessOrEqual: left <= right
        case .greaterOrEqual: left >= right
        }
    }

    /// Byte by byte.
    fileprivate func holds<Bytes: Sequence<UInt8>>(_ left: Bytes, _ right: Bytes) -> Bool {
        switch self {
        case .equal: left.elementsEqual(right)
        case .unequal: !left.elementsEqual(right)
        case .less: left.lexicographicallyPrecedes(right)
        case .greater: right.lexicographicallyPrecedes(left)
        case .lessOrEqual: !right.lexicographicallyPrecedes(left)
        case .greaterOrEqual: !left.lexicographicallyPrecedes(right)
        }
    }

    fileprivate func holdsForEquality(_ areEqual: () -> Bool) -> Bool {
        switch self {
        case .equal: areEqual()
        case .unequal: !areEqual()
        case .less, .greater, .lessOrEqual, .greaterOrEqual: false
        }
    }
}
