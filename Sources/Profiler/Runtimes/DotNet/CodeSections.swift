import Processes
import RuntimeSupport

/// The ranges of code that the runtime knows (RangeSection, codeman.h), and methods in them, as BPF/runtimes/dotnet.bpf.c
/// finds them: what attaches to a process makes sure that they are understood.
struct CodeSections<Memory: MemoryReader> {
    struct Section: Sendable, Equatable {
        var begin: UInt64
        var end: UInt64
        var flags: UInt32
        var heap: UInt64
    }

    let memory: Memory
    let layout: DotNetLayout
    /// Process address of the tree's root, or of the pointer to the list's first element.
    let root: UInt64

    private static var sectionsLimit: Int { 4096 }
    private static var nodesLimit: Int { 1 << 14 }
    private static var levels: Int { 5 }

    /// - Throws: when the process is gone.
    func all() throws(MemoryReadError) -> [Section] {
        layout.hasSectionList ? try listed() : try inTree()
    }

    private func listed() throws(MemoryReadError) -> [Section] {
        var result: [Section] = []
        var next = try memory.read(at: root, as: UInt64.self)
        while next != 0, result.count < Self.sectionsLimit {
            result.append(try section(at: next))
            next = try memory.read(at: next &+ UInt64(layout.sectionNext), as: UInt64.self)
        }
        return result
    }

    private func inTree() throws(MemoryReadError) -> [Section] {
        var tables = [root]
        var nodes = 0
        for _ in 0..<Self.levels {
            var below: [UInt64] = []
            for table in tables {
                nodes += 1
                guard nodes < Self.nodesLimit, below.count < Self.nodesLimit else { break }
                let bytes = try memory.readBytes(at: table, count: 256 * 8)
                for index in 0..<256 {
                    let entry = Words.word(bytes, index * 8) & ~1
                    if entry != 0 { below.append(entry) }
                }
            }
            tables = below
        }
        var seen: Set<UInt64> = []
        var result: [Section] = []
        for first in tables {
            var fragment = first
            for _ in 0..<16 where fragment != 0 {
                let bytes = try memory.readBytes(at: fragment, count: 32)
                let address = Words.word(bytes, 24)
                if result.count < Self.sectionsLimit, seen.insert(address).inserted {
                    result.append(try section(at: address))
                }
                fragment = Words.word(bytes, 0) & ~1
            }
        }
        return result
    }

    private func section(at address: UInt64) throws(MemoryReadError) -> Section {
        let bytes = try memory.readBytes(at: address, count: 64)
        return Section(
            begin: Words.word(bytes, layout.sectionBegin), end: Words.word(bytes, layout.sectionEnd),
            flags: CodeBytes.word(bytes, at: layout.sectionFlags), heap: Words.word(bytes, layout.sectionHeap))
    }

    /// Where the methods of a heap start, a few of them; read from its nibble map, a word of which is for 256 bytes and each
    /// of its nibbles, the highest first, for 32.
    func methodStarts(in section: Section, limit: Int) throws(MemoryReadError) -> [UInt64] {
        let base = try memory.read(at: section.heap &+ UInt64(layout.heapBase), as: UInt64.self)
        let map = try memory.read(at: section.heap &+ UInt64(layout.heapMap), as: UInt64.self)
        guard section.end > section.begin, section.begin >= base, section.end &- base < 1 << 32 else { return [] }
        let first = (section.begin &- base) / 256
        let words = min((section.end &- section.begin) / 256, 4096)
        let bytes = try memory.readBytes(at: map &+ first &* 4, count: Int(words) * 4)
        var result: [UInt64] = []
        for index in 0..<Int(words) {
            let word = CodeBytes.word(bytes, at: index * 4)
            if layout.mapHasPointers, word & 15 > 8 { continue }
            for nibble in 0..<8 {
                let value = word >> UInt32(28 - nibble * 4) & 15
                guard value > 0 else { continue }
                if result.count == limit { return result }
                let bucket = (first &+ UInt64(index)) &* 8 &+ UInt64(nibble)
                result.append(base &+ bucket &* 32 &+ UInt64(value - 1) * 4)
            }
        }
        return result
    }
}

extension CodeSections: Sendable where Memory: Sendable {}

enum Words {
    /// Eight bytes; 0 where there are fewer.
    static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        UInt64(CodeBytes.word(bytes, at: offset)) | UInt64(CodeBytes.word(bytes, at: offset + 4)) << 32
    }
}
