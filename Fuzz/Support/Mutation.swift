import TestRandomness

/// Changes to an input, of the kinds that break readers: lengths and offsets that are too large, parts that are
/// missing, there twice, or from elsewhere.
enum Mutation {
    private static let numbers: [UInt64] = [
        0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, .max, .max - 1, .max - 7,
    ]
    private static let inputLimitBytes = 4 << 20

    static func apply(to input: inout [UInt8], other: [UInt8], _ random: inout SplitMix64) {
        for _ in 0...(random.next() % 6) { change(&input, other, &random) }
    }

    private static func change(_ input: inout [UInt8], _ other: [UInt8], _ random: inout SplitMix64) {
        func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(random.next() % UInt64(limit)) }
        /// Half of them near the beginning, where headers are.
        func place(_ count: Int) -> Int { random.next() & 1 == 0 ? below(min(count, 128)) : below(count) }
        if input.isEmpty {
            input = Array(other.prefix(1 + below(64)))
            return
        }
        let position = place(input.count)
        switch random.next() % 9 {
        case 0: input[position] ^= 1 << UInt8(random.next() & 7)
        case 1: input[position] = UInt8(truncatingIfNeeded: random.next())
        case 2, 3:
            // A number of 1, 2, 4 or 8 bytes.
            let value = numbers[below(numbers.count)]
            for index in 0..<(1 << below(4)) where position + index < input.count {
                input[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
            }
        case 4:
            // A number that was there, a little larger or smaller.
            input[position] = input[position] &+ (random.next() & 1 == 0 ? 1 : .max)
        case 5: input.removeLast(below(input.count))
        case 6: input.removeSubrange(position..<min(input.count, position + 1 + below(16)))
        case 7:
            guard !other.isEmpty, input.count < inputLimitBytes else { return }
            let start = below(other.count)
            input.insert(contentsOf: other[start..<min(other.count, start + 1 + below(64))], at: position)
        default:
            // A part of another input, or of this one, over what is here.
            guard !other.isEmpty else { return }
            let start = below(other.count)
            for (index, byte) in other[start..<min(other.count, start + 1 + below(64))].enumerated()
            where position + index < input.count {
                input[position + index] = byte
            }
        }
    }
}
