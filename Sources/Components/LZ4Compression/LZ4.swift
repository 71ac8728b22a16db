public enum LZ4Error: Error, Equatable, CustomStringConvertible {
    /// The input is damaged, or of another format.
    case invalidData(String)
    /// The input ends too early.
    case truncated
    /// The output would exceed the limit that the caller has set.
    case tooLarge(limitBytes: Int)

    public var description: String {
        switch self {
        case .invalidData(let reason): "the compressed data is damaged or of another format: \(reason)"
        case .truncated: "the compressed data ends too early"
        case .tooLarge(let limit): "the data exceeds \(limit) bytes after decompression"
        }
    }
}

/// LZ4's frame format, as `lz4_Frame_format.md` of lz4/lz4 describes it.
public enum LZ4 {
    private static let magic: UInt32 = 0x184d_2204
    private static let blockBytes = 1 << 16

    // MARK: - Decompression

    /// Reads one frame or several; those that readers pass over are passed over.
    /// - Parameter limitBytes: More output than that is an error: a few bytes of input can stand for gigabytes.
    public static func decompress(_ bytes: [UInt8], limitBytes: Int) throws(LZ4Error) -> [UInt8] {
        var output: [UInt8] = []
        var reader = Reader(rest: bytes[...])
        repeat {
            let number = try reader.word()
            if number == magic {
                try readFrame(&reader, to: &output, limitBytes: limitBytes)
            } else if number & 0xffff_fff0 == 0x184d_2a50 {
                _ = try reader.take(Int(try reader.word()))
            } else {
                throw .invalidData("it does not begin with the magic number")
            }
        } while !reader.rest.isEmpty
        return output
    }

    private static func readFrame(
        _ reader: inout Reader, to output: inout [UInt8], limitBytes: Int
    ) throws(LZ4Error) {
        let begin = reader.rest
        let flags = try reader.byte()
        let sizes = try reader.byte()
        guard flags >> 6 == 1, flags & 2 == 0, sizes & 0x8f == 0, sizes >> 4 >= 4 else {
            throw .invalidData("its header is of another version")
        }
        let maximumBlockBytes = 1 << (8 + 2 * Int(sizes >> 4))
        var contentSize: UInt64?
        if flags & 0x08 != 0 { contentSize = UInt64(try reader.word()) | UInt64(try reader.word()) << 32 }
        guard flags & 0x01 == 0 else { throw .invalidData("it needs a dictionary") }
        let header = begin.prefix(begin.count - reader.rest.count)
        guard try reader.byte() == UInt8(truncatingIfNeeded: XXHash32.hash(header) >> 8) else {
            throw .invalidData("the checksum of its header is wrong")
        }
        let start = output.count
        while true {
            let word = try reader.word()
            if word == 0 { break }
            let block = try reader.take(Int(word & 0x7fff_ffff))
            if flags & 0x10 != 0, try reader.word() != XXHash32.hash(block) {
                throw .invalidData("the checksum of a block is wrong")
            }
            guard block.count <= maximumBlockBytes else { throw .invalidData("a block is too large") }
            // Blocks that depend on each other may copy from the ones before.
            let history = flags & 0x20 != 0 ? output.count : start
            let end = output.count + maximumBlockBytes
            if word >> 31 == 1 {
                guard block.count <= limitBytes - output.count else { throw .tooLarge(limitBytes: limitBytes) }
                output += block
            } else {
                try readBlock(block, history: history, end: end, to: &output, limitBytes: limitBytes)
            }
        }
        if flags & 0x04 != 0, try reader.word() != XXHash32.hash(output[start...]) {
            throw .invalidData("the checksum of its content is wrong")
        }
        if let contentSize, contentSize != UInt64(output.count - start) {
            throw .invalidData("its length is another than its header says")
        }
    }

