import Collector
import FoundationEssentials

/// A batch as it is in a file.
///
/// The tag is the number of items. With its highest bit set, header fields stand before the batch's own bytes: the
/// length of their JSON in four bytes, little endian, and the JSON, an object of lists of strings. The mark is in the
/// tag because a batch's bytes come from outside: nothing in them may be taken for header fields.
struct BatchRecord: Sendable {
    let bytes: [UInt8]
    let tag: UInt32

    private static let hasMetadata: UInt32 = 1 << 31

    init(bytes: [UInt8], tag: UInt32) {
        self.bytes = bytes
        self.tag = tag
    }

    /// - Throws: `EncodingError`, which no text leads to.
    init(_ content: StoredContent, items: Int) throws {
        let items = min(UInt32(clamping: items), Self.hasMetadata - 1)
        guard !content.metadata.isEmpty else {
            self.init(bytes: content.bytes, tag: items)
            return
        }
        let json = try JSONEncoder().encode(content.metadata)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 + json.count + content.bytes.count)
        let length = UInt32(clamping: json.count)
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
        bytes.append(contentsOf: json)
        bytes.append(contentsOf: content.bytes)
        self.init(bytes: bytes, tag: items | Self.hasMetadata)
    }

    static func items(_ tag: UInt32) -> Int { Int(tag & ~hasMetadata) }

    /// - Throws: If the header fields are damaged.
    func content() throws -> StoredContent {
        guard tag & Self.hasMetadata != 0 else { return StoredContent(bytes) }
        guard bytes.count >= 4 else { throw CollectorError("a stored batch ends before its header fields") }
        let length = bytes[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= bytes.count - 4 else { throw CollectorError("a stored batch ends in its header fields") }
        let metadata = try JSONDecoder().decode([String: [String]].self, from: Data(bytes[4..<(4 + length)]))
        return StoredContent(Array(bytes[(4 + length)...]), metadata: metadata)
    }
}
