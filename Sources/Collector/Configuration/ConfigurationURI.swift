/// A place that a configuration, or a value in it, comes from: `scheme:opaque`.
struct ConfigurationURI: Sendable, Hashable, CustomStringConvertible {
    var scheme: String
    var opaque: String

    var description: String { "\(scheme):\(opaque)" }

    /// A scheme is a letter and at least one more letter, digit, `+`, `.` or `-`.
    /// - Returns: Nil if the text has no such beginning.
    init?(parsing text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon]
        guard scheme.utf8.count >= 2, let first = scheme.utf8.first, Self.isLetter(first),
            scheme.utf8.allSatisfy({ Self.isLetter($0) || (48...57).contains($0) || "+.-".utf8.contains($0) })
        else { return nil }
        self.init(scheme: String(scheme), opaque: String(text[text.index(after: colon)...]))
    }

    init(scheme: String, opaque: String) {
        self.scheme = scheme
        self.opaque = opaque
    }

    /// The argument of `--config`: a path if it has no colon, or only that of a drive letter.
    init(configurationArgument text: String) throws(CollectorError) {
        let colon = text.firstIndex(of: ":")
        if colon == nil || colon == text.index(text.startIndex, offsetBy: 1) {
            self.init(scheme: "file", opaque: text)
        } else if let uri = ConfigurationURI(parsing: text) {
            self = uri
        } else {
            throw CollectorError("invalid uri: \"\(text)\"; write file:<path> for a path that contains a colon")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
