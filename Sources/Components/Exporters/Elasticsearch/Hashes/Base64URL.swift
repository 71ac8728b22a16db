/// Base64 with the alphabet for URLs and without padding (RFC 4648 §5).
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        alphabet.withUnsafeBufferPointer { alphabet in
            var index = 0
            while index < bytes.count {
                let rest = bytes.count - index
                let first = bytes[index]
                let second = rest > 1 ? bytes[index + 1] : 0
                let third = rest > 2 ? bytes[index + 2] : 0
                text.append(alphabet[Int(first >> 2)])
                text.append(alphabet[Int((first & 3) << 4 | second >> 4)])
                if rest > 1 { text.append(alphabet[Int((second & 15) << 2 | third >> 6)]) }
                if rest > 2 { text.append(alphabet[Int(third & 63)]) }
                index += 3
            }
        }
    }

    /// The 22 characters of two words, the most significant byte first.
    static func append(_ high: UInt64, _ low: UInt64, to text: inout [UInt8]) {
        append(bits48: high >> 16, to: &text)
        append(bits48: (high & 0xffff) << 32 | low >> 32, to: &text)
        // 32 bits are left: five characters, and one with two bits and four zeros.
        append(low << 16 & 0xffff_ffff_ffff, characters: 6, to: &text)
    }

    /// The 32 characters of three words.
    static func append(_ high: UInt64, _ middle: UInt64, _ low: UInt64, to text: inout [UInt8]) {
        append(bits48: high >> 16, to: &text)
        append(bits48: (high & 0xffff) << 32 | middle >> 32, to: &text)
        append(bits48: (middle & 0xffff_ffff) << 16 | low >> 48, to: &text)
        append(bits48: low & 0xffff_ffff_ffff, to: &text)
    }

    private static func append(bits48 bits: UInt64, to text: inout [UInt8]) {
        append(bits, characters: 8, to: &text)
    }

    /// - Parameters:
    ///   - bits: 48, the first character's at the top.
    ///   - characters: At most 8.
    private static func append(_ bits: UInt64, characters: Int, to text: inout [UInt8]) {
        alphabet.withUnsafeBufferPointer { alphabet in
            var rest = bits << 16
            for _ in 0..<characters {
                text.append(alphabet[Int(truncatingIfNeeded: rest >> 58)])
                rest <<= 6
            }
        }
    }

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