    /// - Parameters:
    ///   - history: Where what may be copied begins in the output.
    ///   - end: How long the output may be after this block, by the frame's header.
    private static func readBlock(
        _ block: ArraySlice<UInt8>, history: Int, end: Int, to output: inout [UInt8], limitBytes: Int
    ) throws(LZ4Error) {
        func checkRoom(_ count: Int, _ written: Int) throws(LZ4Error) {
            guard count <= limitBytes - written else { throw .tooLarge(limitBytes: limitBytes) }
            guard count <= end - written else { throw .invalidData("a block is too large") }
        }
        var reader = Reader(rest: block)
        while true {
            let token = try reader.byte()
            let literals = try reader.take(try reader.length(Int(token >> 4)))
            try checkRoom(literals.count, output.count)
            output += literals
            // The last sequence has literals alone.
            if reader.rest.isEmpty { return }
            let offset = Int(try reader.byte()) | Int(try reader.byte()) << 8
            let count = try reader.length(Int(token & 15)) + 4
            guard offset > 0, offset <= output.count - history else {
                throw .invalidData("a copy of what is not there")
            }
            try checkRoom(count, output.count)
            // What is copied may overlap what is written: then it repeats.
            let start = output.count - offset
            for index in start..<start + count { output.append(output[index]) }
        }
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func byte() throws(LZ4Error) -> UInt8 {
            guard let byte = rest.popFirst() else { throw .truncated }
            return byte
        }

        mutating func take(_ count: Int) throws(LZ4Error) -> ArraySlice<UInt8> {
            guard count <= rest.count else { throw .truncated }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        /// The lowest byte first.
        mutating func word() throws(LZ4Error) -> UInt32 {
            try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }

        /// Four bits, and where they are all set bytes, until one is not 255. No longer than the input is long, times 255.
        mutating func length(_ bits: Int) throws(LZ4Error) -> Int {
            guard bits == 15 else { return bits }
            var length = bits
            while true {
                let byte = try byte()
                length += Int(byte)
                if byte < 255 { return length }
            }
        }
    }

    // MARK: - Compression

    /// One frame of independent blocks of 64 KiB, with a checksum of all.
    public static func compress(_ bytes: [UInt8]) -> [UInt8] {
        let header: [UInt8] = [0x64, 0x40]
        var output = littleEndian(magic) + header + [UInt8(truncatingIfNeeded: XXHash32.hash(header[...]) >> 8)]
        var rest = bytes[...]
        while !rest.isEmpty {
            let block = Array(rest.prefix(blockBytes))
            rest = rest.dropFirst(block.count)
            let compressed = compress(block: block)
            if compressed.count < block.count {
                output += littleEndian(UInt32(truncatingIfNeeded: compressed.count)) + compressed
            } else {
                output += littleEndian(UInt32(truncatingIfNeeded: block.count) | 1 << 31) + block
            }
        }
        return output + littleEndian(0) + littleEndian(XXHash32.hash(bytes[...]))
    }

    private static func littleEndian(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }

    private static func compress(block: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var table = [Int32](repeating: -1, count: 1 << 13)
        var position = 0
        var literalStart = 0
        // The format wants the last five bytes to be literals, and no copy to begin within the last twelve.
        while position + 12 < block.count {
            let slot = Int((word(block, position) &* 2_654_435_761) >> 19)
            let candidate = Int(table[slot])
            table[slot] = Int32(truncatingIfNeeded: position)
            guard candidate >= 0, position - candidate < 1 << 16, word(block, candidate) == word(block, position) else {
                position += 1 + (position - literalStart) >> 6
                continue
            }
            var count = 4
            while position + count < block.count - 5, block[candidate + count] == block[position + count] { count += 1 }
            write(block[literalStart..<position], copy: (position - candidate, count), to: &output)
            position += count
            literalStart = position
        }
        write(block[literalStart...], copy: nil, to: &output)
        return output
    }

    private static func word(_ bytes: [UInt8], _ position: Int) -> UInt32 {
        UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]) << 16
            | UInt32(bytes[position + 3]) << 24
    }

    private static func write(
        _ literals: ArraySlice<UInt8>, copy: (offset: Int, count: Int)?, to output: inout [UInt8]
    ) {
        func extend(_ number: Int) {
            guard number >= 15 else { return }
            output += [UInt8](repeating: 255, count: (number - 15) / 255)
            output.append(UInt8(truncatingIfNeeded: (number - 15) % 255))
        }
        let count = copy.map { $0.count - 4 } ?? 0
        output.append(UInt8(truncatingIfNeeded: min(literals.count, 15) << 4 | min(count, 15)))
        extend(literals.count)
        output += literals
        guard let copy else { return }
        output += [UInt8(truncatingIfNeeded: copy.offset), UInt8(truncatingIfNeeded: copy.offset >> 8)]
        extend(count)
    }
}
