/// What RFC 9110 allows in a header.
enum HTTPHeaderSyntax {
    /// A name of token characters, and a value without line breaks: no header may smuggle in another.
    static func isValid(_ name: String, _ value: String) -> Bool {
        let symbols = Set("!#$%&'*+-.^_`|~".utf8)
        let hasValidName =
            !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: symbols.contains(byte)
                }
            }
        return hasValidName && value.utf8.allSatisfy { $0 == 9 || ($0 >= 32 && $0 != 127) }
    }
}
