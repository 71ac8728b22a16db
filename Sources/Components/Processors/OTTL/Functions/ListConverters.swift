import FoundationEssentials
import OTLP
import ProcessorSupport

/// Converters of lists and maps.
extension FunctionTable {
    static let listConverters: [Function] = [
        convert("Len") { value in
            switch value {
            case .string(let text): .integer(Int64(text.utf8.count))
            case .bytes(let bytes): .integer(Int64(bytes.count))
            case .list(let items): .integer(Int64(items.count))
            case .map(let items): .integer(Int64(items.count))
            default: throw EvaluationError.type(value, expected: "a string, a list or a map")
            }
        },
        convert("Keys") { value in
            guard case .map(let items) = value else { throw EvaluationError.type(value, expected: "a map") }
            return .list(items.map { .string($0.key) })
        },
        convert("Values") { value in
            guard case .map(let items) = value else { throw EvaluationError.type(value, expected: "a map") }
            return .list(items.map(\.value))
        },
        .converter("ContainsValue", ["target", "item"]) { (arguments) throws(PlacedError) in
            let values = try arguments.values(0)
            let item = try arguments.expression(1)
            return { evaluation in
                let item = try item(evaluation)
                return .boolean(try values(evaluation).contains { $0.compare(.equal, item) })
            }
        },
        .converter("Index", ["target", "value"]) { (arguments) throws(PlacedError) in
            let target = try arguments.expression(0)
            let item = try arguments.expression(1)
            return { evaluation in
                let target = try target(evaluation)
                let item = try item(evaluation)
                switch target {
                case .list(let items):
                    let place = items.firstIndex { OTTLValue($0).compare(.equal, item) }
                    return .integer(place.map { Int64($0) } ?? -1)
                case .string(let text):
                    let wanted = try item.requireString()
                    guard let found = text.range(of: wanted) else { return .integer(-1) }
                    return .integer(Int64(text.utf8.distance(from: text.startIndex, to: found.lowerBound)))
                default: throw EvaluationError.type(target, expected: "a list or a string")
                }
            }
        },
        convert("ParseJSON") { value in
            let text = try value.requireString()
            do {
                return OTTLValue(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)).value)
            } catch {
                throw EvaluationError("the text is not JSON")
            }
        },
    ]
}

/// Any JSON as a value. Numbers are floating-point numbers, as JSON itself has them.
private struct JSONValue: Decodable {
    let value: OTLPAnyValue

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Key.self) {
            let items = try container.allKeys.map { key in
                OTLPKeyValue(key.stringValue, try container.decode(JSONValue.self, forKey: key).value)
            }
            // The decoder keeps no order.
            value = .with { $0.kvlistValue.values = items.sorted { $0.key < $1.key } }
        } else if var container = try? decoder.unkeyedContainer() {
            var items: [OTLPAnyValue] = []
            while !container.isAtEnd { items.append(try container.decode(JSONValue.self).value) }
            let values = items
            value = .with { $0.arrayValue.values = values }
        } else {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                value = OTLPAnyValue()
            } else if let flag = try? container.decode(Bool.self) {
                value = .boolean(flag)
            } else if let number = try? container.decode(Double.self) {
                value = .double(number)
            } else {
                value = .string(try container.decode(String.self))
            }
        }
    }
}
