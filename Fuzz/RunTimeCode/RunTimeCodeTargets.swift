import Symbolization

enum RunTimeCodeTargets {
    static let all = [
        FuzzTarget("perf-map") { bytes in
            var map = PerfMap()
            feed(bytes) { map.append($0) }
            for address in addresses { _ = map.name(at: address) }
        },
        FuzzTarget("jitdump") { bytes in
            var dump = JITDump()
            feed(bytes) { dump.append($0) }
            for address in addresses { _ = dump.name(at: address) }
        },
    ]

    private static let addresses: [UInt64] = [0, 1, 0x1000, 0x7f00_0000_1000, .max]

    /// In pieces of several sizes, as a growing file is read; the first byte says which.
    private static func feed(_ bytes: [UInt8], _ take: ([UInt8]) -> Void) {
        let piece = [1, 7, 64, 4096][Int(bytes.first ?? 0) & 3]
        var rest = bytes[...]
        while !rest.isEmpty {
            take(Array(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
    }
}
