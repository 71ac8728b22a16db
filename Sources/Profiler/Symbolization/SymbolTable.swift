import ObjectFiles

/// The functions of an ELF file's symbol tables, sorted by address: 16 bytes each. Names stay in the file when there
/// are many of them.
public struct SymbolTable: SymbolSource {
    struct Entry {
        /// Distance from `base`, in bytes.
        var start: UInt32
        /// Length in bytes; made up from the next symbol where the file says 0.
        var size: UInt32
        /// Offset in the string table; the two top bits say which one.
        var name: UInt32
        /// Index of the nearest earlier entry that was not over at `start`, or `none`.
        var enclosing: UInt32

        static let none = UInt32.max
        /// Offsets in string tables are below.
        static let nameLimit: UInt32 = 1 << 30

        /// Which of the tables' `strings` has the name, and where.
        static func place(ofName name: UInt32) -> (table: Int, offset: UInt32) {
            (Int(name / nameLimit), name % nameLimit)
        }
    }

    let base: UInt64
    let entries: [Entry]
    let strings: [SymbolStrings]
    /// Whether symbols were left out because there were more than the limit.
    public let isTruncated: Bool

    public var count: Int { entries.count }
    public var sizeBytes: Int {
        entries.count * MemoryLayout<Entry>.stride + strings.reduce(0) { $0 + $1.sizeBytes }
    }

    /// Reads `.symtab` and `.dynsym` and merges them. The `.symtab` of a stripped file is in its debug file, or some of
    /// it in its MiniDebugInfo.
    /// - Parameters:
    ///   - debugFile: the file's separate debug file, see `DebugFileFinder`.
    ///   - wanted: the only addresses that will be asked for, if they are known; the table then has no more than these
    ///     need.
    ///   - symbolLimit: how many symbols are looked at in each table; bounds memory against hostile files.
    public init(
        _ file: ELFFile, debugFile: ELFFile? = nil, wanted: [UInt64]? = nil, symbolLimit: Int = 8_000_000
    ) throws(ELFError) {
        var builder = SymbolTableBuilder(file, wanted: wanted)
        var complete = true
        if let table = file.symbolTable() {
            complete = try builder.add(table, of: file, limit: symbolLimit)
        } else if let debugFile, let table = debugFile.symbolTable() {
            complete = (try? builder.add(table, of: debugFile, limit: symbolLimit)) ?? false
        } else if let inner = MiniDebugInfo.read(file), let table = inner.symbolTable() {
            // Its names are kept, so that the unpacked file need not be.
            complete = (try? builder.add(table, of: inner, keepsNames: true, limit: symbolLimit)) ?? false
        }
        if let table = file.dynamicSymbolTable() {
            let all = try builder.add(table, of: file, limit: symbolLimit)
            complete = complete && all
        }
        isTruncated = !complete
        (base, entries, strings) = builder.finish()
    }

    public func lookup(_ address: UInt64) -> SymbolMatch? {
        guard let index = index(of: address) else { return nil }
        let entry = entries[index]
        let place = Entry.place(ofName: entry.name)
        let name = strings[place.table].name(at: place.offset)
        if name.isEmpty { return nil }
        return SymbolMatch(frames: [.init(systemName: name)], functionStart: base &+ UInt64(entry.start))
    }

    private func index(of address: UInt64) -> Int? {
        guard address >= base, let distance = UInt32(exactly: address - base) else { return nil }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].start <= distance { low = middle + 1 } else { high = middle }
        }
        if low == 0 { return nil }
        var index = low - 1
        // Chains are as long as symbols are nested; a hostile file does not get more than this.
        for _ in 0..<64 {
            let entry = entries[index]
            if distance - entry.start < entry.size { return index }
            if entry.enclosing == Entry.none { break }
            index = Int(entry.enclosing)
        }
        // Padding up to the next multiple of 16 belongs to the function before it: jumps over it are sampled there.
        let last = entries[low - 1]
        let end = base &+ UInt64(last.start) &+ UInt64(last.size)
        return address < (end &+ 15) & ~15 ? low - 1 : nil
    }
}

/// A string table: in memory when it is small, otherwise read where a name is asked for.
struct SymbolStrings: Sendable {
    private static let keptBytes: UInt64 = 128 << 10
    private static let nameLimitBytes = 64 << 10

    /// Nil when all is kept.
    private let source: (any BinarySource)?
    private let offset: UInt64
    let size: UInt64
    private let kept: [UInt8]?

    /// - Parameter keepsAll: keep a big table in memory too.
    init(_ source: any BinarySource, offset: UInt64, size: UInt64, keepsAll: Bool = false) {
        self.offset = offset
        self.size = size
        kept = size <= Self.keptBytes || keepsAll ? try? source.read(at: offset, count: Int(clamping: size)) : nil
        self.source = kept == nil ? source : nil
    }

    var sizeBytes: Int { kept?.count ?? 0 }

    /// At most `limit` bytes of the table at `position`.
    func bytes(at position: UInt32, limit: Int) -> [UInt8] {
        guard UInt64(position) < size else { return [] }
        if let kept { return Array(kept[Int(position)...].prefix(limit)) }
        let count = Int(min(UInt64(limit), size - UInt64(position)))
        return (try? source?.read(at: offset &+ UInt64(position), count: count)) ?? []
    }

    /// The name at `position`; invalid UTF-8 is repaired.
    func name(at position: UInt32) -> String {
        var name = bytes(at: position, limit: 256).prefix { $0 != 0 }
        if name.count == 256 { name = bytes(at: position, limit: Self.nameLimitBytes).prefix { $0 != 0 } }
        return String(decoding: name, as: UTF8.self)
    }
}
