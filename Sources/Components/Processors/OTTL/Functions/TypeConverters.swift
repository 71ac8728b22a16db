import FoundationEssentials
import OTLP
import ProcessorSupport

/// Converters that change types, and that ask for them. What cannot be converted is nothing.
extension FunctionTable {
    static let typeConverters: [Function] = [
        convert("Bool") { value in
            switch value {
            case .boolean: value
            case .integer(let number): .boolean(number != 0)
            case .double(let number): .boolean(number != 0)
            case .string("1"), .string("t"), .string("T"), .string("true"), .string("TRUE"), .string("True"):
                .boolean(true)
            case .string("0"), .string("f"), .string("F"), .string("false"), .string("FALSE"), .string("False"):
                .boolean(false)
            default: .nothing
            }
        },
        convert("Int") { value in
            switch value {
            case .integer: value
            case .double(let number): Int64(exactly: number.rounded(.towardZero)).map { .integer($0) } ?? .nothing
            case .string(let text): Int64(text).map { .integer($0) } ?? .nothing
            case .boolean(let flag): .integer(flag ? 1 : 0)
            default: .nothing
            }
        },
        convert("Double") { value in
            switch value {
            case .double: value
            case .integer(let number): .double(Double(number))
            case .string(let text): Double(text).map { .double($0) } ?? .nothing
            case .boolean(let flag): .double(flag ? 1 : 0)
            default: .nothing
            }
        },
        convert("String") { $0.text.map { .string($0) } ?? .nothing },
        convert("Hex") { value in
            switch value {
            case .string(let text): .string(Data(text.utf8).hexadecimal)
            case .bytes(let bytes): .string(bytes.hexadecimal)
            case .integer(let number): .string(number.bigEndianHexadecimal)
            case .double(let number): .string(Int64(bitPattern: number.bitPattern).bigEndianHexadecimal)
            case .boolean(let flag): .string(flag ? "01" : "00")
            default: .nothing
            }
        },
        test("IsBool") { if case .boolean = $0 { true } else { false } },
        test("IsInt") { if case .integer = $0 { true } else { false } },
        test("IsDouble") { if case .double = $0 { true } else { false } },
        test("IsString") { if case .string = $0 { true } else { false } },
        test("IsMap") { if case .map = $0 { true } else { false } },
        test("IsList") { if case .list = $0 { true } else { false } },
        test("IsEmpty") { value in
            switch value {
            case .nothing: true
            case .string(let text): text.isEmpty
            case .bytes(let bytes): bytes.isEmpty
            case .list(let items): items.isEmpty
            case .map(let items): items.isEmpty
            default: false
            }
        },
        .converter("ParseInt", ["target", "base"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            let base = try arguments.literalCount(1)
            guard (2...36).contains(base) else {
                throw PlacedError(offset: try arguments.syntax(1).offset, message: "the base must be from 2 to 36")
            }
            return { evaluation in
                let text = try value(evaluation).requireString()
                guard let number = Int64(text, radix: base) else {
                    throw EvaluationError("\"\(text)\" is no number in base \(base)")
                }
                return .integer(number)
            }
        },
        .converter("Coalesce", ["values"]) { (arguments) throws(PlacedError) in
            let syntax = try arguments.syntax(0)
            guard case .list(let items) = syntax.kind, !items.isEmpty else {
                throw PlacedError(offset: syntax.offset, message: "expected a list of values")
            }
            let values = try arguments.compiler.expressions(items)
            return { evaluation in
                for value in values {
                    let result = try value(evaluation)
                    if case .nothing = result { continue }
                    return result
                }
                return .nothing
            }
        },
    ]

    static func convert(_ name: String, _ body: @escaping @Sendable (OTTLValue) throws -> OTTLValue) -> Function {
        .converter(name, ["value"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            return { try body(try value($0)) }
        }
    }

    static func test(_ name: String, _ body: @escaping @Sendable (OTTLValue) throws -> Bool) -> Function {
        convert(name) { .boolean(try body($0)) }
    }
}

extension Int64 {
    fileprivate var bigEndianHexadecimal: String { withUnsafeBytes(of: bigEndian) { Data($0).hexadecimal } }
}
