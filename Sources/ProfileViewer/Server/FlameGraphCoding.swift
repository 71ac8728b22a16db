import Foundation
import NIOCore
import ProfileStore

/// A flame graph as compact bytes, all numbers little endian:
///
/// | offset | content |
/// |---|---|
/// | 0 | `OTFG` |
/// | 4 | version, 1 (UInt32) |
/// | 8 | length of the header (UInt32) |
/// | 12 | 0 (UInt32) |
/// | 16 | header: JSON with totals, a string table, and functions as columns of indices into it |
/// | then, each aligned to 8 bytes | per node: parent, function, line (Int32 arrays), self value (Float64 array) |
///
/// Browsers view the arrays in place. Values beyond 2^53 lose their low digits.
enum FlameGraphCoding {
    private struct Header: Encodable {
        struct SampleType: Encodable {
            var type: String
            var unit: String
        }

        struct Functions: Encodable {
            var name: [Int] = []
            var file: [Int] = []
            var module: [Int] = []
            var kind: [Int] = []
        }

        var sampleType: SampleType
        var total: Int64
        var completeTotal: Int64
        var cpuTimeNanoseconds: Int64
        var distinctStacks: Int
        var firstBucketSeconds: Int64?
        var lastBucketSeconds: Int64?
        var nodeCount: Int
        var strings: [String]
        var functions: Functions
    }

    static func encode(_ graph: FlameGraph) throws -> ByteBuffer {
        var strings: [String] = []
        var indices: [String: Int] = [:]
        func index(_ text: String) -> Int {
            if let known = indices[text] { return known }
            indices[text] = strings.count
            strings.append(text)
            return strings.count - 1
        }
        var functions = Header.Functions()
        for function in graph.functions {
            functions.name.append(index(function.name))
            functions.file.append(index(function.file))
            functions.module.append(index(function.module))
            functions.kind.append(index(function.kind))
        }
        let header = try JSONEncoder().encode(
            Header(
                sampleType: .init(type: graph.sampleType.type, unit: graph.sampleType.unit), total: graph.total,
                completeTotal: graph.completeTotal, cpuTimeNanoseconds: graph.cpuTimeNanoseconds,
                distinctStacks: graph.distinctStacks, firstBucketSeconds: graph.firstBucketSeconds,
                lastBucketSeconds: graph.lastBucketSeconds, nodeCount: graph.parents.count, strings: strings,
                functions: functions))
        var buffer = ByteBufferAllocator().buffer(capacity: header.count + graph.parents.count * 20 + 64)
        buffer.writeString("OTFG")
        buffer.writeInteger(UInt32(1), endianness: .little)
        buffer.writeInteger(UInt32(header.count), endianness: .little)
        buffer.writeInteger(UInt32(0), endianness: .little)
        buffer.writeBytes(header)
        append(graph.parents.map(\.littleEndian), to: &buffer)
        append(graph.nodeFunctions.map(\.littleEndian), to: &buffer)
        append(graph.lines.map(\.littleEndian), to: &buffer)
        append(graph.selfValues.map { Double($0).bitPattern.littleEndian }, to: &buffer)
        return buffer
    }

    private static func append(_ array: [some BitwiseCopyable], to buffer: inout ByteBuffer) {
        buffer.writeRepeatingByte(0, count: (8 - buffer.writerIndex % 8) % 8)
        array.withUnsafeBytes { _ = buffer.writeBytes($0) }
    }
}
