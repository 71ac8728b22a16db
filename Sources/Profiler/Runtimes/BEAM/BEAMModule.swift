import Processes
import RuntimeSupport

/// What the emulator tells debuggers of one module's code, or of shared fragments: ranges with names, and their lines
/// (`struct debug_info` and those after it, erts/emulator/beam/jit/beam_jit_metadata.cpp). All numbers are little-endian:
///
///     u32 kind, padding, u64 base, u32 ranges, u32 code size, u16 length of the name, the name; at 32 + that length:
///     range: u32 start, u32 end, u32 lines, u16 length of the name, the name; at 16 + that length its lines:
///     line: u32 start, u32 number, u16 length of the file's name, that name; the next one is at 12 + that length.
///
/// Lengths count a zero byte at the end. Starts and ends count from the base.
struct BEAMModule: Sendable {
    /// What is described.
    static let emulator: UInt32 = 0
    static let module: UInt32 = 1
    static let headerBytes = 32
    static let nameOffset = 26

    /// What a range says of an address.
    struct Place: Hashable, Sendable {
        /// As the emulator writes it: `lists:map/2`, `'Elixir.Enum':map/2`, `global::garbage_collect`.
        var name: String
        var fileName = ""
        var line: UInt32 = 0
        var startLine: UInt32 = 0
    }

    private struct Span: Sendable {
        var start: UInt32
        var end: UInt32
        /// Of its record among the bytes.
        var offset: Int
    }

    /// Bytes of a description, and ranges of one, that are read at most.
    static let limitBytes: UInt64 = 16 << 20
    private static let rangesLimit = 1 << 18

    let base: UInt64
    private let bytes: [UInt8]
    /// By start.
    private let spans: [Span]

    var sizeBytes: Int { 64 + bytes.count + spans.count * MemoryLayout<Span>.stride }

    /// Nil when it cannot be read, or is none.
    init?(_ start: UInt64, _ size: UInt64, _ memory: some MemoryReader) {
        guard size <= BEAMModule.limitBytes, let bytes = try? memory.readBytes(at: start, count: Int(size)) else {
            return nil
        }
        self.init(bytes)
    }

    /// Nil when the bytes are not such a description.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= BEAMModule.headerBytes, CodeBytes.word(bytes, at: 0) == BEAMModule.module else {
            return nil
        }
        base = CodeBytes.longWord(bytes, at: 8)
        let count = Int(CodeBytes.word(bytes, at: 16))
        guard count <= BEAMModule.rangesLimit else { return nil }
        var spans: [Span] = []
        var position = BEAMModule.headerBytes + BEAMModule.length(bytes, at: 24)
        for _ in 0..<count {
            guard bytes.count - position >= 16 else { return nil }
            let start = CodeBytes.word(bytes, at: position), end = CodeBytes.word(bytes, at: position + 4)
            spans.append(Span(start: start, end: end, offset: position))
            let lines = CodeBytes.word(bytes, at: position + 8)
            position += 16 + BEAMModule.length(bytes, at: position + 12)
            for _ in 0..<lines {
                guard position <= bytes.count - 12 else { return nil }
                position += 12 + BEAMModule.length(bytes, at: position + 8)
            }
            guard position <= bytes.count else { return nil }
        }
        self.bytes = bytes
        self.spans = spans.sorted { $0.start < $1.start }
    }

    /// Two bytes.
    private static func length(_ bytes: [UInt8], at index: Int) -> Int {
        guard index >= 0, index <= bytes.count - 2 else { return 0 }
        return Int(bytes[index]) | Int(bytes[index + 1]) << 8
    }

    private func text(at index: Int, length: Int) -> String {
        guard index <= bytes.count - length else { return "" }
        return String(decoding: bytes[index..<(index + length)].prefix { $0 != 0 }, as: UTF8.self)
    }

    private func name(_ span: Span) -> String {
        text(at: span.offset + 14, length: BEAMModule.length(bytes, at: span.offset + 12))
    }

    /// Process addresses.
    func range(named wanted: String) -> Range<UInt64>? {
        guard let span = spans.first(where: { name($0) == wanted }), span.start < span.end else { return nil }
        let (end, overflow) = base.addingReportingOverflow(UInt64(span.end))
        return overflow ? nil : (base &+ UInt64(span.start))..<end
    }

    /// What is at a process address.
    func place(of address: UInt64) -> Place? {
        guard let offset = UInt32(exactly: address &- base) else { return nil }
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].start <= offset { low = middle + 1 } else { high = middle }
        }
        guard low > 0, offset < spans[low - 1].end else { return nil }
        let span = spans[low - 1]
        var place = Place(name: name(span))
        // What precedes a function's code has no lines; it is executed when the function is called.
        if CodeBytes.word(bytes, at: span.offset + 8) == 0, low < spans.count,
            name(spans[low]) + BEAMModule.prologue == place.name
        {
            addLine(of: spans[low], at: .max, isFirst: true, to: &place)
        } else {
            addLine(of: span, at: offset, isFirst: false, to: &place)
        }
        return place
    }

    /// What emulators add to a function's name for what precedes its code.
    static let prologue = "-CodeInfoPrologue"

    /// Adds the line that is the nearest before the offset, or the first one.
    private func addLine(of span: Span, at offset: UInt32, isFirst: Bool, to place: inout Place) {
        let lines = CodeBytes.word(bytes, at: span.offset + 8)
        var position = span.offset + 16 + BEAMModule.length(bytes, at: span.offset + 12)
        var nearest: (start: UInt32, position: Int)?
        for _ in 0..<lines {
            let start = CodeBytes.word(bytes, at: position), number = CodeBytes.word(bytes, at: position + 4)
            if place.startLine == 0 { place.startLine = number }
            // A line 0 says that what follows has none of its own.
            if number != 0, start <= offset, start >= nearest?.start ?? 0, !isFirst || nearest == nil {
                nearest = (start, position)
            }
            position += 12 + BEAMModule.length(bytes, at: position + 8)
        }
        guard let position = nearest?.position else { return }
        place.line = CodeBytes.word(bytes, at: position + 4)
        place.fileName = text(at: position + 10, length: BEAMModule.length(bytes, at: position + 8))
    }
}
