/// Values by program counter: pairs of a value's change and the number of instruction units for which it holds.
package struct GoValueList {
    private let bytes: [UInt8]
    private let quantum: UInt64
    private var position = 0
    private var value: Int32 = -1
    private var end: UInt64 = 0
    /// The bytes ended before the list did.
    package private(set) var isCut = false

    package init(_ bytes: [UInt8], quantum: UInt64) {
        self.bytes = bytes
        self.quantum = quantum
    }

    package mutating func value(at distance: UInt64) -> Int32? {
        while let next = next() {
            if distance < next.end { return next.value }
        }
        return nil
    }

    /// The next value, and the distance from the function's start at which it ends to hold; nil behind the last one.
    package mutating func next() -> (value: Int32, end: UInt64)? {
        // A change of 0 ends the list, unless it is the first.
        guard let change = number(), change != 0 || end == 0 else { return nil }
        value = value &+ Int32(bitPattern: change >> 1 ^ (0 &- (change & 1)))
        guard let units = number(), units != 0 else { return nil }
        end = end &+ UInt64(units) &* quantum
        return (value, end)
    }

    private mutating func number() -> UInt32? {
        var result: UInt32 = 0
        for shift in stride(from: UInt32(0), to: 35, by: 7) {
            guard position < bytes.count else {
                isCut = true
                return nil
            }
            let byte = bytes[position]
            position += 1
            result |= UInt32(byte & 0x7f) << shift
            if byte < 0x80 { return result }
        }
        return nil
    }
}
