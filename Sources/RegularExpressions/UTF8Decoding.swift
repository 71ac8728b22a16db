/// A code point and how many bytes it takes.
struct DecodedScalar {
    var value: UInt32
    var width: Int

    /// What a byte that is not part of a valid encoding counts as.
    static let damaged = DecodedScalar(value: 0xFFFD, width: 1)
}

extension UnsafeBufferPointer<UInt8> {
    /// The code point at an offset within the text; U+FFFD of width 1 where no valid encoding begins. Valid are the
    /// sequences of table 3-7 of the Unicode Standard: shortest form, no surrogates, at most U+10FFFF.
    func decodeScalar(at offset: Int) -> DecodedScalar {
        let lead = self[offset]
        if lead < 0x80 { return DecodedScalar(value: UInt32(lead), width: 1) }
        let width: Int
        // What the second byte may be.
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: width = 2
        case 0xE0: (width, second) = (3, 0xA0...0xBF)
        case 0xED: (width, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: width = 3
        case 0xF0: (width, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: width = 4
        case 0xF4: (width, second) = (4, 0x80...0x8F)
        default: return .damaged
        }
        guard count - offset >= width, second.contains(self[offset + 1]) else { return .damaged }
        var value = UInt32(lead) & (0x7F >> UInt32(width))
        for distance in 1..<width {
            let byte = self[offset + distance]
            guard byte & 0xC0 == 0x80 else { return .damaged }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        return DecodedScalar(value: value, width: width)
    }
}
