/// Numbers as HotSpot compresses them (utilities/unsigned5.hpp): up to five bytes, the lowest digits first, of which
/// all but the last are 192 or more.
struct Unsigned5 {
    /// From here on another byte follows.
    private static let lowest = 192

    let bytes: ArraySlice<UInt8>
    /// 1 where no byte is 0, else 0.
    let excluded: Int
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>, excludesZeroByte: Bool) {
        self.bytes = bytes
        excluded = excludesZeroByte ? 1 : 0
        position = bytes.startIndex
    }

    /// The next byte as it is; nil at the end.
    mutating func nextByte() -> UInt8? {
        guard position < bytes.endIndex else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    /// Nil where the bytes end, or where there is none that is allowed.
    mutating func next() -> UInt32? {
        var sum: UInt64 = 0
        for digit in 0..<5 {
            guard let byte = nextByte(), Int(byte) >= excluded else { return nil }
            sum += UInt64(Int(byte) - excluded) << UInt64(6 * digit)
            if Int(byte) < Self.lowest { break }
        }
        return UInt32(truncatingIfNeeded: sum)
    }

    /// A number with a sign, which lies in the lowest bit.
    mutating func nextSigned() -> Int32? {
        next().map { Int32(bitPattern: $0 >> 1) ^ -Int32(bitPattern: $0 & 1) }
    }
}
