import BinaryReading

/// LZMA2: chunks of bytes as they are and chunks that LZMA compressed. Sources: "The .xz File Format" §5.3.1 and the
/// LZMA specification of the LZMA SDK, which is in the public domain.
///
/// The output itself is the dictionary, so no distance leads anywhere else.
struct LZMA2Decoder {
    private let limitBytes: Int
    /// Where in the output the dictionary begins.
    private var dictionaryStart: Int
    private var needsDictionary = true
    private var needsProperties = true
    private var lzma = LZMAState()

    init(dictionaryStart: Int, limitBytes: Int) {
        self.dictionaryStart = dictionaryStart
        self.limitBytes = limitBytes
    }

    /// Reads chunks up to and with the end mark.
    mutating func decode(_ reader: inout ByteReader, into output: inout [UInt8]) throws(ReadError) {
        while true {
            let position = reader.absolutePosition
            let invalid = ReadError(.invalidValue, at: position, reading: "LZMA2 chunk")
            let control = try reader.read(UInt8.self, "LZMA2 chunk")
            if control == 0 { return }
            if control == 1 || control >= 0xe0 {
                dictionaryStart = output.count
                needsDictionary = false
                needsProperties = true
            } else if needsDictionary {
                throw invalid
            }
            if control < 0x80 {
                guard control <= 2 else { throw invalid }
                let count = Int(try reader.read(UInt16.self, "LZMA2 chunk size").byteSwapped) + 1
                let bytes = try reader.readBytes(count, "LZMA2 chunk")
                try require(count, output, position)
                output.append(contentsOf: bytes)
                continue
            }
            let low = try reader.read(UInt16.self, "LZMA2 chunk size").byteSwapped
            let uncompressed = Int(control & 0x1f) << 16 + Int(low) + 1
            let compressed = Int(try reader.read(UInt16.self, "LZMA2 chunk size").byteSwapped) + 1
            if control >= 0xc0 {
                guard lzma.reset(properties: try reader.read(UInt8.self, "LZMA properties")) else { throw invalid }
                needsProperties = false
            } else if needsProperties {
                throw invalid
            } else if control >= 0xa0 {
                lzma.reset()
            }
            let bytes = try reader.readBytes(compressed, "LZMA2 chunk")
            try require(uncompressed, output, position)
            let start = output.count
            output.append(contentsOf: repeatElement(0, count: uncompressed))
            guard lzma.decode(bytes, into: &output, from: start, dictionaryStart: dictionaryStart) else {
                throw invalid
            }
        }
    }

    private func require(_ count: Int, _ output: [UInt8], _ position: Int) throws(ReadError) {
        guard count <= limitBytes - output.count else {
            throw ReadError(.limitExceeded, at: position, reading: "LZMA2 output")
        }
    }
}

/// What LZMA remembers between chunks: probabilities, the state machine, the last four distances.
private struct LZMAState {
    /// Where each group of probabilities begins.
    enum Group {
        static let isMatch = 0  // 12 states × 16 positions
        static let isRepeat = 192  // 12, as the next three
        static let isRepeat0 = 204
        static let isRepeat1 = 216
        static let isRepeat2 = 228
        static let isLongRepeat0 = 240  // 12 × 16
        static let slot = 432  // 4 trees of 6 bits
        static let middle = 688  // reverse trees of slots 4 to 13
        static let align = 816  // reverse tree of 4 bits
        static let length = 832  // 2 choices, 16 + 16 trees of 3 bits, 1 tree of 8 bits
        static let repeatLength = 1346
        static let literal = 1860  // 0x300 for each context
    }

    var probabilities: [UInt16] = []
    var literalContextBits = 0
    var literalPositionMask = 0
    var positionMask = 0
    var state = 0
    var distances: (Int, Int, Int, Int) = (0, 0, 0, 0)

