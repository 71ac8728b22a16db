import CBPFInterface
import Processes
import RuntimeSupport

/// What the emulator tells debuggers of its compiled code, in every build for Linux: a list of entries by GDB's interface
/// for compilers (gdb's manual, "JIT Compilation Interface"), the latest first. Each leads to a description of a module,
/// of shared fragments, or of the emulator, see `BEAMModule`.
struct BEAMCodeList<Memory: MemoryReader> {
    /// An entry of the list.
    struct Entry: Hashable {
        var address: UInt64
        /// Of the description.
        var start: UInt64
        var sizeBytes: UInt64
        /// Process addresses of the code.
        var code: Range<UInt64>
        var name: String
    }

    let memory: Memory
    /// Process address of `__jit_debug_descriptor`.
    let descriptor: UInt64
    /// Where the first function of a process returns to.
    private(set) var normalExit: UInt64?
    /// By address of their code; they do not overlap.
    private(set) var entries: [Entry] = []
    /// The first entry when the list was read, with what tells whether it still is that one.
    private var head: [UInt8] = []

    private static var entriesLimit: Int { 1 << 15 }
    /// Of a name that is kept: none that is asked for is longer.
    private static var nameLimit: Int { 64 }
    private static var entryBytes: Int { 32 }

    init(descriptor: UInt64, memory: Memory) {
        self.descriptor = descriptor
        self.memory = memory
    }

    /// Process addresses of modules' headers, and of shared code.
    var bases: [UInt64] { entries.map(\.code.lowerBound) }

    // MARK: - Reading the list

    /// Reads what is new in the list.
    ///
    /// - Returns: whether there was anything.
    @discardableResult
    mutating func refresh() throws(RuntimeError) -> Bool {
        let first: UInt64
        do {
            first = try memory.read(at: descriptor &+ 16)
        } catch {
            throw RuntimeError(error)
        }
        let latest = fingerprint(of: first)
        if latest == head { return false }
        let known = Dictionary(entries.map { ($0.address, $0) }) { $1 }
        var found: [Entry] = []
        var next = first
        // A damaged list may lead back to where it was.
        var seen: Set<UInt64> = []
        while next != 0, seen.count < Self.entriesLimit, seen.insert(next).inserted {
            guard let links = try? memory.readBytes(at: next, count: Self.entryBytes) else { break }
            if let entry = entry(at: next, links) {
                // What follows an entry that has been there before was there before too.
                if known[next] == entry { break }
                found.append(entry)
            }
            next = CodeBytes.longWord(links, at: 0)
        }
        insert(found.reversed())
        head = latest
        return true
    }

    /// What changes when another entry comes first, even at the same address.
    private func fingerprint(of first: UInt64) -> [UInt8] {
        guard first != 0, let links = try? memory.readBytes(at: first, count: Self.entryBytes),
            let head = try? memory.readBytes(at: CodeBytes.longWord(links, at: 16), count: BEAMModule.headerBytes)
        else { return [] }
        return CodeBytes.bytes(first) + links + head
    }

    /// The entry with its description; nil when it describes no code. Notes what describes the emulator.
    private mutating func entry(at address: UInt64, _ links: [UInt8]) -> Entry? {
        let start = CodeBytes.longWord(links, at: 16), size = CodeBytes.longWord(links, at: 24)
        guard size >= UInt64(BEAMModule.headerBytes),
            let head = try? memory.readBytes(at: start, count: BEAMModule.headerBytes)
        else { return nil }
        switch CodeBytes.word(head, at: 0) {
        case BEAMModule.emulator:
            let address = CodeBytes.longWord(head, at: 16)
            if address != 0 { normalExit = address }
            return nil
        case BEAMModule.module:
            let base = CodeBytes.longWord(head, at: 8), length = UInt64(CodeBytes.word(head, at: 20))
            let (end, overflow) = base.addingReportingOverflow(length)
            guard base != 0, length > 0, !overflow else { return nil }
            return Entry(
                address: address, start: start, sizeBytes: size, code: base..<end, name: name(at: start, head))
        default:
            return nil
        }
    }

