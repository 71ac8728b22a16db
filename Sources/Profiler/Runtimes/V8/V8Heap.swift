import Processes
import RuntimeSupport

/// Objects of V8's heap, read from a process: addresses have the lowest bit set, small integers have their value in the high
/// 32 bits. The collector may move and free them at any time: whoever reads checks types, and reads again.
struct V8Heap<Memory: MemoryReader & Sendable>: Sendable {
    let memory: Memory
    let layout: V8Layout

    static func isObject(_ word: UInt64) -> Bool { word & 3 == 1 && word >> 48 == 0 }
    static func isSmallInteger(_ word: UInt64) -> Bool { word & 0xffff_ffff == 0 }
    static func smallInteger(_ word: UInt64) -> Int32? {
        isSmallInteger(word) ? Int32(truncatingIfNeeded: Int64(bitPattern: word) >> 32) : nil
    }

    /// Where an object begins.
    static func start(_ object: UInt64) -> UInt64 { object & ~3 }

    func word(_ object: UInt64, _ offset: Int) -> UInt64? {
        guard object & 1 == 1 else { return nil }
        return try? memory.read(at: Self.start(object) &+ UInt64(offset), as: UInt64.self)
    }

    func half(_ object: UInt64, _ offset: Int) -> UInt32? {
        guard object & 1 == 1 else { return nil }
        return try? memory.read(at: Self.start(object) &+ UInt64(offset), as: UInt32.self)
    }

    /// Instance type, by the object's map; nil for what is no object.
    func type(_ object: UInt64) -> UInt16? {
        guard Self.isObject(object), let map = word(object, 0) else { return nil }
        return type(ofMap: map)
    }

    func type(ofMap map: UInt64) -> UInt16? {
        guard Self.isObject(map) else { return nil }
        return try? memory.read(at: Self.start(map) &+ 12, as: UInt16.self)  // Map: instance_type
    }

    func has(_ object: UInt64, type wanted: UInt16) -> Bool { type(object) == wanted }

    /// The words of a word-aligned run of an object.
    func words(_ object: UInt64, from offset: Int, count: Int) -> [UInt64]? {
        guard Self.isObject(object), count >= 0, count <= 4096,
            let bytes = try? memory.readBytes(at: Self.start(object) &+ UInt64(offset), count: count * 8)
        else { return nil }
        return bytes.withUnsafeBytes { bytes in
            (0..<count).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
    }

    /// Length of any of the kinds of array, at most `limit`. FixedArrayBase: length at 8.
    func arrayLength(_ array: UInt64, limit: Int) -> Int? {
        guard Self.isObject(array), let word = word(array, 8), let length = Self.smallInteger(word), length >= 0,
            length <= limit
        else { return nil }
        return Int(length)
    }

    /// The bytes of an array of bytes.
    func bytes(ofArray array: UInt64, limit: Int) -> [UInt8]? {
        guard let length = arrayLength(array, limit: limit) else { return nil }
        return try? memory.readBytes(at: Self.start(array) &+ 16, count: length)
    }

    /// An element of an array of words.
    func element(_ index: Int, ofArray array: UInt64) -> UInt64? {
        guard let length = arrayLength(array, limit: 1 << 24), index >= 0, index < length else { return nil }
        return word(array, 16 + index * 8)
    }
}
