/// Snappy's block format, as `format_description.txt` of google/snappy describes it: the length of the data, then literals
/// and copies of what came before.
public enum Snappy {
    /// Copies do not reach back further than a fragment: what is remembered of the input stays small.
    private static let fragmentBytes = 1 << 16

    // MARK: - Decompression

    /// - Parameter limitBytes: More output than that is an error: a few bytes of input can stand for gigabytes.
    public static func decompress(_ bytes: [UInt8], limitBytes: Int) throws(SnappyError) -> [UInt8] {
        try decompress(bytes[...], limitBytes: limitBytes)
    }

    static func decompress(_ bytes: ArraySlice<UInt8>, limitBytes: Int) throws(SnappyError) -> [UInt8] {
        var rest = bytes
        let size = try readLength(&rest)
        guard size <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
        var output: [UInt8] = []
        // The length is only a claim: three bytes make a copy of 64, and no more.
        output.reserveCapacity(min(size, rest.count &* 32))
        while let tag = rest.popFirst() {
            let high = Int(tag >> 2)
            switch tag & 3 {
            case 0:
                let extra = max(0, high - 59)
                let count = extra == 0 ? high + 1 : try readNumber(&rest, bytes: extra) + 1
                guard count <= rest.count else { throw .truncated }
                guard count <= size - output.count else { throw .invalidData("more than its length says") }
                output.append(contentsOf: rest.prefix(count))
                rest = rest.dropFirst(count)
            case 1:
                let offset = Int(tag >> 5) << 8 | (try readNumber(&rest, bytes: 1))
                try copy(offset, count: high & 7 + 4, to: &output, size: size)
            case 2: try copy(try readNumber(&rest, bytes: 2), count: high + 1, to: &output, size: size)
            default: try copy(try readNumber(&rest, bytes: 4), count: high + 1, to: &output, size: size)
            }
        }
        guard output.count == size else { throw .truncated }
        return output
    }

    /// At most 32 bits, seven in each byte, the lowest first.
    private static func readLength(_ rest: inout ArraySlice<UInt8>) throws(SnappyError) -> Int {
        var result = 0
        for shift in stride(from: 0, through: 28, by: 7) {
            guard let byte = rest.popFirst() else { throw .truncated }
            result |= Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return result }
        }
        throw .invalidData("its length has more than 32 bits")
    }

    /// Up to 4 bytes, the lowest first.
    private static func readNumber(_ rest: inout ArraySlice<UInt8>, bytes: Int) throws(SnappyError) -> Int {
        guard rest.count >= bytes else { throw .truncated }
        let number = rest.prefix(bytes).reversed().reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(bytes)
        return number
    }

    /// What is copied may overlap what is written: then it repeats.
    private static func copy(
        _ offset: Int, count: Int, to output: inout [UInt8], size: Int
    ) throws(SnappyError) {
        guard offset > 0, offset <= output.count else { throw .invalidData("a copy of what is not there") }
        guard count <= size - output.count else { throw .invalidData("more than its length says") }
        let start = output.count - offset
        for index in start..<start + count { output.append(output[index]) }
    }

    // MARK: - Compression

    public static func compress(_ bytes: [UInt8]) -> [UInt8] { compress(bytes[...]) }

    static func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count / 2 + 16)
        var length = bytes.count
        while length >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: length))
        var table = [Int32](repeating: -1, count: 1 << 14)
        var rest = bytes
        while !rest.isEmpty {
            let fragment = Array(rest.prefix(fragmentBytes))
            rest = rest.dropFirst(fragment.count)
            for index in table.indices { table[index] = -1 }
            compress(fragment: fragment, &table, to: &output)
        }
        return output
    }

    private static func compress(fragment: [UInt8], _ table: inout [Int32], to output: inout [UInt8]) {
        var position = 0
        var literalStart = 0
        while position + 4 <= fragment.count {
            let slot = Int((word(fragment, position) &* 0x1e35_a7bd) >> 18)
            let candidate = Int(table[slot])
            table[slot] = Int32(truncatingIfNeeded: position)
            guard candidate >= 0, word(fragment, candidate) == word(fragment, position) else {
                // What does not compress is passed over in growing steps.
                position += 1 + (position - literalStart) >> 5
                continue
            }
            var count = 4
            while position + count < fragment.count, fragment[candidate + count] == fragment[position + count] {
                count += 1
            }
            writeLiteral(fragment[literalStart..<position], to: &output)
            writeCopy(offset: position - candidate, count: count, to: &output)
            position += count
            literalStart = position
        }
        writeLiteral(fragment[literalStart...], to: &output)
    }

    private static func word(_ bytes: [UInt8], _ position: Int) -> UInt32 {
        UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]) << 16
            | UInt32(bytes[position + 3]) << 24
    }

    private static func writeLiteral(_ literal: ArraySlice<UInt8>, to output: inout [UInt8]) {
        guard !literal.isEmpty else { return }
        let number = literal.count - 1
        switch number {
        case 0..<60: output.append(UInt8(truncatingIfNeeded: number) << 2)
        case 60..<256: output += [60 << 2, UInt8(truncatingIfNeeded: number)]
        default: output += [61 << 2, UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
        }
        output.append(contentsOf: literal)
    }

    /// Copies with offsets of two bytes, which reach over a whole fragment.
    private static func writeCopy(offset: Int, count: Int, to output: inout [UInt8]) {
        var rest = count
        while rest > 0 {
            let part = min(rest, 64)
            output += [
                UInt8(truncatingIfNeeded: part - 1) << 2 | 2, UInt8(truncatingIfNeeded: offset),
                UInt8(truncatingIfNeeded: offset >> 8),
            ]
            rest -= part
        }
    }
}
