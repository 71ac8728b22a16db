import ObjectFiles
import Processes
import RuntimeSupport

/// The table that HotSpot keeps for compilers written in Java (jvmci/vmStructs_jvmci.cpp). It has the variables that hold
/// stubs' addresses, which the table for debuggers has lost in JDK 22 and later. No symbol leads to it: it is found by the
/// name of its first field, and the one pointer to that name.
enum JVMCITable {
    private static let firstField = Array("\0Klass_vtable_start_offset\0".utf8)
    private static let type = Array("StubRoutines".utf8)
    private static let entryLimit = 4096
    private static let stepBytes: UInt64 = 1 << 20
    private static let scannedBytes: UInt64 = 64 << 20

    /// Where entries' fields are (`VMStructEntry`), as the exported variables say.
    struct Entry {
        var stride: UInt64
        var typeName: UInt64
        var fieldName: UInt64
        var address: UInt64
    }

    /// - Parameters:
    ///   - segments: of the library.
    ///   - bias: process address - ELF address.
    /// - Returns: names without the leading underscore, and ELF addresses of variables; empty when there is no such table.
    static func stubVariables<Memory: MemoryReader>(
        _ segments: [ELFSegment], bias: UInt64, entry: Entry, memory: Memory
    ) -> [(name: String, address: UInt64)] {
        let loaded = segments.filter { $0.type == ELFSegment.load && !$0.isExecutable }
        var name: UInt64?
        for segment in loaded where name == nil {
            name = find(firstField, step: 1, segment.address &+ bias, segment.fileSize, memory).map { $0 + 1 }
        }
        guard let name, entry.stride > 0, entry.stride <= 256, entry.fieldName < 256 else { return [] }
        let pointer = withUnsafeBytes(of: name.littleEndian) { Array($0) }
        for segment in loaded {
            guard let place = find(pointer, step: 8, segment.address &+ bias, segment.fileSize, memory) else { continue }
            return read(at: place &- entry.fieldName, bias, entry, PageCache(memory))
        }
        return []
    }

    private static func read<Memory: MemoryReader>(
        at table: UInt64, _ bias: UInt64, _ entry: Entry, _ memory: Memory
    ) -> [(name: String, address: UInt64)] {
        var found: [(name: String, address: UInt64)] = []
        for index in 0..<UInt64(entryLimit) {
            let place = table &+ index &* entry.stride
            guard let typeAt = try? memory.read(at: place &+ entry.typeName, as: UInt64.self), typeAt != 0,
                let type = try? memory.readCString(at: typeAt, limit: 256)
            else { break }
            guard type.elementsEqual(Self.type),
                let fieldAt = try? memory.read(at: place &+ entry.fieldName, as: UInt64.self),
                let field = try? memory.readCString(at: fieldAt, limit: 256), field.first == UInt8(ascii: "_"),
                let address = try? memory.read(at: place &+ entry.address, as: UInt64.self), address != 0
            else { continue }
            let name = String(decoding: field.dropFirst(), as: UTF8.self)
            if VMStructs.namesCode(name) { found.append((name, address &- bias)) }
        }
        return found
    }

    /// Where the bytes lie first, at a multiple of `step` from the start; parts overlap, so that one of them has all.
    private static func find<Memory: MemoryReader>(
        _ pattern: [UInt8], step: Int, _ start: UInt64, _ size: UInt64, _ memory: Memory
    ) -> UInt64? {
        let size = min(size, scannedBytes)
        var offset: UInt64 = 0
        while offset < size {
            let count = Int(min(stepBytes + 64, size - offset))
            if let bytes = try? memory.readBytes(at: start &+ offset, count: count),
                let found = bytes.withUnsafeBytes({ place(of: pattern, step: step, in: $0) })
            {
                return start &+ offset &+ UInt64(found)
            }
            offset += stepBytes
        }
        return nil
    }

    private static func place(of pattern: [UInt8], step: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        // Words are compared as such: a table of relocated data is megabytes long.
        guard pattern.count >= 8 else { return nil }
        let wanted = pattern.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        for index in stride(from: 0, through: bytes.count - pattern.count, by: step)
        where bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) == wanted
            && bytes[index..<(index + pattern.count)].elementsEqual(pattern)
        {
            return index
        }
        return nil
    }
}
