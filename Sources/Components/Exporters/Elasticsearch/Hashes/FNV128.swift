/// FNV-1a with 128 bits (Fowler, Noll, Vo; RFC 9923).
struct FNV128 {
    private(set) var value: (high: UInt64, low: UInt64) = (0x6c62_272e_07bb_0142, 0x62b8_2175_6295_c58d)

    /// The prime is 2^88 + 2^8 + 0x3b, so that one multiplication is enough: what is above bit 64 of the prime only
    /// shifts.
    @inline(__always)
    mutating func add(_ byte: UInt8) {
        let mixed = value.low ^ UInt64(byte)
        let product = mixed.multipliedFullWidth(by: 0x13b)
        value = (value.high &* 0x13b &+ product.high &+ mixed << 24, product.low)
    }

    /// The word's bytes, the most significant first.
    @inline(__always)
    mutating func add(bigEndian word: UInt64) {
        var rest = word
        for _ in 0..<8 {
            rest = rest << 8 | rest >> 56
            add(UInt8(truncatingIfNeeded: rest))
        }
    }

    /// The number's decimal digits.
    @inline(__always)
    mutating func add(decimal number: UInt64) {
        // Digits come out last first: they wait in two numbers of 16 and 4 digits, four bits each.
        var (rest, digits, more, count) = (number, UInt64(0), UInt64(0), 0)
        repeat {
            more = more << 4 | digits >> 60
            digits = digits << 4 | rest % 10
            rest /= 10
            count += 1
        } while rest > 0
        for _ in 0..<count {
            add(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digits & 15))
            digits = digits >> 4 | more << 60
            more >>= 4
        }
    }
}
