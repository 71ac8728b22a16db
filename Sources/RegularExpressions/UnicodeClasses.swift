/// The classes of `\p{name}`: general categories and scripts.
enum UnicodeClasses {
    static func named(_ name: String) -> ScalarSet? {
        name == "Any" ? .all : categories[name] ?? scripts[name]
    }

    /// By abbreviation: `Lu` and the like, and `L` and the like for all that begin with that letter. As in RE2, `C` has
    /// no unassigned code points, and there is no `Cn`.
    private static let categories: [String: ScalarSet] = {
        var ranges: [String: [ClosedRange<UInt32>]] = [
            // No `Unicode.Scalar` can be a surrogate, so these cannot be asked.
            "Cs": [0xD800...0xDFFF], "C": [0xD800...0xDFFF],
        ]
        func add(_ range: ClosedRange<UInt32>, _ category: String) {
            ranges[category, default: []].append(range)
            ranges[String(category.prefix(1)), default: []].append(range)
        }
        // Planes 4 to 13 are unassigned, 15 and 16 are for private use.
        add(0xF0000...0xFFFFD, "Co")
        add(0x100000...0x10FFFD, "Co")
        for part: ClosedRange<UInt32> in [0...0x3FFFF, 0xE0000...0xEFFFF] {
            var (start, current): (UInt32, Unicode.GeneralCategory?) = (part.lowerBound, nil)
            for scalar in part {
                let category = Unicode.Scalar(scalar)?.properties.generalCategory
                if category == current { continue }
                if let name = current.flatMap(abbreviation) { add(start...scalar - 1, name) }
                (start, current) = (scalar, category)
            }
            if let name = current.flatMap(abbreviation) { add(start...part.upperBound, name) }
        }
        return ranges.mapValues { ScalarSet($0) }
    }()

    private static func abbreviation(of category: Unicode.GeneralCategory) -> String? {
        switch category {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: nil
        @unknown default: nil
        }
    }

    private static let scripts: [String: ScalarSet] = {
        var sets: [String: ScalarSet] = [:]
        var (name, ranges): (String, [ClosedRange<UInt32>]) = ("", [])
        for word in UnicodeTables.scripts.split(whereSeparator: \.isWhitespace) {
            // Names have lower-case letters, hexadecimal numbers have none.
            guard !word.utf8.contains(where: (UInt8(ascii: "a")...UInt8(ascii: "z")).contains) else {
                if !ranges.isEmpty { sets[name] = ScalarSet(ranges) }
                (name, ranges) = (String(word), [])
                continue
            }
            let ends = word.split(separator: "-").compactMap { UInt32($0, radix: 16) }
            guard let first = ends.first, let last = ends.last else { continue }
            ranges.append(first...last)
        }
        sets[name] = ScalarSet(ranges)
        return sets
    }()
}
