/// A perf map: `/tmp/perf-PID.map`, to which runtimes append a line "start size name", both numbers hexadecimal, for
/// each function that they compile. Source: linux `tools/perf/Documentation/jit-interface.txt`.
///
/// Read as it grows. Belongs to one thread.
public struct PerfMap: Sendable {
    private static let lineLimitBytes = 8192

    private var map = CodeMap(codeMoves: false)
    /// The beginning of a line whose end was not there yet.
    private var rest: [UInt8] = []
    /// The line being read is too long and will be left out.
    private var isSkipping = false

    public init() {}

    public var count: Int { map.count }
    public var sizeBytes: Int { map.sizeBytes + rest.count }
    public var isTruncated: Bool { map.isTruncated }

    /// Takes the next bytes of the file. Lines that are none are left out.
    public mutating func append(_ bytes: [UInt8]) {
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if isSkipping {
                isSkipping = false
            } else if rest.isEmpty {
                add(bytes[start..<end])
            } else {
                rest += bytes[start..<end]
                add(rest[...])
            }
            rest.removeAll(keepingCapacity: true)
            start = end + 1
        }
        if !isSkipping { rest += bytes[start...] }
        if rest.count > Self.lineLimitBytes {
            rest.removeAll()
            isSkipping = true
        }
        map.prepare()
    }

    public func name(at address: UInt64) -> String? { map.name(at: address) }

    private mutating func add(_ line: ArraySlice<UInt8>) {
        let columns = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard columns.count == 3, let start = Self.number(columns[0]), let size = Self.number(columns[1]) else { return }
        map.add(start: start, size: size, name: columns[2])
    }

    /// Some write "0x" before it.
    private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
        var digits = text
        if digits.starts(with: [0x30, 0x78]) { digits = digits.dropFirst(2) }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
