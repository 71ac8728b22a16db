import Processes

/// Reads `zend_string` (Zend/zend_types.h): count of references, hash at 8, length at 16, bytes at 24.
struct PHPStrings<Memory: MemoryReader> {
    struct Text: Hashable {
        var address: UInt64
        /// 0 for a string whose hash was never wanted.
        var hash: UInt64
        var bytes: [UInt8]

        /// For people: up to the first NUL, behind which names of anonymous classes have what makes them distinct.
        var description: String {
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    let memory: Memory

    /// Nil when the string cannot be read, is longer than `limit` bytes, or is not what its hash says.
    func text(at address: UInt64, limit: Int) -> Text? {
        guard address != 0, let hash = try? memory.read(at: address &+ 8, as: UInt64.self),
            let length = try? memory.read(at: address &+ 16, as: UInt64.self), length <= UInt64(limit),
            let bytes = try? memory.readBytes(at: address &+ 24, count: Int(length))
        else { return nil }
        guard hash == 0 || PHPStrings.hashes(bytes).contains(hash) else { return nil }
        return Text(address: address, hash: hash, bytes: bytes)
    }

    /// DJBX33A with the highest bit set (`zend_inline_hash_func`, Zend/zend_string.h). Its characters are `char`, which has a
    /// sign on x86_64, and has none where they are read eight at a time.
    static func hashes(_ bytes: [UInt8]) -> [UInt64] {
        var signed: UInt64 = 5381, unsigned: UInt64 = 5381
        for byte in bytes {
            signed = signed &* 33 &+ UInt64(bitPattern: Int64(Int8(bitPattern: byte)))
            unsigned = unsigned &* 33 &+ UInt64(byte)
        }
        return [signed | 1 << 63, unsigned | 1 << 63]
    }
}
