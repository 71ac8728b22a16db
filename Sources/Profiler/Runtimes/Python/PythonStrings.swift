import Processes
import RuntimeSupport

/// Reads `str` and `bytes` objects.
struct PythonStrings<Memory: MemoryReader> {
    let memory: Memory
    let layout: PythonLayout

    /// A `bytes` object's contents; nil when it is longer than `limit` or cannot be read.
    func bytes(at address: UInt64, limit: Int) -> [UInt8]? {
        guard address != 0,
            let size = try? memory.read(at: address &+ UInt64(layout.bytesSize), as: Int64.self),
            size >= 0, size <= Int64(limit)
        else { return nil }
        return try? memory.readBytes(at: address &+ UInt64(layout.bytesData), count: Int(size))
    }

    /// A `str` object's text, as PEP 393 stores it: one, two or four bytes a character (Include/cpython/unicodeobject.h).
    ///
    /// - Parameter limit: of characters.
    func string(at address: UInt64, limit: Int) -> String? {
        guard address != 0, let head = try? memory.readBytes(at: address, count: layout.asciiSize) else { return nil }
        let low = CodeBytes.word(head, at: layout.stringLength), high = CodeBytes.word(head, at: layout.stringLength + 4)
        guard high == 0, low <= UInt32(clamping: limit) else { return nil }
        let length = Int(low)
        let state = CodeBytes.word(head, at: layout.stringState)
        let shape = PythonStrings.shape(of: state, isWide: layout.stringState == 48)
        guard shape.isCompact, [1, 2, 4].contains(shape.kind) else { return nil }
        if length == 0 { return "" }
        let data = address &+ UInt64(shape.isASCII ? layout.asciiSize : layout.compactSize)
        guard let bytes = try? memory.readBytes(at: data, count: length * shape.kind) else { return nil }
        switch shape.kind {
        case 1:
            // Latin-1: code points below 256.
            return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        case 2:
            let units = stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
            return String(decoding: units, as: UTF16.self)
        default:
            let units = stride(from: 0, to: bytes.count, by: 4).map { CodeBytes.word(bytes, at: $0) }
            return String(decoding: units, as: UTF32.self)
        }
    }

    /// Bit fields: how it is interned (2 bits), kind (3), compact, ASCII. Free-threaded builds keep the first apart, in a
    /// field of its own byte.
    private static func shape(of state: UInt32, isWide: Bool) -> (kind: Int, isCompact: Bool, isASCII: Bool) {
        let bits = isWide ? state >> 8 : state >> 2
        return (Int(bits & 7), bits >> 3 & 1 != 0, bits >> 4 & 1 != 0)
    }
}
