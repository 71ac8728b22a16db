/// What follows an opening parenthesis.
extension Parser {
    /// Behind `(`.
    mutating func openGroup() throws(RegularExpressionError) {
        let start = reader.index - 1
        guard reader.accept("?") else { return try openCapture(name: nil, start: start) }
        if let feature = refusedGroup {
            throw reader.error("RE2's syntax has no \(feature)", at: start)
        }
        if reader.accept("P<") || reader.accept("<") {
            let nameStart = reader.index
            guard let name = reader.read(until: ">") else {
                throw reader.error("the group's name has no closing `>`", at: start)
            }
            guard !name.isEmpty, name.unicodeScalars.allSatisfy({ NamedClasses.word.contains($0.value) }) else {
                throw reader.error("a group's name consists of ASCII letters, digits and underscores", at: nameStart)
            }
            return try openCapture(name: name, start: start)
        }
        try readFlags(start: start)
    }

    private mutating func openCapture(name: String?, start: Int) throws(RegularExpressionError) {
        try open(OpenGroup(number: tree.groupNames.count, index: start, flags: flags))
        tree.groupNames.append(name)
    }

    /// What other dialects mean by what follows, behind `(?`.
    private var refusedGroup: String? {
        let features: [(syntax: String, name: String)] = [
            ("=", "lookahead, which no linear-time search can have"),
            ("!", "lookahead, which no linear-time search can have"),
            ("<=", "lookbehind, which no linear-time search can have"),
            ("<!", "lookbehind, which no linear-time search can have"),
            ("P=", "backreferences, which no linear-time search can have"),
            (">", "atomic groups"), ("|", "branch resets"), ("#", "comments"), ("(", "conditions"),
            ("R", "recursion"), ("P>", "recursion"), ("&", "recursion"),
            ("'", "names in quotes: write (?<name>…)"), ("P'", "names in quotes: write (?<name>…)"),
        ]
        return features.first { reader.follows($0.syntax) }?.name
    }

    /// `flags)`, which hold until the enclosing group ends, or `flags:`, which hold inside of the group that they open.
    private mutating func readFlags(start: Int) throws(RegularExpressionError) {
        var new = flags
        var (value, needsFlag) = (true, false)
        while let scalar = reader.next() {
            switch scalar {
            case "i": new.ignoresCase = value
            case "m": new.isMultiLine = value
            case "s": new.dotMatchesNewline = value
            case "U": new.swapsGreed = value
            case "-" where value:
                (value, needsFlag) = (false, true)
                continue
            case ":" where !needsFlag:
                try open(OpenGroup(number: nil, index: start, flags: flags))
                flags = new
                return
            case ")" where !needsFlag:
                flags = new
                return
            default:
                throw reader.error(
                    "unknown flag `\(scalar)`: there are i, m, s and U, and `-` before those to turn off",
                    at: reader.index - 1)
            }
            needsFlag = false
        }
        throw reader.error("the group's flags have no closing `)` or `:`", at: start)
    }
}
