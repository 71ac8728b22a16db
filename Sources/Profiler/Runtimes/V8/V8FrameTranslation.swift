import RuntimeSupport

/// What V8 keeps to go back from optimised code to bytecode (src/deoptimizer/translation-opcode.h): for each place where it
/// can go back the functions that were at work, each with the instruction of its bytecode. As of V8 13; elsewhere the
/// numbers of the operations differ, which whoever uses the result must notice.
struct V8FrameTranslation {
    struct Frame: Hashable {
        /// Of the instruction; -1 where the function is entered.
        var bytecodeOffset: Int
        /// Indexes of the function's SharedFunctionInfo and its BytecodeArray among what the code refers to.
        var function: Int
        var bytecode: Int
    }

    private let bytes: [UInt8]
    private var index: Int
    /// In an earlier description, of which operations are used again.
    private var earlier = 0
    private var usedAgain: UInt64 = 0
    private var sinceEarlier = 0

    private enum Operation {
        static let frameWithReturn = 0
        static let frameWithoutReturn = 1
        static let lastFrame = 10
        static let begin = 14...15
        static let sameAsEarlier = 44
        static let count = 45
        /// Those that have not one operand.
        static let operands: [Int: Int] = [
            0: 6, 1: 4, 2: 3, 3: 3, 4: 2, 6: 3, 7: 4, 8: 3, 9: 3, 10: 2, 12: 0, 13: 0, 14: 3, 15: 3, 19: 0, 37: 0, 43: 2,
        ]

        static func operandCount(_ operation: Int) -> Int { operands[operation] ?? 1 }
    }

    private static let frameLimit = 64
    private static let operationLimit = 65536

    private init(_ bytes: [UInt8], at start: Int) {
        self.bytes = bytes
        index = start
    }

    /// The functions that the description at an index tells, the innermost first; nil when there is none.
    static func frames(in bytes: [UInt8], at start: Int) -> [Frame]? {
        var reader = V8FrameTranslation(bytes, at: start)
        return reader.read()
    }

    private mutating func read() -> [Frame]? {
        guard let begin = next(), Operation.begin.contains(begin), operand() != nil, let all = operand().map(Self.signed),
            let wanted = operand().map(Self.signed), wanted > 0, wanted <= all, all <= Self.frameLimit
        else { return nil }
        var frames: [Frame] = []
        var seen = 0
        for _ in 0..<Self.operationLimit where seen < all {
            guard let operation = next(), !Operation.begin.contains(operation) else { return nil }
            var left = Operation.operandCount(operation)
            if operation <= Operation.lastFrame { seen += 1 }
            if operation == Operation.frameWithReturn || operation == Operation.frameWithoutReturn {
                guard let offset = operand(), let function = operand(), let bytecode = operand() else { return nil }
                frames.append(
                    Frame(
                        bytecodeOffset: Self.signed(offset), function: Self.signed(function),
                        bytecode: Self.signed(bytecode)))
                left -= 3
            }
            for _ in 0..<left where operand() == nil { return nil }
        }
        return seen == all && !frames.isEmpty ? frames.reversed() : nil
    }

    /// The sign is the lowest bit.
    private static func signed(_ value: UInt64) -> Int {
        let magnitude = Int(clamping: value >> 1)
        return value & 1 == 1 ? -magnitude : magnitude
    }

    private mutating func next() -> Int? {
        if usedAgain > 0 { usedAgain -= 1 }
        if usedAgain > 0 { return earlierOperation() }
        guard let byte = bytes[safe: index] else { return nil }
        index += 1
        var operation = Int(byte)
        if operation >= Operation.count {
            usedAgain = UInt64(operation - Operation.count)
            operation = Operation.sameAsEarlier
        } else if operation == Operation.sameAsEarlier {
            guard let count = number(&index) else { return nil }
            usedAgain = count
        }
        if Operation.begin.contains(operation) {
            var place = index
            guard let distance = number(&place), distance < UInt64(index) else { return nil }
            earlier = index - 1 - Int(distance)
            sinceEarlier = 1
        } else if operation == Operation.sameAsEarlier {
            for _ in 0..<sinceEarlier {
                guard let skipped = earlierOperation() else { return nil }
                for _ in 0..<Operation.operandCount(skipped) where number(&earlier) == nil { return nil }
            }
            sinceEarlier = 0
            return usedAgain > 0 ? earlierOperation() : nil
        } else {
            sinceEarlier += 1
        }
        return operation
    }

    private mutating func earlierOperation() -> Int? {
        guard earlier < index, let byte = bytes[safe: earlier], byte < Operation.sameAsEarlier else { return nil }
        earlier += 1
        return Int(byte)
    }

    private mutating func operand() -> UInt64? { usedAgain > 0 ? number(&earlier) : number(&index) }

    /// Seven bits a byte, the lowest first.
    private func number(_ place: inout Int) -> UInt64? {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 35, by: 7) {
            guard let byte = bytes[safe: place] else { return nil }
            place += 1
            result |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return result }
        }
        return nil
    }
}

/// Where optimised code can go back to bytecode when a call returns (src/codegen/maglev-safepoint-table.h).
struct V8SafepointTable {
    /// Offset in the code of what a call returns to, and the number of the way back.
    private(set) var returns: [(offset: Int, number: Int)] = []

    private static let headerBytes = 16

    /// Nil when the bytes are no table: places must ascend and lie in the code.
    init?(_ bytes: [UInt8], codeBytes: Int) {
        guard bytes.count >= Self.headerBytes else { return nil }
        let count = Int(CodeBytes.word(bytes, at: 4))
        let sizes = CodeBytes.word(bytes, at: 8)
        let hasNumbers = sizes & 1 == 1
        let registerBytes = Int(sizes >> 1 & 7), placeBytes = Int(sizes >> 4 & 7), numberBytes = Int(sizes >> 7 & 7)
        let entryBytes = placeBytes + numberBytes + placeBytes + 1 + registerBytes
        guard hasNumbers, (1...4).contains(placeBytes), (1...4).contains(numberBytes), registerBytes <= 4,
            count <= (bytes.count - Self.headerBytes) / entryBytes
        else { return nil }
        func number(_ at: Int, _ size: Int) -> Int {
            Int(bytes[at..<(at + size)].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        }
        var last = -1
        for index in 0..<count {
            let at = Self.headerBytes + index * entryBytes
            let offset = number(at, placeBytes)
            guard offset > last, offset <= codeBytes else { return nil }
            last = offset
            // Numbers count from 1; 0: none.
            let wayBack = number(at + placeBytes, numberBytes) - 1
            if wayBack >= 0 { returns.append((offset, wayBack)) }
        }
    }

    func firstReturn(after offset: Int) -> (offset: Int, number: Int)? {
        var low = 0, high = returns.count
        while low < high {
            let middle = (low + high) / 2
            if returns[middle].offset > offset { high = middle } else { low = middle + 1 }
        }
        return low < returns.count ? returns[low] : nil
    }
}
