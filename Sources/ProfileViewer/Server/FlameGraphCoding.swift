import Foundation
import NIOCore
import ProfileStore

/// A flame graph as compact bytes:
///
/// | bytes | content |
/// |---|---|
/// | 4 | `OTFG` |
/// | 4 | version, 2 (UInt32, little endian, as the next two) |
/// | 4 | length of the header |
/// | 4 | length of the texts |
/// | | header: JSON with totals and the numbers of texts, functions and nodes |
/// | | texts: UTF-8, each ended by a zero byte |
/// | | per function, column by column: indices of the texts that are its name, file, module and kind |
/// | | per node, column by column: number of children, function, line, self value |
///
/// Nodes come in the order of `FlameGraphOrder`. Numbers in columns are unsigned LEB128; function and line are one
/// higher than in `FlameGraph`, so that -1 becomes 0. A node takes six bytes or so, and laying the graph out takes the
/// page no more than some additions per node.
enum FlameGraphCoding {
    private struct Header: Encodable {
        struct SampleType: Encodable {
            var type: String
            var unit: String
        }

        var sampleType: SampleType
        var total: Int64
        var completeTotal: Int64
        var omittedTotal: Int64
        var cpuTimeNanoseconds: Int64
        var distinctStacks: Int
        var firstBucketSeconds: Int64?
        var lastBucketSeconds: Int64?
        var textCount: Int
        var functionCount: Int
        var nodeCount: Int
    }

    static func encode(_ graph: FlameGraph) throws -> ByteBuffer {
        var texts = Texts()
        let names = graph.functions.map { texts.index($0.name) }
        let files = graph.functions.map { texts.index($0.file) }
        let modules = graph.functions.map { texts.index($0.module) }
        let kinds = graph.functions.map { texts.index($0.kind) }
        let header = try JSONEncoder().encode(
            Header(
                sampleType: .init(type: graph.sampleType.type, unit: graph.sampleType.unit), total: graph.total,
                completeTotal: graph.completeTotal, omittedTotal: graph.omittedTotal,
                cpuTimeNanoseconds: graph.cpuTimeNanoseconds, distinctStacks: graph.distinctStacks,
                firstBucketSeconds: graph.firstBucketSeconds, lastBucketSeconds: graph.lastBucketSeconds,
                textCount: texts.count, functionCount: graph.functions.count, nodeCount: graph.parents.count))
        let order = FlameGraphOrder(graph)
        var columns = Columns(capacity: graph.parents.count * 7 + graph.functions.count * 8)
        for column in [names, files, modules, kinds] {
            for index in column { columns.append(UInt64(index)) }
        }
        for count in order.childCounts { columns.append(UInt64(count)) }
        for node in order.nodes { columns.append(UInt64(graph.nodeFunctions[Int(node)] + 1)) }
        for node in order.nodes { columns.append(UInt64(max(-1, Int64(graph.lines[Int(node)])) + 1)) }
        for node in order.nodes { columns.append(UInt64(max(0, graph.selfValues[Int(node)]))) }

        var buffer = ByteBufferAllocator().buffer(capacity: 16 + header.count + texts.bytes.count + columns.bytes.count)
        buffer.writeString("OTFG")
        buffer.writeInteger(UInt32(2), endianness: .little)
        buffer.writeInteger(UInt32(header.count), endianness: .little)
        buffer.writeInteger(UInt32(texts.bytes.count), endianness: .little)
        buffer.writeBytes(header)
        buffer.writeBytes(texts.bytes)
        buffer.writeBytes(columns.bytes)
        return buffer
    }

    /// Distinct texts, end to end.
    private struct Texts {
        private(set) var bytes: [UInt8] = []
        private var indices: [String: Int] = [:]

        var count: Int { indices.count }

        mutating func index(_ text: String) -> Int {
            if let known = indices[text] { return known }
            // The store has none with a zero byte; what stands in for one keeps the others in place.
            for byte in text.utf8 { bytes.append(byte == 0 ? UInt8(ascii: "?") : byte) }
            bytes.append(0)
            let index = indices.count
            indices[text] = index
            return index
        }
    }

    private struct Columns {
        private(set) var bytes: [UInt8] = []

        init(capacity: Int) {
            bytes.reserveCapacity(capacity)
        }

        @inline(__always)
        mutating func append(_ value: UInt64) {
            var rest = value
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(truncatingIfNeeded: rest))
        }
    }
}
