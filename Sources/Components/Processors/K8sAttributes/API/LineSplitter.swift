import Collector

/// Cuts a stream into lines, with a bound for each.
struct LineSplitter {
    private var pending: [UInt8] = []
    let maximumBytes: Int

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// The lines that the bytes complete, without their ends; empty ones are left out.
    /// - Throws: `CollectorError` if a line is longer than the bound.
    mutating func lines(adding bytes: some Collection<UInt8>) throws -> [[UInt8]] {
        var result: [[UInt8]] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            try append(rest[..<end])
            if !pending.isEmpty { result.append(pending) }
            pending = []
            rest = rest[rest.index(after: end)...]
        }
        try append(rest)
        return result
    }

    private mutating func append(_ part: some Collection<UInt8>) throws {
        guard part.count <= maximumBytes - pending.count else {
            throw CollectorError("a watch event is larger than \(maximumBytes) bytes")
        }
        pending.append(contentsOf: part)
    }
}
