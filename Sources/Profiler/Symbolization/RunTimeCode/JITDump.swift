import BinaryReading

/// A jitdump: `jit-PID.dump`, to which runtimes append a record for each function that they compile. Source: linux
/// `tools/perf/Documentation/jitdump-specification.txt`.
///
/// Read as it grows. Belongs to one thread.
public struct JITDump: Sendable {
    private static let recordLimitBytes: UInt32 = 64 << 20
    /// Of a record as much is kept as its name may need.
    private static let keptBytes = 8192

    private var map = CodeMap(codeMoves: true)
    /// The beginning of a record whose end was not there yet.
    private var rest: [UInt8] = []
    /// Bytes still to come that nobody needs: code.
    private var skipped = 0
    private var hasHeader = false
    /// Not a jitdump, or damaged: nothing more is read.
    public private(set) var isBroken = false

    public init() {}

    public var count: Int { map.count }
    public var sizeBytes: Int { map.sizeBytes + rest.count }
    public var isTruncated: Bool { map.isTruncated }

    /// Takes the next bytes of the file.
    public mutating func append(_ bytes: [UInt8]) {
        var bytes = bytes[...]
        let dropped = min(skipped, bytes.count)
        bytes = bytes.dropFirst(dropped)
        skipped -= dropped
        if isBroken || bytes.isEmpty { return }
        rest += bytes
        var position = 0
        rest.withByteReader { reader in
            do throws(ReadError) {
                while skipped == 0 {
                    var ahead = reader
                    guard try takeRecord(&ahead) else { break }
                    reader = ahead
                }
            } catch {
                isBroken = true
            }
            position = reader.position
        }
        rest.removeFirst(position)
        map.prepare()
    }

    public func name(at address: UInt64) -> String? { map.name(at: address) }

    /// - Returns: whether a whole record was there.
    private mutating func takeRecord(_ reader: inout ByteReader) throws(ReadError) -> Bool {
        let start = reader
        guard reader.remaining >= (hasHeader ? 16 : 40) else { return false }
        let kind = try reader.read(UInt32.self, "jitdump record")
        if !hasHeader {
            guard kind == 0x4a69_5444 else {
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "jitdump magic")
            }
            try reader.skip(4, "jitdump version")
            let size = Int(try reader.read(UInt32.self, "jitdump header size"))
            guard size >= 40, size <= 4096 else {
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "jitdump header size")
            }
            guard start.remaining >= size else { return false }
            reader = start
            try reader.skip(size)
            hasHeader = true
            return true
        }
        let size = try reader.read(UInt32.self, "jitdump record size")
        guard size >= 16, size <= Self.recordLimitBytes else {
            throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "jitdump record size")
        }
        let kept = min(Int(size), Self.keptBytes)
        guard start.remaining >= kept else { return false }
        try reader.skip(8, "jitdump time")
        switch kind {
        case 0:
            // Process, thread, address, address of the code, size of the code, number; the name follows.
            try reader.skip(16, "jitdump load")
            let address = try reader.read(UInt64.self, "jitdump load")
            let codeBytes = try reader.read(UInt64.self, "jitdump load")
            try reader.skip(8, "jitdump load")
            var name: [UInt8] = []
            let limit = kept - 56
            while name.count < limit, case let byte = try reader.read(UInt8.self, "jitdump name"), byte != 0 {
                name.append(byte)
            }
            map.add(start: address, size: codeBytes, name: name)
        case 1:
            // Process, thread, address, old and new address of the code, size of the code, number.
            try reader.skip(16, "jitdump move")
            let old = try reader.read(UInt64.self, "jitdump move")
            let new = try reader.read(UInt64.self, "jitdump move")
            map.move(from: old, to: new, size: try reader.read(UInt64.self, "jitdump move"))
        default: break
        }
        reader = start
        let present = min(Int(size), reader.remaining)
        try reader.skip(present)
        skipped = Int(size) - present
        return true
    }
}
