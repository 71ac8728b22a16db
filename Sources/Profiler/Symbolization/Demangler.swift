import CDemangle
import Glibc

/// The language that a function is written in: what its symbol's name betrays, or what debugging information says.
public enum SymbolLanguage: Sendable, Hashable {
    case unknown
    case c, cxx, rust, swift, d, go, fortran, ada, assembler
}

/// Turns the names of symbol tables into those of the source.
///
/// Names come from files of other people: each kind has a cap on its input's and output's length, because a few
/// hundred bytes of back references can stand for gigabytes of text. What exceeds a cap stays mangled.
public enum Demangler {
    public struct Result: Hashable, Sendable {
        public var name: String
        public var language: SymbolLanguage
    }

    static let inputLimitBytes = 4096
    static let outputLimitBytes = 16 << 10

    /// The name for people. Suffixes that compilers add to copies of a function are dropped: `.constprop.N`,
    /// `.isra.N`, `.part.N`, `.cold`, `.clone.N`, `.llvm.N`, `.lto_priv.N`, `.localalias`, `.warm`, `.resume.N`,
    /// `.destroy.N`, `.cleanup.N`, `@plt`, and symbol versions (`@V`, `@@V`). Never fails: an unknown form stays as it
    /// is.
    public static func demangle(_ symbol: String) -> Result {
        let plain = strippingSuffixes(symbol)
        guard !plain.isEmpty, plain.utf8.count <= inputLimitBytes else {
            return Result(name: symbol, language: .unknown)
        }
        if plain.hasPrefix("_R") || plain.hasPrefix("__R"), let name = RustV0Demangler.demangle(plain) {
            return Result(name: name, language: .rust)
        }
        if plain.hasPrefix("_ZN"), let name = RustLegacyDemangler.demangle(plain) {
            return Result(name: name, language: .rust)
        }
        if plain.hasPrefix("_Z") || plain.hasPrefix("__Z") || plain.hasPrefix("___Z") {
            return Result(name: cxx(plain) ?? plain, language: .cxx)
        }
        if plain.hasPrefix("_D"), let name = DDemangler.demangle(plain) {
            return Result(name: name, language: .d)
        }
        if isSwift(plain), let name = swift(plain) {
            return Result(name: name, language: .swift)
        }
        return Result(name: plain, language: .unknown)
    }

    private static func cxx(_ name: String) -> String? {
        // Blocks and Mach-O habits have further underscores.
        let start = name.utf8.firstIndex(of: UInt8(ascii: "Z")).map { name.utf8.index(before: $0) } ?? name.startIndex
        guard let text = demangle_cxx(String(name[start...]), outputLimitBytes) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    private static func isSwift(_ name: String) -> Bool {
        ["$s", "$S", "_$s", "_$S", "_T0", "$e", "_$e", "@__swiftmacro_"].contains { name.hasPrefix($0) }
    }

    private static func swift(_ name: String) -> String? {
        guard SwiftManglingEstimate.allows(name) else { return nil }
        var size = 0
        guard let text = swift_demangle(name, name.utf8.count, nil, &size, 0) else { return nil }
        defer { free(text) }
        return strlen(text) <= outputLimitBytes ? String(cString: text) : nil
    }
}

/// Suffixes that compilers add to copies of functions.
extension Demangler {
    private static let cloneSuffixes: Set<Substring> = [
        "constprop", "isra", "part", "cold", "clone", "llvm", "lto_priv", "localalias", "warm", "resume", "destroy",
        "cleanup",
    ]

    static func strippingSuffixes(_ symbol: String) -> String {
        var name = Substring(symbol)
        if let at = name.firstIndex(of: "@"), at != name.startIndex { name = name[..<at] }
        // From the end: numbers are dropped with the word before them, and only then.
        var end = name.endIndex
        while let dot = name[..<end].lastIndex(of: "."), dot != name.startIndex {
            let part = name[name.index(after: dot)..<end]
            if cloneSuffixes.contains(part) {
                name = name[..<dot]
                end = dot
            } else if !part.isEmpty, part.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) {
                end = dot
            } else {
                break
            }
        }
        return String(name)
    }
}

/// A guess of how much text a mangled Swift name stands for.
///
/// The runtime's demangler writes without limit, and a type that names an earlier type twice doubles the text. Every
/// reference to an earlier type is taken for one to the longest: what is complete then is at most as many times as long
/// as it has references, and the names' own text longer. That exceeds the truth for honest names by far and is still
/// small for nearly all of them: of the 293,470 in a program of this project's size it refuses 8.
enum SwiftManglingEstimate {
    private static let factorLimit: UInt64 = 1 << 16

    static func allows(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        var factor: UInt64 = 1
        var references: UInt64 = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "1")...UInt8(ascii: "9"):
                // An identifier: its length, then its bytes.
                var length = Int(byte - 48)
                while index < bytes.count, bytes[index] >= 48, bytes[index] <= 57, length < 1 << 20 {
                    length = length * 10 + Int(bytes[index] - 48)
                    index += 1
                }
                index = min(bytes.count, index + length)
            case UInt8(ascii: "A"):
                // References: lower-case letters, ended by an upper-case one or "_"; a number repeats the next.
                var repeats: UInt64 = 0
                scan: while index < bytes.count {
                    let letter = bytes[index]
                    index += 1
                    switch letter {
                    case 48...57: repeats = min(repeats * 10 + UInt64(letter - 48), 4096)
                    case UInt8(ascii: "a")...UInt8(ascii: "z"):
                        references += max(repeats, 1)
                        repeats = 0
                    default:
                        references += max(repeats, 1)
                        break scan
                    }
                }
            case UInt8(ascii: "G"), UInt8(ascii: "g"), UInt8(ascii: "Q"):
                // What is complete now can be referred to in its turn.
                factor = factor &* max(references, 1)
                references = 0
                if factor > factorLimit { return false }
            default: break
            }
        }
        return references <= 4096
    }
}
