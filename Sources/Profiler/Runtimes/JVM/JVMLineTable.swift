/// A method's table of lines as HotSpot keeps it behind its bytecodes (oops/constMethod.hpp,
/// code/compressedStream.hpp).
struct JVMLineTable: Sendable, Hashable {
    /// By the bytecode's place, in the order of the table, which is not sorted.
    private(set) var entries: [(place: Int32, line: Int32)] = []

    /// More than the 65,535 bytecodes of a method can have.
    private static let entryLimit = 1 << 16

    /// Nil when the bytes end before the table does.
    init?(_ bytes: [UInt8], excludesZeroByte: Bool) {
        var stream = Unsigned5(bytes[...], excludesZeroByte: excludesZeroByte)
        var place: Int32 = 0, line: Int32 = 0
        while entries.count < Self.entryLimit {
            guard let byte = stream.nextByte() else { return nil }
            if byte == 0 { return }
            if byte == 0xff {
                guard let places = stream.nextSigned(), let lines = stream.nextSigned() else { return nil }
                place = place &+ places
                line = line &+ lines
            } else {
                place = place &+ Int32(byte >> 3)
                line = line &+ Int32(byte & 7)
            }
            entries.append((place, line))
        }
    }

    init() {}

    /// That of the last entry at or before a place; 0 when there is none.
    func line(at place: Int) -> UInt32 {
        var best: (place: Int32, line: Int32)?
        for entry in entries where Int(entry.place) <= place && entry.place > best?.place ?? -1 { best = entry }
        return UInt32(clamping: best?.line ?? 0)
    }

    /// The smallest, which need not be that of the first bytecode; 0 when there is none.
    var firstLine: UInt32 { UInt32(clamping: entries.map(\.line).min() ?? 0) }

    var sizeBytes: Int { entries.count * 8 }

    static func == (left: JVMLineTable, right: JVMLineTable) -> Bool {
        left.entries.elementsEqual(right.entries) { $0 == $1 }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(entries.count) }
}