    private func name(at start: UInt64, _ head: [UInt8]) -> String {
        let length = Int(CodeBytes.word(head, at: 24) & 0xffff)
        guard length > 1, length <= Self.nameLimit, let text = try? memory.readBytes(at: start &+ UInt64(BEAMModule.nameOffset), count: length)
        else { return "" }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Takes in entries, the oldest first. Modules that were purged are not looked for: of entries that overlap, the latest
    /// has taken the others' place.
    private mutating func insert(_ found: [Entry]) {
        let all = (entries + found).enumerated().sorted {
            ($0.element.code.lowerBound, $0.offset) < ($1.element.code.lowerBound, $1.offset)
        }
        var kept: [(offset: Int, element: Entry)] = []
        for next in all {
            if let last = kept.last, last.element.code.upperBound > next.element.code.lowerBound {
                if last.offset > next.offset { continue }
                kept.removeLast()
            }
            kept.append(next)
        }
        entries = kept.map(\.element)
    }

    /// The entry whose code holds the address.
    func entry(for address: UInt64) -> Entry? {
        let index = entries.firstIndex(endingAfter: address)
        guard index < entries.count, entries[index].code.contains(address) else { return nil }
        return entries[index]
    }

    /// Whether the list still has the entry.
    func isCurrent(_ entry: Entry) -> Bool {
        guard let links = try? memory.readBytes(at: entry.address, count: Self.entryBytes) else { return false }
        return CodeBytes.longWord(links, at: 16) == entry.start && CodeBytes.longWord(links, at: 24) == entry.sizeBytes
    }

    // MARK: - The emulator's own code

    /// Compiled code that belongs to no module, and among it the code that takes up one process after the other.
    func sharedCode() throws(RuntimeError) -> (ranges: [code_range], scheduler: Range<UInt64>) {
        var ranges: [code_range] = []
        var scheduler: Range<UInt64>?
        for entry in entries where entry.name == "global" || entry.name == "erts_beamasm" {
            // There is a module of the name `global` too.
            guard let described = BEAMModule(entry.start, entry.sizeBytes, memory) else { continue }
            if entry.name == "global" {
                guard let found = described.range(named: "global::process_main") else { continue }
                scheduler = found
            }
            ranges.append(code_range(start: entry.code.lowerBound, length: UInt64(entry.code.count)))
        }
        guard let scheduler else { throw RuntimeError(.unsupported, "process_main is not among its compiled code") }
        return (ranges, scheduler)
    }
}

extension BEAMCodeList {
    /// By the symbol where it is exported, else by what it holds: version 1, what was last done, an entry that this was
    /// done to, and the first one, which has none before it.
    ///
    /// - Throws: `.notReady` while nothing has been compiled.
    static func find(
        symbol: UInt64?, _ variables: BEAMVariables, _ memory: Memory
    ) throws(RuntimeError) -> BEAMCodeList {
        if let symbol { return BEAMCodeList(descriptor: symbol, memory: memory) }
        let address = variables.firstAddress(ofWords: 3) { words in
            let head = words[words.startIndex], entry = words[words.startIndex + 2]
            guard head & 0xffff_ffff == 1, head >> 32 < 3, isPointer(entry),
                let links = try? memory.readBytes(at: entry, count: entryBytes),
                CodeBytes.longWord(links, at: 8) == 0,
                let described = try? memory.readBytes(
                    at: CodeBytes.longWord(links, at: 16), count: BEAMModule.headerBytes)
            else { return false }
            let next = CodeBytes.longWord(links, at: 0)
            guard next == 0 || (try? memory.read(at: next &+ 8, as: UInt64.self)) == entry else { return false }
            return [BEAMModule.emulator, BEAMModule.module].contains(CodeBytes.word(described, at: 0))
        }
        guard let address else { throw RuntimeError(.notReady, "no list of compiled code was found") }
        return BEAMCodeList(descriptor: address, memory: memory)
    }
}

extension BEAMCodeList: Sendable where Memory: Sendable {}
extension BEAMCodeList.Entry: Sendable {}

extension Array {
    /// Of entries by address, the first one that ends behind the address.
    fileprivate func firstIndex<Memory>(endingAfter address: UInt64) -> Int where Element == BEAMCodeList<Memory>.Entry {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].code.upperBound > address { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension CodeBytes {
    /// Eight bytes; 0 where there are fewer.
    static func longWord(_ bytes: [UInt8], at index: Int) -> UInt64 {
        UInt64(word(bytes, at: index)) | UInt64(word(bytes, at: index + 4)) << 32
    }

    static func bytes(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}