    /// - Returns: false for properties that LZMA2 does not allow.
    mutating func reset(properties: UInt8) -> Bool {
        let (context, rest) = (Int(properties) % 9, Int(properties) / 9)
        let (literalPositionBits, positionBits) = (rest % 5, rest / 5)
        guard positionBits <= 4, context + literalPositionBits <= 4 else { return false }
        literalContextBits = context
        literalPositionMask = 1 << literalPositionBits - 1
        positionMask = 1 << positionBits - 1
        probabilities = [UInt16](repeating: 1024, count: Group.literal + 0x300 << (context + literalPositionBits))
        reset()
        return true
    }

    mutating func reset() {
        for index in probabilities.indices { probabilities[index] = 1024 }
        state = 0
        distances = (0, 0, 0, 0)
    }

    /// Fills `output` from `start` to its end.
    /// - Returns: false when the bytes are damaged.
    mutating func decode(_ input: [UInt8], into output: inout [UInt8], from start: Int, dictionaryStart: Int) -> Bool {
        // The first five bytes start the range coder; the very first is always 0.
        guard input.count >= 5, input[0] == 0 else { return false }
        return input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                probabilities.withUnsafeMutableBufferPointer { probabilities in
                    var coder = RangeDecoder(input: input, probabilities: probabilities)
                    return Self.decode(
                        &coder, &state, &distances, output, start, dictionaryStart, literalContextBits,
                        literalPositionMask, positionMask)
                }
            }
        }
    }

    private static func decode(
        _ coder: inout RangeDecoder, _ state: inout Int, _ distances: inout (Int, Int, Int, Int),
        _ output: UnsafeMutableBufferPointer<UInt8>, _ start: Int, _ dictionaryStart: Int,
        _ literalContextBits: Int, _ literalPositionMask: Int, _ positionMask: Int
    ) -> Bool {
        var position = start
        while position < output.count {
            if coder.isBeyondEnd { return false }
            let distanceFromStart = position &- dictionaryStart
            let positionState = distanceFromStart & positionMask
            if coder.bit(Group.isMatch &+ state &* 16 &+ positionState) == 0 {
                let previous = distanceFromStart > 0 ? Int(output[position &- 1]) : 0
                let context =
                    (distanceFromStart & literalPositionMask) << literalContextBits
                    &+ previous >> (8 &- literalContextBits)
                let base = Group.literal &+ 0x300 &* context
                if state < 7 {
                    output[position] = UInt8(truncatingIfNeeded: coder.tree(base, bits: 8))
                } else {
                    guard distances.0 < distanceFromStart else { return false }
                    let match = output[position &- distances.0 &- 1]
                    output[position] = UInt8(truncatingIfNeeded: coder.literal(base, unlike: Int(match)))
                }
                position &+= 1
                state = state < 4 ? 0 : state < 10 ? state &- 3 : state &- 6
                continue
            }
            var length = 0
            if coder.bit(Group.isRepeat &+ state) == 0 {
                distances = (0, distances.0, distances.1, distances.2)
                length = coder.length(Group.length, positionState)
                distances.0 = coder.distance(lengthState: min(length, 3))
                state = state < 7 ? 7 : 10
            } else if coder.bit(Group.isRepeat0 &+ state) == 0 {
                if coder.bit(Group.isLongRepeat0 &+ state &* 16 &+ positionState) == 0 {
                    guard distances.0 < distanceFromStart else { return false }
                    output[position] = output[position &- distances.0 &- 1]
                    position &+= 1
                    state = state < 7 ? 9 : 11
                    continue
                }
                length = coder.length(Group.repeatLength, positionState)
                state = state < 7 ? 8 : 11
            } else {
                if coder.bit(Group.isRepeat1 &+ state) == 0 {
                    distances = (distances.1, distances.0, distances.2, distances.3)
                } else if coder.bit(Group.isRepeat2 &+ state) == 0 {
                    distances = (distances.2, distances.0, distances.1, distances.3)
                } else {
                    distances = (distances.3, distances.0, distances.1, distances.2)
                }
                length = coder.length(Group.repeatLength, positionState)
                state = state < 7 ? 8 : 11
            }
            length &+= 2
            guard distances.0 < distanceFromStart, length <= output.count &- position else { return false }
            // Byte by byte: a match may overlap what it writes.
            for _ in 0..<length {
                output[position] = output[position &- distances.0 &- 1]
                position &+= 1
            }
        }
        return coder.isFinished()
    }
}

