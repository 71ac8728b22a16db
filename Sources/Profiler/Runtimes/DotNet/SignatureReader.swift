import RuntimeSupport

/// Reads a blob's bytes and compressed numbers (ECMA-335 II.23.2).
struct SignatureReader {
    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func byte() -> UInt8? {
        guard let byte = bytes[safe: position] else { return nil }
        position += 1
        return byte
    }

    func peek() -> UInt8? { bytes[safe: position] }

    /// An unsigned number of up to 29 bits.
    mutating func number() -> UInt32? {
        guard let first = byte() else { return nil }
        if first & 0x80 == 0 { return UInt32(first) }
        if first & 0xc0 == 0x80 {
            guard let second = byte() else { return nil }
            return UInt32(first & 0x3f) << 8 | UInt32(second)
        }
        guard first & 0xe0 == 0xc0, let second = byte(), let third = byte(), let fourth = byte() else { return nil }
        return UInt32(first & 0x1f) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
    }

    /// A signed number: its sign is the lowest bit, and the others lack what the sign extends.
    mutating func signedNumber() -> Int32? {
        let start = position
        guard let number = number() else { return nil }
        let bits = [1: 6, 2: 13, 4: 28][position - start] ?? 28
        let value = Int32(number >> 1)
        return number & 1 == 0 ? value : value - (1 << Int32(bits))
    }
}
