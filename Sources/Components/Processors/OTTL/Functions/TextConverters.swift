import OTLP
import ProcessorSupport
import RegularExpressions

/// Converters of text.
extension FunctionTable {
    static let textConverters: [Function] = [
        .converter("IsMatch", ["target", "pattern"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            let pattern = try arguments.pattern(1)
            return { evaluation in
                // What is not there matches nothing.
                guard let text = try value(evaluation).text else { return .boolean(false) }
                return .boolean(pattern.matches(text))
            }
        },
        .converter("Concat", ["values", "delimiter"]) { (arguments) throws(PlacedError) in
            let values = try arguments.values(0)
            let delimiter = try arguments.literalString(1)
            return { evaluation in
                let texts = try values(evaluation).compactMap { value -> String? in
                    switch value {
                    case .list, .map: nil
                    case .nothing: ""
                    case .bytes(let bytes): bytes.hexadecimal
                    default: value.text
                    }
                }
                return .string(texts.joined(separator: delimiter))
            }
        },
        .converter("ConvertCase", ["target", "toCase"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            let names = [
                "lower": "ToLowerCase", "upper": "ToUpperCase", "snake": "ToSnakeCase", "camel": "ToCamelCase",
            ]
            let word = try arguments.choice(1, names.keys.sorted())
            guard let change = names[word].flatMap({ textFunctions[$0] }) else {
                throw PlacedError(offset: arguments.call.offset, message: "unknown case \"\(word)\"")
            }
            return { .string(try change(try value($0).requireString())) }
        },
        .converter("HasPrefix", ["value", "prefix"]) { (arguments) throws(PlacedError) in
            try twoTexts(arguments) { .boolean($0.hasPrefix($1)) }
        },
        .converter("HasSuffix", ["value", "suffix"]) { (arguments) throws(PlacedError) in
            try twoTexts(arguments) { .boolean($0.hasSuffix($1)) }
        },
        .converter("TrimPrefix", ["value", "prefix"]) { (arguments) throws(PlacedError) in
            try twoTexts(arguments) { .string($0.hasPrefix($1) ? String($0.dropFirst($1.count)) : $0) }
        },
        .converter("TrimSuffix", ["value", "suffix"]) { (arguments) throws(PlacedError) in
            try twoTexts(arguments) { .string($0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0) }
        },
        .converter("Trim", ["target", "replacement?"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            let characters = Set(try arguments.isGiven(1) ? arguments.literalString(1) : " ")
            return { evaluation in
                var text = try value(evaluation).requireString()[...]
                while let first = text.first, characters.contains(first) { text.removeFirst() }
                while let last = text.last, characters.contains(last) { text.removeLast() }
                return .string(String(text))
            }
        },
        .converter("Split", ["target", "delimiter"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            let delimiter = try arguments.literalString(1)
            return { evaluation in
                let text = try value(evaluation).requireString()
                let parts =
                    delimiter.isEmpty
                    ? text.map { String($0) }
                    : text.split(separator: delimiter, omittingEmptySubsequences: false).map { String($0) }
                return .list(parts.map { .string($0) })
            }
        },
        .converter("Substring", ["target", "start", "length"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            let start = try arguments.expression(1)
            let length = try arguments.expression(2)
            return { evaluation in
                let bytes = Array(try value(evaluation).requireString().utf8)
                let start = try start(evaluation).requireInteger(as: Int.self)
                let length = try length(evaluation).requireInteger(as: Int.self)
                guard start >= 0, length > 0, length <= bytes.count, start <= bytes.count - length else {
                    throw EvaluationError("\(length) bytes from \(start) are not within a text of \(bytes.count) bytes")
                }
                return .string(String(decoding: bytes[start..<start + length], as: UTF8.self))
            }
        },
        .converter("ExtractPatterns", ["target", "pattern"]) { (arguments) throws(PlacedError) in
            let value = try arguments.expression(0)
            let pattern = try arguments.pattern(1)
            let names = pattern.groupNames
            guard names.contains(where: { $0 != nil }) else {
                throw PlacedError(
                    offset: try arguments.syntax(1).offset,
                    message: "the expression needs a named group, such as (?P<name>.*)")
            }
            return { evaluation in
                let text = try value(evaluation).requireString()
                guard let match = pattern.firstMatch(in: text) else { return .map([]) }
                let bytes = Array(text.utf8)
                return .map(
                    zip(names, match.ranges).compactMap { name, range in
                        name.map { OTLPKeyValue($0, range.map { String(decoding: bytes[$0], as: UTF8.self) } ?? "") }
                    })
            }
        },
        convert("FNV") { value in
            // FNV-1, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
            let hash = try value.requireString().utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
                (hash &* 0x100_0000_01b3) ^ UInt64(byte)
            }
            return .integer(Int64(bitPattern: hash))
        },
    ]

    private static func twoTexts(
        _ arguments: Arguments, _ body: @escaping @Sendable (String, String) -> OTTLValue
    ) throws(PlacedError) -> Expression {
        let first = try arguments.expression(0)
        let second = try arguments.expression(1)
        return { evaluation in
            body(try first(evaluation).requireString(), try second(evaluation).requireString())
        }
    }
}
