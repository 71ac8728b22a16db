import FoundationEssentials
import OTLP

/// How a field is read and changed.
struct Accessor: Sendable {
    typealias Field<Value> = ReferenceWritableKeyPath<Evaluation, Value> & Sendable
    typealias Update = @Sendable (Evaluation, (inout OTTLValue) throws -> Void) throws -> Void

    let get: @Sendable (Evaluation) throws -> OTTLValue
    /// Changes the value in place; nil: the field cannot be changed.
    let update: Update?
    /// Whether `["key"]` or `[0]` may follow.
    var hasElements = false

    init(
        get: @escaping @Sendable (Evaluation) throws -> OTTLValue, update: Update?, hasElements: Bool = false
    ) {
        self.get = get
        self.update = update
        self.hasElements = hasElements
    }

    init(
        get: @escaping @Sendable (Evaluation) throws -> OTTLValue,
        set: (@Sendable (Evaluation, OTTLValue) throws -> Void)? = nil
    ) {
        self.get = get
        guard let set else {
            update = nil
            return
        }
        update = { evaluation, body in
            var value = try get(evaluation)
            try body(&value)
            try set(evaluation, value)
        }
    }

    // MARK: - Kinds of fields

    static func string(_ field: any Field<String>) -> Accessor {
        Accessor(
            get: { .string($0[keyPath: field]) },
            set: { $0[keyPath: field] = try $1.requireString() })
    }

    static func unsigned(_ field: any Field<UInt64>) -> Accessor {
        Accessor(
            get: { .integer(Int64(clamping: $0[keyPath: field])) },
            set: { $0[keyPath: field] = try $1.requireInteger(as: UInt64.self) })
    }

    static func unsigned(_ field: any Field<UInt32>) -> Accessor {
        Accessor(
            get: { .integer(Int64($0[keyPath: field])) },
            set: { $0[keyPath: field] = try $1.requireInteger(as: UInt32.self) })
    }

    static func signed<Number: FixedWidthInteger & SignedInteger & SendableMetatype>(
        _ field: any Field<Number>
    ) -> Accessor {
        Accessor(
            get: { .integer(Int64($0[keyPath: field])) },
            set: { $0[keyPath: field] = try $1.requireInteger(as: Number.self) })
    }

    /// Nanoseconds since 1970, as a time.
    static func time(_ field: any Field<UInt64>) -> Accessor {
        Accessor(
            get: { .time(Int64(clamping: $0[keyPath: field])) },
            set: { $0[keyPath: field] = try $1.requireTime() })
    }

    static func duration(_ field: any Field<UInt64>) -> Accessor {
        Accessor(
            get: { .duration(Int64(clamping: $0[keyPath: field])) },
            set: { evaluation, value in
                guard case .duration(let length) = value, let length = UInt64(exactly: length) else {
                    throw EvaluationError.type(value, expected: "a duration")
                }
                evaluation[keyPath: field] = length
            })
    }

    /// - Parameter count: Bytes that the field must have.
    static func identifier(_ field: any Field<Data>, count: Int) -> Accessor {
        Accessor(
            get: { evaluation in
                let bytes = evaluation[keyPath: field]
                // A missing id is one of zeros.
                return .bytes(bytes.isEmpty ? Data(count: count) : bytes)
            },
            set: { evaluation, value in
                guard case .bytes(let bytes) = value, bytes.count == count else {
                    throw EvaluationError.type(value, expected: "\(count) bytes")
                }
                evaluation[keyPath: field] = bytes
            })
    }

    static func identifierText(_ field: any Field<Data>, count: Int) -> Accessor {
        Accessor(
            get: { evaluation in
                let bytes = evaluation[keyPath: field]
                return .string((bytes.isEmpty ? Data(count: count) : bytes).hexadecimal)
            },
            set: { evaluation, value in
                let text = try value.requireString()
                guard let bytes = Data(hexadecimal: text), bytes.count == count else {
                    throw EvaluationError("\"\(text)\" is not an id of \(2 * count) hexadecimal digits")
                }
                evaluation[keyPath: field] = bytes
            })
    }

    static func bytes(_ field: any Field<Data>) -> Accessor {
        Accessor(
            get: { .bytes($0[keyPath: field]) },
            set: { evaluation, value in
                guard case .bytes(let bytes) = value else { throw EvaluationError.type(value, expected: "bytes") }
                evaluation[keyPath: field] = bytes
            })
    }

    static func attributes(_ field: any Field<[OTLPKeyValue]>) -> Accessor {
        Accessor(
            get: { .map($0[keyPath: field]) },
            update: { evaluation, body in
                let before = evaluation[keyPath: field]
                var value = OTTLValue.map(before)
                do {
                    // Nobody else holds the list while it is changed, unless the change fails.
                    evaluation[keyPath: field] = []
                    try body(&value)
                    guard case .map(let items) = value else { throw EvaluationError.type(value, expected: "a map") }
                    evaluation[keyPath: field] = items
                } catch {
                    evaluation[keyPath: field] = before
                    throw error
                }
            }, hasElements: true)
    }

    /// Any value, such as a log record's body.
    static func any(_ field: any Field<OTLPAnyValue>) -> Accessor {
        Accessor(
            get: { OTTLValue($0[keyPath: field]) },
            update: { evaluation, body in
                var value = OTTLValue(evaluation[keyPath: field])
                try body(&value)
                evaluation[keyPath: field] = value.any
            }, hasElements: true)
    }

    static func integers<Number: FixedWidthInteger & SendableMetatype>(_ field: any Field<[Number]>) -> Accessor {
        Accessor(
            get: { .list($0[keyPath: field].map { .integer(Int64(clamping: $0)) }) },
            update: { evaluation, body in
                var value = OTTLValue.list(evaluation[keyPath: field].map { .integer(Int64(clamping: $0)) })
                try body(&value)
                guard case .list(let items) = value else { throw EvaluationError.type(value, expected: "a list") }
                evaluation[keyPath: field] = try items.map { try OTTLValue($0).requireInteger(as: Number.self) }
            }, hasElements: true)
    }
}

extension OTTLValue {
    func requireString() throws -> String {
        guard case .string(let text) = self else { throw EvaluationError.type(self, expected: "a string") }
        return text
    }

    func requireInteger<Number: FixedWidthInteger>(as type: Number.Type) throws -> Number {
        guard case .integer(let number) = self else { throw EvaluationError.type(self, expected: "an int") }
        guard let result = Number(exactly: number) else { throw EvaluationError("\(number) is out of range") }
        return result
    }

    func requireTime() throws -> UInt64 {
        guard case .time(let time) = self else { throw EvaluationError.type(self, expected: "a time") }
        guard let time = UInt64(exactly: time) else { throw EvaluationError("the time lies before 1970") }
        return time
    }

    func requireBoolean() throws -> Bool {
        guard case .boolean(let flag) = self else { throw EvaluationError.type(self, expected: "a bool") }
        return flag
    }

    func requireDouble() throws -> Double {
        switch self {
        case .double(let number): return number
        case .integer(let number): return Double(number)
        default: throw EvaluationError.type(self, expected: "a number")
        }
    }
}

extension Data {
    /// Nil if the text is not an even number of hexadecimal digits.
    init?(hexadecimal text: String) {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let digit = character.hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        guard high == nil else { return nil }
        self.init(bytes)
    }
}
