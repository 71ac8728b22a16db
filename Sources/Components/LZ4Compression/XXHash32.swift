/// xxHash of 32 bits with seed 0, as `xxhash_spec.md` of Cyan4973/xxHash describes it.
enum XXHash32 {
    private static let primes: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1
    )

    static func hash(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var rest = bytes
        var result = primes.4
        if rest.count >= 16 {
            var lanes = [primes.0 &+ primes.1, primes.1, 0, 0 &- primes.0]
            while rest.count >= 16 {
                for lane in lanes.indices {
                    lanes[lane] = rotated(lanes[lane] &+ word(&rest) &* primes.1, 13) &* primes.0
                }
            }
            result = rotated(lanes[0], 1) &+ rotated(lanes[1], 7) &+ rotated(lanes[2], 12) &+ rotated(lanes[3], 18)
        }
        result &+= UInt32(truncatingIfNeeded: bytes.count)
        while rest.count >= 4 { result = rotated(result &+ word(&rest) &* primes.2, 17) &* primes.3 }
        for byte in rest { result = rotated(result &+ UInt32(byte) &* primes.4, 11) &* primes.0 }
        result = (result ^ result >> 15) &* primes.1
        result = (result ^ result >> 13) &* primes.2
        return result ^ result >> 16
    }

    private static func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }

    /// The next four bytes, which must be there.
    private static func word(_ rest: inout ArraySlice<UInt8>) -> UInt32 {
        let first = rest.startIndex
        let low = UInt32(rest[first]) | UInt32(rest[first + 1]) << 8
        let high = UInt32(rest[first + 2]) << 16 | UInt32(rest[first + 3]) << 24
        rest = rest.dropFirst(4)
        return low | high
    }
}
