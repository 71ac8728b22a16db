/// Names of code that is made at run time, by address: what a later entry covers is no longer the earlier one's.
struct CodeMap: Sendable {
    struct Entry: Sendable {
        var start: UInt64
        var end: UInt64
        /// Place of the name in `names`.
        var name: UInt32
        var nameBytes: UInt32
        /// Later entries have higher numbers.
        var order: UInt32
    }

    /// Of entries and names together.
    private static let limitBytes = 64 << 20
    /// Entries that are looked at to the left of an address. Code of one function hardly ever lies within another's.
    private static let depthLimit = 64

    private var entries: [Entry] = []
    private var names: [UInt8] = []
    private var isSorted = true
    /// Bytes of the longest entry: nothing further to the left can reach an address.
    private var longest: UInt64 = 0
    private var order: UInt32 = 0
    /// Place and length of the name of the code that begins at an address; nil where code does not move.
    private var starts: [UInt64: (name: UInt32, bytes: UInt32)]?
    /// Whether entries were left out because there were more than the limit.
    private(set) var isTruncated = false

    init(codeMoves: Bool) {
        if codeMoves { starts = [:] }
    }

    var count: Int { entries.count }
    var sizeBytes: Int { entries.count * MemoryLayout<Entry>.stride + names.count + (starts?.count ?? 0) * 32 }

    mutating func add(start: UInt64, size: UInt64, name: some Collection<UInt8>) {
        let (end, overflow) = start.addingReportingOverflow(size)
        guard size > 0, !overflow, !name.isEmpty else { return }
        let name = name.prefix(4096)
        guard sizeBytes + name.count + MemoryLayout<Entry>.stride <= Self.limitBytes else {
            isTruncated = true
            return
        }
        let place = UInt32(names.count)
        names.append(contentsOf: name)
        add(start: start, end: end, name: place, nameBytes: UInt32(name.count))
    }

    private mutating func add(start: UInt64, end: UInt64, name: UInt32, nameBytes: UInt32) {
        order += 1
        if let last = entries.last, last.start > start { isSorted = false }
        entries.append(Entry(start: start, end: end, name: name, nameBytes: nameBytes, order: order))
        longest = max(longest, end - start)
        starts?[start] = (name, nameBytes)
    }

    /// The code that was at `address` lies elsewhere now.
    mutating func move(from address: UInt64, to place: UInt64, size: UInt64) {
        let (end, overflow) = place.addingReportingOverflow(size)
        guard size > 0, !overflow, let known = starts?[address] else { return }
        guard sizeBytes + MemoryLayout<Entry>.stride <= Self.limitBytes else {
            isTruncated = true
            return
        }
        add(start: place, end: end, name: known.name, nameBytes: known.bytes)
    }

    /// Entries may come in any order; called before looking up.
    mutating func prepare() {
        if isSorted { return }
        entries.sort { ($0.start, $0.order) < ($1.start, $1.order) }
        isSorted = true
    }

    /// The latest name of the code at the address. `prepare` must have been called.
    func name(at address: UInt64) -> String? {
        entry(at: address).map { String(decoding: names[Int($0.name)..<Int($0.name + $0.nameBytes)], as: UTF8.self) }
    }

    private func entry(at address: UInt64) -> Entry? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        var best: Entry?
        for index in stride(from: low - 1, through: max(0, low - Self.depthLimit), by: -1) {
            let entry = entries[index]
            if address - entry.start >= longest { break }
            if address < entry.end, entry.order > best?.order ?? 0 { best = entry }
        }
        return best
    }
}
