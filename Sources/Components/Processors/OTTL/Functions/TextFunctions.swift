import Crypto
import FoundationEssentials

/// From one text to another.
typealias TextFunction = @Sendable (String) throws -> String

extension FunctionTable {
    /// Converters that take one text and yield one; the editors that replace may be handed them.
    static let textFunctions: [String: TextFunction] = [
        "MD5": { Insecure.MD5.hash(data: Array($0.utf8)).hexadecimal },
        "SHA1": { Insecure.SHA1.hash(data: Array($0.utf8)).hexadecimal },
        "SHA256": { SHA256.hash(data: Array($0.utf8)).hexadecimal },
        "SHA512": { SHA512.hash(data: Array($0.utf8)).hexadecimal },
        "Base64Encode": { Data($0.utf8).base64EncodedString() },
        "Base64Decode": { text in
            guard let bytes = Data(base64Encoded: text) else { throw EvaluationError("the text is not in base64") }
            return String(decoding: bytes, as: UTF8.self)
        },
        "ToLowerCase": { $0.lowercased() },
        "ToUpperCase": { $0.uppercased() },
        "ToSnakeCase": { words($0).map { $0.lowercased() }.joined(separator: "_") },
        "ToCamelCase": { words($0).map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }.joined() },
    ]

    /// Words apart by a change of case or by what is no letter or digit.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var wasLower = false
        for character in text {
            guard character.isLetter || character.isNumber else {
                if !word.isEmpty { words.append(word) }
                (word, wasLower) = ("", false)
                continue
            }
            if character.isUppercase, wasLower {
                words.append(word)
                word = ""
            }
            word.append(character)
            wasLower = character.isLowercase || character.isNumber
        }
        return word.isEmpty ? words : words + [word]
    }
}

extension Sequence<UInt8> {
    fileprivate var hexadecimal: String { Data(self).hexadecimal }
}
