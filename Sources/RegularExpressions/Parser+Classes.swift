/// Character classes: `[…]` and `\p{…}`.
extension Parser {
    /// Behind `[`.
    mutating func readBracketClass() throws(RegularExpressionError) -> ScalarSet {
        let start = reader.index - 1
        let isInverted = reader.accept("^")
        var builder = ScalarSetBuilder()
        var isFirst = true
        while let scalar = reader.peek() {
            if scalar == "]", !isFirst {
                reader.index += 1
                let set = builder.build()
                return isInverted ? set.inverted : set
            }
            isFirst = false
            if let set = try readNamedClass() {
                builder.insert(set)
            } else {
                let range = try readRange()
                builder.insert(flags.ignoresCase ? CaseFolding.folded(ScalarSet([range])) : ScalarSet([range]))
            }
        }
        throw reader.error("the character class has no closing `]`", at: start)
    }

    /// `[:name:]`, `\d` and the like, `\p{…}`, if one follows.
    private mutating func readNamedClass() throws(RegularExpressionError) -> ScalarSet? {
        let start = reader.index
        if !lacksNameEnd, reader.accept("[:") {
            // Without its end it is a list of characters.
            guard let content = reader.read(until: ":]") else {
                lacksNameEnd = true
                reader.index = start
                return nil
            }
            let isInverted = content.hasPrefix("^")
            guard let set = NamedClasses.posix[String(isInverted ? content.dropFirst() : content[...])] else {
                let names = NamedClasses.posix.keys.sorted().joined(separator: ", ")
                throw reader.error("there is no class [:\(content):], only \(names)", at: start)
            }
            return folded(set, isInverted: isInverted)
        }
        guard reader.peek() == "\\", let letter = reader.peek(1) else { return nil }
        reader.index += 2
        if let set = try readClassEscape(letter) { return set }
        reader.index = start
        return nil
    }

    /// The class of `\d` and the like and of `\p{…}`, behind the letter; nil if the letter begins neither.
    mutating func readClassEscape(_ letter: Unicode.Scalar) throws(RegularExpressionError) -> ScalarSet? {
        if let (set, isInverted) = NamedClasses.perl(letter) { return folded(set, isInverted: isInverted) }
        guard letter == "p" || letter == "P" else { return nil }
        let start = reader.index - 2
        var isInverted = letter == "P"
        var name: String
        if reader.accept("{") {
            guard let content = reader.read(until: "}") else {
                throw reader.error("the name of the Unicode class has no closing `}`", at: start)
            }
            name = content
        } else if let letter = reader.next() {
            name = String(letter)
        } else {
            throw reader.error("`\\\(letter)` wants the name of a Unicode class", at: start)
        }
        if name.unicodeScalars.first == "^" {
            isInverted.toggle()
            name.unicodeScalars.removeFirst()
        }
        let key = "\(name) \(isInverted) \(flags.ignoresCase)"
        if let known = unicodeClasses[key] { return known }
        guard let set = UnicodeClasses.named(name) else {
            throw reader.error(
                "there is no Unicode class `\(name)`, only general categories such as Lu and scripts such as Greek",
                at: start)
        }
        let result = folded(set, isInverted: isInverted)
        unicodeClasses[key] = result
        return result
    }

    private func folded(_ set: ScalarSet, isInverted: Bool) -> ScalarSet {
        let set = flags.ignoresCase ? CaseFolding.folded(set) : set
        return isInverted ? set.inverted : set
    }

    /// `a` or `a-z`. A hyphen before the closing bracket stands for itself.
    private mutating func readRange() throws(RegularExpressionError) -> ClosedRange<UInt32> {
        let start = reader.index
        let low = try readClassCharacter()
        guard reader.peek() == "-", let after = reader.peek(1), after != "]" else { return low...low }
        reader.index += 1
        let high = try readClassCharacter()
        guard low <= high else {
            throw reader.error(
                "the range `\(reader.text(from: start, to: reader.index))` is the wrong way round", at: start)
        }
        return low...high
    }

    private mutating func readClassCharacter() throws(RegularExpressionError) -> UInt32 {
        guard let scalar = reader.next() else {
            throw reader.error("the character class has no closing `]`", at: reader.index)
        }
        return scalar == "\\" ? try readCharacterEscape() : scalar.value
    }
}
