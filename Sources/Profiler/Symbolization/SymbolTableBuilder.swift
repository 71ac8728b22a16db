import ObjectFiles

/// A symbol that may name code.
struct SymbolCandidate {
    var address: UInt64
    /// In bytes; 0 where the file does not say.
    var size: UInt64
    var name: UInt32
    /// Higher is better: a typed symbol over an untyped one, then global over weak over local.
    var rank: UInt8
    var isUntyped: Bool
    /// At the start of the name; counted only where that decides.
    var underscores: UInt8 = 0
}

/// Chooses among an ELF file's symbols those that name code, one per address.
struct SymbolTableBuilder {
    private let file: ELFFile
    private let ranges: [(start: UInt64, end: UInt64)]
    private var candidates: [SymbolCandidate] = []
    private var strings: [SymbolStrings] = []
    /// Nil to keep all.
    private var wanted: WantedSymbols?

    /// - Parameter wanted: the only addresses that will be asked for, if they are known: what cannot name them is left
    ///   out.
    init(_ file: ELFFile, wanted: [UInt64]? = nil) {
        self.file = file
        self.wanted = wanted.map { WantedSymbols($0) }
        // Sections are the finer truth; without them, segments.
        var ranges = file.sections.filter { $0.isExecutable && $0.isAllocated }.map { ($0.address, $0.size) }
        if ranges.isEmpty { ranges = file.executableSegments.map { ($0.address, $0.memorySize) } }
        self.ranges = ranges.map { (start: $0, end: $0.addingReportingOverflow($1).overflow ? .max : $0 + $1) }
            .sorted { $0.start < $1.start }
    }

    /// Adds a table; two at most, which is what the bits of `SymbolTable.Entry.name` are enough for.
    /// - Parameters:
    ///   - holder: the file that has the table: this file, or one about it.
    ///   - keepsNames: keep the names in memory, however many they are.
    /// - Returns: whether all symbols of the table were looked at.
    mutating func add(
        _ table: ELFSymbolTableLocation, of holder: ELFFile, keepsNames: Bool = false, limit: Int
    ) throws(ELFError) -> Bool {
        let names = SymbolStrings(
            holder.source, offset: table.stringsOffset, size: table.stringsSize, keepsAll: keepsNames)
        let flag = UInt32(strings.count) * SymbolTable.Entry.nameLimit
        strings.append(names)
        var window = SymbolNameWindow(names)
        return try holder.forEachSymbol(in: table, limit: limit) { symbol in
            guard symbol.isDefined, symbol.nameOffset != 0, symbol.nameOffset < SymbolTable.Entry.nameLimit,
                let kind = symbol.kind, kind != .object, let binding = symbol.binding,
                let range = range(of: symbol.value)
            else { return }
            if kind == .unspecified {
                // Assembler's labels: `$x` and `$d` mark code and data on arm64, `.L` names are temporary.
                let start = window.prefix(at: symbol.nameOffset, limit: 2)
                if start.first == UInt8(ascii: "$") && file.machine == .aarch64 { return }
                if start.elementsEqual(".L".utf8) { return }
            }
            let bindingRank: UInt8 = binding == .global ? 2 : binding == .weak ? 1 : 0
            let candidate = SymbolCandidate(
                address: symbol.value, size: min(symbol.size, ranges[range].end - symbol.value),
                name: symbol.nameOffset | flag, rank: (kind == .unspecified ? 0 : 4) + bindingRank,
                isUntyped: kind == .unspecified)
            if wanted == nil { candidates.append(candidate) } else { wanted?.add(candidate) }
        }
    }

    consuming func finish() -> (base: UInt64, entries: [SymbolTable.Entry], strings: [SymbolStrings]) {
        if let wanted { candidates = wanted.candidates }
        // The table's order decides last, so that equal files give equal names.
        candidates.sort { ($0.address, $0.name) < ($1.address, $1.name) }
        countUnderscoresOfRivals()
        let base = candidates.first?.address ?? 0
        var entries: [SymbolTable.Entry] = []
        entries.reserveCapacity(candidates.count)
        var open: [(index: Int, end: UInt64)] = []
        var index = 0
        while index < candidates.count {
            let address = candidates[index].address
            var chosen = candidates[index]
            var next = index + 1
            while next < candidates.count, candidates[next].address == address {
                if isBetter(candidates[next], than: chosen) { chosen = candidates[next] }
                next += 1
            }
            index = next
            guard let start = UInt32(exactly: address - base) else { break }
            while let last = open.last, last.end <= address { open.removeLast() }
            // A label inside of a function that has a size is a jump target, not a function.
            if chosen.isUntyped, !open.isEmpty { continue }
            var size = chosen.size
            if size == 0 {
                let end = range(of: address).map { ranges[$0].end } ?? address
                let following = next < candidates.count ? min(candidates[next].address, end) : end
                size = following - address
            } else {
                open.append((entries.count, address &+ size))
            }
            let enclosing = open.last.map { $0.index == entries.count ? open.dropLast().last?.index : $0.index } ?? nil
            entries.append(
                SymbolTable.Entry(
                    start: start, size: UInt32(clamping: size), name: chosen.name,
                    enclosing: enclosing.map { UInt32(clamping: $0) } ?? SymbolTable.Entry.none))
        }
        return (base, entries, strings)
    }

    private func range(of address: UInt64) -> Int? {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        return low > 0 && address < ranges[low - 1].end ? low - 1 : nil
    }

    private func isBetter(_ left: SymbolCandidate, than right: SymbolCandidate) -> Bool {
        if left.rank != right.rank { return left.rank > right.rank }
        if left.size != right.size { return left.size > right.size }
        return left.underscores < right.underscores
    }

    /// Of several at one address that are alike but for their names, the one with fewest underscores in front is chosen.
    /// Their names are read in the order in which they are stored: there may be hundreds of thousands.
    private mutating func countUnderscoresOfRivals() {
        var rivals: [Int] = []
        for index in candidates.indices.dropFirst() {
            let previous = candidates[index - 1], candidate = candidates[index]
            guard previous.address == candidate.address, previous.rank == candidate.rank, previous.size == candidate.size
            else { continue }
            if rivals.last != index - 1 { rivals.append(index - 1) }
            rivals.append(index)
        }
        rivals.sort { candidates[$0].name < candidates[$1].name }
        var windows = strings.map { SymbolNameWindow($0) }
        for index in rivals {
            let place = SymbolTable.Entry.place(ofName: candidates[index].name)
            let start = windows[place.table].prefix(at: place.offset, limit: 8)
            candidates[index].underscores = UInt8(start.prefix { $0 == UInt8(ascii: "_") }.count)
        }
    }
}

/// Starts of names, asked for in ascending order or nearly so.
private struct SymbolNameWindow {
    private static let windowBytes = 64 << 10

    private let strings: SymbolStrings
    private var start: UInt32 = 0
    private var bytes: [UInt8] = []

    init(_ strings: SymbolStrings) {
        self.strings = strings
    }

    /// At most `limit` bytes of the name at `position`, without the NUL; empty where there is none.
    mutating func prefix(at position: UInt32, limit: Int) -> ArraySlice<UInt8> {
        let end = UInt64(start) + UInt64(bytes.count)
        let isInside = position >= start && UInt64(position) + UInt64(limit) <= end
        if !isInside {
            start = position
            bytes = strings.bytes(at: position, limit: Self.windowBytes)
        }
        let first = Int(position - start)
        return bytes[min(first, bytes.count)...].prefix(limit).prefix { $0 != 0 }
    }
}
