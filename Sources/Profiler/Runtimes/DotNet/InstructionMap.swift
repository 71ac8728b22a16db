import Processes
import RuntimeSupport

/// Which instruction of a method's intermediate language its machine code was made of, as the compiler noted it
/// (CompressDebugInfo, debuginfostore.cpp; nibblestream.h): a byte of flags, what they announce, the sizes of two streams of
/// nibbles, and the first of those, a row for each stretch of code.
struct InstructionMap: Sendable, Equatable {
    struct Row: Sendable, Equatable {
        /// Of the code, from its start.
        var offset: UInt32
        /// Of the instruction; nil for code that none was made of, the method's end among it.
        var instruction: UInt32?
    }

    let rows: [Row]

    private static let hasPatchpoints: UInt8 = 1
    private static let hasRichInformation: UInt8 = 2
    private static let streamLimitBytes = 1 << 18
    private static let rowsLimit: UInt32 = 1 << 16
    private static let localsLimit: UInt32 = 1 << 16
    private static let richLimitBytes: UInt32 = 1 << 24
    /// Two numbers of eleven nibbles.
    private static let sizesBytes = 12
    /// Instructions' offsets have 3 added to them, for the method's start, its end, and code of nothing.
    private static let prologue: UInt32 = 1
    private static let firstInstruction: UInt32 = 3
    /// ICorDebugInfo::SourceTypes: CALL_INSTRUCTION, which does not begin a stretch.
    private static let call: UInt32 = 0x10

    /// - Parameter address: where a method's header says that it lies.
    init?(_ memory: some MemoryReader, at address: UInt64, _ layout: DotNetLayout) {
        guard layout.hasInstructionMaps, address > 0xffff, let flags = try? memory.read(at: address, as: UInt8.self),
            flags & ~(Self.hasPatchpoints | Self.hasRichInformation) == 0
        else { return nil }
        var position = address &+ 1
        if flags & Self.hasPatchpoints != 0 {
            guard let locals = try? memory.read(at: position &+ UInt64(layout.patchpointLocals), as: UInt32.self),
                locals <= Self.localsLimit
            else { return nil }
            position = position &+ UInt64(layout.patchpointBytes) &+ UInt64(locals) * 4
        }
        if flags & Self.hasRichInformation != 0 {
            guard let count = try? memory.read(at: position, as: UInt32.self), count <= Self.richLimitBytes else { return nil }
            position = position &+ 4 &+ UInt64(count)
        }
        // Fewer where memory ends.
        let counts = [Self.sizesBytes, 4, 2, 1]
        guard let head = counts.lazy.compactMap({ try? memory.readBytes(at: position, count: $0) }).first else { return nil }
        var sizes = NibbleReader(head)
        guard let count = sizes.number(), sizes.number() != nil, count <= Self.streamLimitBytes,
            let stream = try? memory.readBytes(at: position &+ UInt64(sizes.bytesRead), count: Int(count))
        else { return nil }
        self.init(stream)
    }

    /// Nil for what is no such stream.
    init?(_ stream: [UInt8]) {
        var reader = NibbleReader(stream)
        guard let count = reader.number(), count <= Self.rowsLimit else { return nil }
        var rows: [Row] = []
        var offset: UInt32 = 0
        for _ in 0..<count {
            guard let distance = reader.number(), let instruction = reader.number(), let source = reader.number() else {
                return nil
            }
            offset = offset &+ distance
            guard rows.last.map({ $0.offset <= offset }) ?? true else { return nil }
            if source & Self.call != 0 { continue }
            if instruction >= Self.firstInstruction {
                rows.append(Row(offset: offset, instruction: instruction - Self.firstInstruction))
            } else {
                rows.append(Row(offset: offset, instruction: instruction == Self.prologue ? 0 : nil))
            }
        }
        self.rows = rows
    }
}

/// Numbers of three bits a nibble, the highest first, of which all but the last have the fourth bit set; of a byte the
/// lower nibble comes first.
private struct NibbleReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Those that were begun.
    var bytesRead: Int { (position + 1) / 2 }

    mutating func number() -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<11 {
            guard let byte = bytes[safe: position / 2] else { return nil }
            let nibble = position & 1 == 0 ? byte & 15 : byte >> 4
            position += 1
            value = value << 3 | UInt32(nibble & 7)
            if nibble & 8 == 0 { return value }
        }
        return nil
    }
}
