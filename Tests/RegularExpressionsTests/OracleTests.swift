import Testing

@testable import RegularExpressions

/// What RE2 itself says. `\B` is tried on ASCII alone: RE2 searches bytes and finds it inside of other characters too;
/// Go, which searches characters, does not.
@Suite struct OracleTests {
    @Test(.enabled(if: try RE2Oracle.isAvailable()), arguments: [1, 2, 3, 4] as [UInt64])
    func generatedExpressionsMatchAsInRE2(seed: UInt64) async throws {
        var generator = PatternGenerator(seed: seed)
        let cases = (0..<1000).map { _ in
            OracleCase(pattern: generator.pattern(), texts: (0..<8).map { _ in generator.text() })
        }
        // Most expressions must be valid and many texts match, or little would have been compared.
        #expect(try await RE2Oracle.expectAgreement(cases) > 2500)
    }

    @Test(.enabled(if: try RE2Oracle.isAvailable()))
    func wordBoundariesMatchAsInRE2() async throws {
        let texts = ["", "a", "ab", "a b", " a", "a-b_c ", "--", "\n", "a\n", "ab1 _"]
        let patterns = [
            "\\B", "\\b", "\\Bb", "a\\B", "a\\B.\\b", "^\\B", "\\B$", "(\\b|\\B.)+", "(?:\\Ba|\\b-)", "\\b\\B",
        ]
        try await RE2Oracle.expectAgreement(patterns.map { OracleCase(pattern: $0, texts: texts) })
    }

    /// Scalars of Unicode 15 at which ranges of a class begin or end, and their neighbours.
    @Test(.enabled(if: try RE2Oracle.isAvailable()))
    func unicodeClassesAreThoseOfRE2() async throws {
        let categories = [
            "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl",
            "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
        ]
        let scripts = UnicodeTables.scripts.split(whereSeparator: \.isWhitespace)
            .filter { $0.contains(where: \.isLowercase) }
        let cases = (categories + scripts.map(String.init)).map { name in
            let ranges = UnicodeClasses.named(name)?.ranges ?? []
            let edges = ranges.prefix(15).flatMap { range in
                [range.lowerBound, range.upperBound, range.lowerBound &- 1, range.upperBound + 1]
            }
            let texts = edges.compactMap(Unicode.Scalar.init).filter(Self.isOld).map(String.init)
            return OracleCase(pattern: "\\p{\(name)}", texts: texts)
        }
        #expect(try await RE2Oracle.expectAgreement(cases) > 2000)
    }

    /// Each scalar that has variants against all of them, with and without a class around it.
    @Test(.enabled(if: try RE2Oracle.isAvailable()))
    func caseFoldingIsThatOfRE2() async throws {
        // Stand for sequences of letters; RE2 has learnt that they are variants of each other later than this table.
        let late: Set<UInt32> = [0x0390, 0x03B0, 0x1FD3, 0x1FE3, 0xFB05, 0xFB06]
        let folding = (0...0x1FFFF).filter { CaseFolding.variants(of: $0).count > 1 && !late.contains($0) }
        let cases = folding.map { scalar in
            let properties = Unicode.Scalar(scalar)?.properties
            let texts = [properties?.lowercaseMapping, properties?.uppercaseMapping, properties?.titlecaseMapping]
            let variants = CaseFolding.variants(of: scalar).compactMap(Unicode.Scalar.init).map(String.init)
            let hexadecimal = String(scalar, radix: 16)
            return OracleCase(
                pattern: scalar % 2 == 0 ? "(?i)^\\x{\(hexadecimal)}$" : "(?i)^[\\x{\(hexadecimal)}]$",
                texts: texts.compactMap { $0 } + variants)
        }
        #expect(try await RE2Oracle.expectAgreement(cases) > 5000)
    }

    /// Whether the scalar was in Unicode 15, or is in no version yet: RE2's tables and Swift's are of different ages.
    private static func isOld(_ scalar: Unicode.Scalar) -> Bool {
        // It became Lo, as Swift has it, in Unicode 17.
        if scalar == "ʕ" { return false }
        return scalar.properties.age.map { $0 <= (15, 0) } ?? true
    }
}
