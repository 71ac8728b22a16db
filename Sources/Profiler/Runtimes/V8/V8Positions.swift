/// Tables that lead from an instruction to a place in the source (src/codegen/source-position-table.h).
enum V8Positions {
    /// A place in a script, or in a function that was inlined there (src/codegen/source-position.h).
    struct Position: Hashable, Sendable {
        /// Offset in the script's source, in characters; nil: none.
        var offset: Int?
        /// Which of the inlined calls it is in; nil: none of them.
        var inlining: Int?

        init(_ raw: UInt64) {
            // Bit 0: the source is none of V8's.
            let offset = Int(raw >> 1 & 0x3fff_ffff)
            self.offset = raw & 1 == 1 || offset == 0 ? nil : offset - 1
            let inlining = Int(raw >> 31 & 0xffff)
            self.inlining = inlining == 0 ? nil : inlining - 1
        }
    }

    /// The place of the instruction at, or last begun before, `code`: an offset in bytes. Pairs of differences, each a
    /// number of 7 bits a byte with its sign at the bottom: of the code's offset, or its complement where no statement
    /// begins; and of the position.
    ///
    /// - Parameter hasFlags: since V8 14: the code's difference is never negative, and has two flags at the bottom.
    static func position(in table: [UInt8], at code: Int, hasFlags: Bool = false) -> Position? {
        var reader = Numbers(table)
        var present: Int64 = -1
        var position: Int64 = 0
        var found: Position?
        while let step = hasFlags ? reader.unsigned().map({ Int64($0 >> 2) }) : reader.signed() {
            guard let difference = reader.signed() else { break }
            present &+= step >= 0 ? step : -(step &+ 1)
            position &+= difference
            if present > Int64(code) { break }
            found = Position(UInt64(bitPattern: position))
        }
        return found
    }

    /// Where the bytecode begins whose machine code, made by the baseline compiler, has the byte at `code`: the table is
    /// the length of each one's code, the prologue's first (src/baseline/bytecode-offset-iterator.h).
    ///
    /// - Parameter bytecode: the instructions.
    static func bytecodeOffset(in table: [UInt8], at code: Int, bytecode: [UInt8], sizes: V8BytecodeSizes) -> Int? {
        var reader = Numbers(table)
        guard let prologue = reader.unsigned() else { return nil }
        var end = Int(clamping: prologue)
        if code < end { return 0 }
        var offset = 0
        while let length = reader.unsigned() {
            end = end &+ Int(clamping: length)
            if code < end { return offset }
            guard let size = sizes.size(at: offset, in: bytecode) else { return nil }
            offset += size
        }
        return nil
    }

    private struct Numbers {
        private let bytes: [UInt8]
        private var position = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        mutating func unsigned() -> UInt64? {
            var result: UInt64 = 0
            var shift: UInt64 = 0
            while position < bytes.count, shift < 64 {
                let byte = bytes[position]
                position += 1
                result |= UInt64(byte & 0x7f) << shift
                if byte & 0x80 == 0 { return result }
                shift += 7
            }
            return nil
        }

        mutating func signed() -> Int64? {
            unsigned().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
        }
    }
}

/// How long bytecodes are: rows for operands of one, two and four bytes (`Bytecodes::kBytecodeSizes`).
struct V8BytecodeSizes: Hashable, Sendable {
    private let sizes: [UInt8]
    private var count: Int { sizes.count / 3 }

    /// Nil when they do not look like it: the four prefixes come first, one byte each.
    init?(_ sizes: [UInt8]) {
        guard sizes.count >= 12, sizes.count % 3 == 0, sizes.count <= 768, sizes[0...3].allSatisfy({ $0 == 1 }),
            sizes.allSatisfy({ $0 <= 32 })
        else { return nil }
        self.sizes = sizes
    }

    /// Of the bytecode that begins at `offset`, with its prefix.
    func size(at offset: Int, in bytecode: [UInt8]) -> Int? {
        guard bytecode.indices.contains(offset) else { return nil }
        var code = Int(bytecode[offset])
        var row = 0
        var prefix = 0
        if code < 4 {
            // Wide, ExtraWide, and both with a breakpoint.
            guard bytecode.indices.contains(offset + 1) else { return nil }
            row = 1 + code % 2
            code = Int(bytecode[offset + 1])
            prefix = 1
        }
        guard code < count, sizes[row * count + code] > 0 else { return nil }
        return prefix + Int(sizes[row * count + code])
    }
}
