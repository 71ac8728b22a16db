import FoundationEssentials

/// One word of a statement.
struct Token: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// Begins with a lower-case letter: a field or an editor.
        case lowerIdentifier(String)
        /// Begins with an upper-case letter: a converter or an enumeration's value.
        case upperIdentifier(String)
        case string(String)
        case integer(UInt64)
        case double(Double)
        case bytes(Data)
        /// `(`, `==`, `and`, …
        case symbol(Symbol)
        case end
    }

    enum Symbol: String, Sendable, CaseIterable {
        case openParenthesis = "(", closeParenthesis = ")", openBracket = "[", closeBracket = "]"
        case openBrace = "{", closeBrace = "}", comma = ",", dot = ".", colon = ":"
        case equal = "==", unequal = "!=", lessOrEqual = "<=", greaterOrEqual = ">=", less = "<", greater = ">"
        case assign = "=", plus = "+", minus = "-", times = "*", divided = "/"
        case and, or, not, `where`, `true`, `false`, `nil`
    }

    var kind: Kind
    /// In characters.
    var offset: Int

    /// For messages.
    var description: String {
        switch kind {
        case .lowerIdentifier(let name), .upperIdentifier(let name): "\"\(name)\""
        case .string: "a string"
        case .integer, .double: "a number"
        case .bytes: "bytes"
        case .symbol(let symbol): "\"\(symbol.rawValue)\""
        case .end: "the end"
        }
    }
}

/// Divides a statement into words.
struct Lexer {
    private let characters: [Character]
    private var offset = 0

    init(_ text: String) {
        characters = Array(text)
    }

    static func tokens(of text: String) throws(PlacedError) -> [Token] {
        var lexer = Lexer(text)
        guard lexer.characters.count <= SyntaxLimits.characters else {
            throw PlacedError(offset: 0, message: "longer than \(SyntaxLimits.characters) characters")
        }
        var tokens: [Token] = []
        while let token = try lexer.next() { tokens.append(token) }
        tokens.append(Token(kind: .end, offset: lexer.offset))
        return tokens
    }

    private var current: Character? { offset < characters.count ? characters[offset] : nil }

    private mutating func next() throws(PlacedError) -> Token? {
        while let character = current, character.isWhitespace { offset += 1 }
        guard let character = current else { return nil }
        let start = offset
        if character == "\"" { return Token(kind: .string(try string()), offset: start) }
        if character.isASCIILetter { return Token(kind: word(), offset: start) }
        let following = offset + 1 < characters.count ? characters[offset + 1] : nil
        if character.isASCIIDigit || character == "." && following?.isASCIIDigit == true {
            return Token(kind: try number(), offset: start)
        }
        let two = following.map { "\(character)\($0)" }.flatMap { Token.Symbol(rawValue: $0) }
        guard let symbol = two ?? Token.Symbol(rawValue: String(character)) else {
            throw PlacedError(offset: offset, message: "unexpected character \"\(character)\"")
        }
        offset += symbol.rawValue.count
        return Token(kind: .symbol(symbol), offset: start)
    }

    private mutating func word() -> Token.Kind {
        var name = ""
        while let character = current, character.isASCIILetter || character.isASCIIDigit || character == "_" {
            name.append(character)
            offset += 1
        }
        if let keyword = Token.Symbol(rawValue: name) { return .symbol(keyword) }
        return name.first?.isUppercase == true ? .upperIdentifier(name) : .lowerIdentifier(name)
    }

    private mutating func number() throws(PlacedError) -> Token.Kind {
        let start = offset
        if characters[offset] == "0", offset + 1 < characters.count, characters[offset + 1] == "x" {
            offset += 2
            return .bytes(try hexadecimal(from: start))
        }
        var text = ""
        while let character = current, character.isASCIIDigit || character == "." {
            text.append(character)
            offset += 1
        }
        if text.contains(".") {
            guard let value = Double(text.hasPrefix(".") ? "0" + text : text) else {
                throw PlacedError(offset: start, message: "\(text) is no number")
            }
            return .double(value)
        }
        guard let value = UInt64(text), value <= UInt64(Int64.max) + 1 else {
            throw PlacedError(offset: start, message: "\(text) does not fit into 64 bits")
        }
        return .integer(value)
    }

    private mutating func hexadecimal(from start: Int) throws(PlacedError) -> Data {
        var digits: [UInt8] = []
        while let digit = current?.hexDigitValue {
            digits.append(UInt8(digit))
            offset += 1
        }
        guard digits.count.isMultiple(of: 2) else {
            throw PlacedError(offset: start, message: "bytes need an even number of hexadecimal digits")
        }
        return Data(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }

    /// The escapes are those of Go's strings.
    private mutating func string() throws(PlacedError) -> String {
        let start = offset
        offset += 1
        var text = ""
        while let character = current {
            offset += 1
            switch character {
            case "\"": return text
            case "\\": text.unicodeScalars.append(try escape())
            default: text.append(character)
            }
        }
        throw PlacedError(offset: start, message: "the string has no closing quote")
    }

    private mutating func escape() throws(PlacedError) -> Unicode.Scalar {
        let start = offset - 1
        guard let character = current else {
            throw PlacedError(offset: start, message: "the string has no closing quote")
        }
        offset += 1
        switch character {
        case "\\", "\"", "'": return character.unicodeScalars.first ?? "\\"
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "a": return "\u{7}"
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "v": return "\u{b}"
        case "x": return try scalar(digits: 2, from: start)
        case "u": return try scalar(digits: 4, from: start)
        case "U": return try scalar(digits: 8, from: start)
        default:
            throw PlacedError(
                offset: start, message: "unknown escape \"\\\(character)\"; a backslash is written \"\\\\\"")
        }
    }

    private mutating func scalar(digits: Int, from start: Int) throws(PlacedError) -> Unicode.Scalar {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let digit = current?.hexDigitValue else {
                throw PlacedError(offset: start, message: "the escape needs \(digits) hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        guard let scalar = Unicode.Scalar(value) else {
            throw PlacedError(offset: start, message: "the escape names no character of Unicode")
        }
        return scalar
    }
}

extension Character {
    fileprivate var isASCIILetter: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) }
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