/// The range decoder of LZMA: bits with adaptive probabilities of 11 bits.
private struct RangeDecoder {
    let input: UnsafeBufferPointer<UInt8>
    let probabilities: UnsafeMutableBufferPointer<UInt16>
    var position = 5
    var range = UInt32.max
    var code: UInt32

    /// `input` has five bytes at least.
    init(input: UnsafeBufferPointer<UInt8>, probabilities: UnsafeMutableBufferPointer<UInt16>) {
        self.input = input
        self.probabilities = probabilities
        code = input[1..<5].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Zeros were made up because the input was too short.
    var isBeyondEnd: Bool { position > input.count }

    @inline(__always)
    mutating func normalize() {
        guard range < 1 << 24 else { return }
        range <<= 8
        code = code << 8 | (position < input.count ? UInt32(input[position]) : 0)
        position &+= 1
    }

    @inline(__always)
    mutating func bit(_ index: Int) -> Int {
        normalize()
        let probability = probabilities[index]
        let bound = (range >> 11) &* UInt32(probability)
        if code < bound {
            range = bound
            probabilities[index] = probability &+ (2048 &- probability) >> 5
            return 0
        }
        range &-= bound
        code &-= bound
        probabilities[index] = probability &- probability >> 5
        return 1
    }

    @inline(__always)
    mutating func tree(_ base: Int, bits: Int) -> Int {
        var symbol = 1
        for _ in 0..<bits { symbol = symbol << 1 | bit(base &+ symbol) }
        return symbol &- 1 << bits
    }

    @inline(__always)
    mutating func reverseTree(_ base: Int, bits: Int) -> Int {
        var symbol = 1
        var result = 0
        for position in 0..<bits {
            let value = bit(base &+ symbol)
            symbol = symbol << 1 | value
            result |= value << position
        }
        return result
    }

    /// A literal after a match: unlike the byte that the match would have given next.
    @inline(__always)
    mutating func literal(_ base: Int, unlike match: Int) -> Int {
        var (match, mask, symbol) = (match, 0x100, 1)
        while symbol < 0x100 {
            match <<= 1
            let matchBit = match & mask
            let value = bit(base &+ mask &+ matchBit &+ symbol)
            symbol = symbol << 1 | value
            mask &= value == 1 ? matchBit : ~matchBit
        }
        return symbol
    }

    /// A length less 2, in 0...271.
    mutating func length(_ base: Int, _ positionState: Int) -> Int {
        if bit(base) == 0 { return tree(base &+ 2 &+ positionState &* 8, bits: 3) }
        if bit(base &+ 1) == 0 { return 8 &+ tree(base &+ 130 &+ positionState &* 8, bits: 3) }
        return 16 &+ tree(base &+ 258, bits: 8)
    }

    /// A distance less 1, in 0...UInt32.max.
    mutating func distance(lengthState: Int) -> Int {
        let slot = tree(LZMAState.Group.slot &+ lengthState &* 64, bits: 6)
        if slot < 4 { return slot }
        let bits = slot >> 1 &- 1
        let base = (2 | slot & 1) << bits
        if slot < 14 { return base &+ reverseTree(LZMAState.Group.middle &+ base &- slot &- 1, bits: bits) }
        var direct = 0
        for _ in 0..<(bits &- 4) {
            normalize()
            range >>= 1
            let isOne = code >= range
            if isOne { code &-= range }
            direct = direct << 1 | (isOne ? 1 : 0)
        }
        return base &+ direct << 4 &+ reverseTree(LZMAState.Group.align, bits: 4)
    }

    /// Whether all input was used, and nothing of it is left in the code.
    mutating func isFinished() -> Bool {
        normalize()
        return position == input.count && code == 0
    }
}
