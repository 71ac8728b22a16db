import FoundationEssentials
import OTLP
import ProcessorSupport

/// What expressions yield.
public enum OTTLValue: Sendable {
    /// Nothing: `nil`, a key that is not there.
    case nothing
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case bytes(Data)
    case list([OTLPAnyValue])
    case map([OTLPKeyValue])
    /// Nanoseconds since 1970.
    case time(Int64)
    /// Nanoseconds.
    case duration(Int64)

    init(_ value: OTLPAnyValue?) {
        switch value?.value {
        case nil, .stringValueStrindex: self = .nothing
        case .stringValue(let text): self = .string(text)
        case .boolValue(let flag): self = .boolean(flag)
        case .intValue(let number): self = .integer(number)
        case .doubleValue(let number): self = .double(number)
        case .bytesValue(let bytes): self = .bytes(bytes)
        case .arrayValue(let array): self = .list(array.values)
        case .kvlistValue(let list): self = .map(list.values)
        }
    }

    /// As an attribute's value. Times and durations become nanoseconds; nothing becomes a value that is not set.
    var any: OTLPAnyValue {
        switch self {
        case .nothing: OTLPAnyValue()
        case .boolean(let flag): .boolean(flag)
        case .integer(let number), .time(let number), .duration(let number): .integer(number)
        case .double(let number): .double(number)
        case .string(let text): .string(text)
        case .bytes(let bytes): .with { $0.bytesValue = bytes }
        case .list(let items): .with { $0.arrayValue.values = items }
        case .map(let items): .with { $0.kvlistValue.values = items }
        }
    }

    /// For messages.
    var kind: String {
        switch self {
        case .nothing: "nil"
        case .boolean: "bool"
        case .integer: "int"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list: "list"
        case .map: "map"
        case .time: "time"
        case .duration: "duration"
        }
    }

    var isNothing: Bool { if case .nothing = self { true } else { false } }

    /// As text: what functions that take anything like a string see. Nil for nothing.
    var text: String? {
        switch self {
        case .nothing: nil
        case .string(let text): text
        case .bytes(let bytes): bytes.hexadecimal
        case .boolean, .integer, .double, .list, .map, .time, .duration: any.text
        }
    }

    /// What a path or converter in brackets finds.
    func element(_ key: OTTLValue) throws -> OTTLValue {
        switch (self, key) {
        case (.map(let items), .string(let name)): return OTTLValue(items[name])
        case (.list(let items), .integer(let index)):
            guard let index = Int(exactly: index), items.indices.contains(index) else {
                throw EvaluationError("index \(index) is out of range: there are \(items.count) elements")
            }
            return OTTLValue(items[index])
        case (.nothing, _): return .nothing
        default: throw EvaluationError("a \(kind) has no element \(key.text ?? "nil")")
        }
    }

    /// Changes what lies under the keys; maps are made where there is nothing yet.
    mutating func update(
        at keys: ArraySlice<OTTLValue>, _ body: (inout OTTLValue) throws -> Void
    ) throws {
        guard let key = keys.first else { return try body(&self) }
        switch (self, key) {
        case (.nothing, .string):
            self = .map([])
            try update(at: keys, body)
        case (.map(var items), .string(let name)):
            self = .nothing
            defer { self = .map(items) }
            let place = items.firstIndex { $0.key == name }
            var value = OTTLValue(place.map { items[$0].value })
            if let place { items[place].clearValue() }
            // What the body refuses to change stays.
            let before = value
            do {
                try value.update(at: keys.dropFirst(), body)
            } catch {
                if let place { items[place].value = before.any }
                throw error
            }
            if let place {
                items[place].value = value.any
            } else if !value.isNothing {
                items.append(OTLPKeyValue(name, value.any))
            }
        case (.list(var items), .integer(let index)):
            guard let place = Int(exactly: index), items.indices.contains(place) else {
                throw EvaluationError("index \(index) is out of range: there are \(items.count) elements")
            }
            var value = OTTLValue(items[place])
            try value.update(at: keys.dropFirst(), body)
            items[place] = value.any
            self = .list(items)
        default: throw EvaluationError("a \(kind) has no element \(key.text ?? "nil")")
        }
    }
}

/// Why a statement could not be done for one item.
struct EvaluationError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    static func type(_ value: OTTLValue, expected: String) -> EvaluationError {
        EvaluationError("expected \(expected), got \(value.kind)")
    }
}

extension Data {
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
