/// What follows a backslash.
extension Parser {
    /// Outside of brackets, behind the backslash.
    mutating func readEscape() throws(RegularExpressionError) {
        guard let letter = reader.peek() else {
            throw reader.error("nothing follows the `\\`; write `\\\\` for the character itself", at: reader.index - 1)
        }
        switch letter {
        case "A": add(.assertion(.textStart))
        case "z": add(.assertion(.textEnd))
        case "b": add(.assertion(.wordBoundary))
        case "B": add(.assertion(.noWordBoundary))
        case "Q":
            reader.index += 1
            while !reader.accept("\\E"), let scalar = reader.next() { try addLiteral(scalar.value) }
            return
        default:
            reader.index += 1
            if let set = try readClassEscape(letter) { return try addSet(set) }
            reader.index -= 1
            return try addLiteral(readCharacterEscape())
        }
        reader.index += 1
    }

    /// An escape that stands for one character, behind the backslash.
    mutating func readCharacterEscape() throws(RegularExpressionError) -> UInt32 {
        let start = reader.index - 1
        guard let letter = reader.next() else {
            throw reader.error("nothing follows the `\\`; write `\\\\` for the character itself", at: start)
        }
        switch letter {
        case "a": return 7
        case "f": return 12
        case "n": return 10
        case "r": return 13
        case "t": return 9
        case "v": return 11
        case "x": return try readHexadecimal(start: start)
        case "0"..."7":
            // One digit other than 0 alone would be a backreference.
            guard letter == "0" || octalDigit != nil else { break }
            var value = letter.value - 48
            for _ in 0..<2 {
                guard let digit = octalDigit else { break }
                value = value * 8 + digit
                reader.index += 1
            }
            return value
        default:
            if letter.isASCII, letter == "_" || !NamedClasses.word.contains(letter.value) { return letter.value }
        }
        throw reader.error(refusal(of: letter), at: start)
    }

    private var octalDigit: UInt32? {
        reader.peek().flatMap { ("0"..."7").contains($0) ? $0.value - 48 : nil }
    }

    /// `7F` or `{10FFFF}`.
    private mutating func readHexadecimal(start: Int) throws(RegularExpressionError) -> UInt32 {
        let isBraced = reader.accept("{")
        var (value, digits): (UInt32, Int) = (0, 0)
        while isBraced || digits < 2, let digit = reader.peek().flatMap({ Character($0).hexDigitValue }),
            reader.peek()?.isASCII == true
        {
            value = value * 16 + UInt32(digit)
            digits += 1
            reader.index += 1
            guard value <= ScalarSet.highest else {
                throw reader.error("the number exceeds 10FFFF, Unicode's last code point", at: start)
            }
        }
        guard isBraced ? digits > 0 && reader.accept("}") : digits == 2 else {
            throw reader.error("`\\x` wants two hexadecimal digits, or any number of them in braces", at: start)
        }
        return value
    }

    /// Why the escape is none, by what it means in other dialects.
    private func refusal(of letter: Unicode.Scalar) -> String {
        switch letter {
        case "1"..."9", "k", "g": "RE2's syntax has no backreferences, which no linear-time search can have"
        case "Z": "RE2's syntax has no `\\Z`; write `\\z` for the text's end"
        case "C": "there is no `\\C`: only whole characters match, never a single byte of one"
        case "G", "K", "R", "X", "h", "H", "N", "V": "RE2's syntax has no `\\\(letter)`"
        case "u", "U": "RE2's syntax has no `\\\(letter)`; write `\\x{…}`"
        case "E": "no `\\Q` is open for this `\\E`"
        case "A", "z", "b", "B", "Q": "`\\\(letter)` cannot stand in a character class"
        default: "`\\\(letter)` has no meaning"
        }
    }
}
