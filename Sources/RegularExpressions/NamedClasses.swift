/// Perl's and POSIX's classes, which are of ASCII alone.
enum NamedClasses {
    static let word = set("09", "AZ", "__", "az")
    static let newline = set("\n\n")

    /// The class of `\d`, `\s`, `\w`, or of their inversions in upper case.
    static func perl(_ letter: Unicode.Scalar) -> (set: ScalarSet, isInverted: Bool)? {
        switch letter {
        case "d", "D": (digit, letter == "D")
        case "s", "S": (set("\t\n", "\u{0C}\r", "  "), letter == "S")
        case "w", "W": (word, letter == "W")
        default: nil
        }
    }

    /// The classes of `[[:name:]]`.
    static let posix: [String: ScalarSet] = [
        "alnum": set("09", "AZ", "az"),
        "alpha": set("AZ", "az"),
        "ascii": set("\0\u{7F}"),
        "blank": set("\t\t", "  "),
        "cntrl": set("\0\u{1F}", "\u{7F}\u{7F}"),
        "digit": digit,
        "graph": set("!~"),
        "lower": set("az"),
        "print": set(" ~"),
        "punct": set("!/", ":@", "[`", "{~"),
        "space": set("\t\r", "  "),
        "upper": set("AZ"),
        "word": word,
        "xdigit": set("09", "AF", "af"),
    ]

    private static let digit = set("09")

    /// Each string has a range's first and last character.
    private static func set(_ ranges: String...) -> ScalarSet {
        ScalarSet(
            ranges.map { range in
                let scalars = range.unicodeScalars.map(\.value)
                return scalars[0]...scalars[scalars.count - 1]
            })
    }
}
