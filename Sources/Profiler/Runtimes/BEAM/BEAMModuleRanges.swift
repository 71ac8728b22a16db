import Processes
import RuntimeSupport

/// The emulator's table of the memory that its modules take up: `struct ranges r[3]` (erts/emulator/beam/beam_ranges.c), a
/// static variable. Each has an array of pairs of addresses, sorted, how many there are, how many there is room for, and
/// where among them a search begins. Loading code fills the next of the three, and then makes it the one in use.
enum BEAMModuleRanges {
    static let tables = 3
    private static let modulesLimit: UInt64 = 1 << 18

    /// Process address of the first of the three.
    ///
    /// - Parameter modules: where modules lie, as is known otherwise.
    /// - Throws: `.notReady` while not each of the three has been used.
    static func find(
        in variables: BEAMVariables, modules: [UInt64], _ memory: some MemoryReader
    ) throws(RuntimeError) -> UInt64 {
        let known = Set(modules)
        let address = variables.firstAddress(ofWords: 4 * tables) { words in
            for number in 0..<tables {
                let first = words.startIndex + number * 4
                if !isTable(words[first..<(first + 4)]) { return false }
            }
            // What is not like a table by chance, leads to modules.
            for number in 0..<tables {
                let first = words.startIndex + number * 4
                if !leads(words[first..<(first + 4)], to: known, memory) { return false }
            }
            return true
        }
        guard let address else { throw RuntimeError(.notReady, "the table of modules was not found") }
        return address
    }

    private static func isTable(_ words: ArraySlice<UInt64>) -> Bool {
        let first = words.startIndex
        let array = words[first], count = words[first + 1], room = words[first + 2], middle = words[first + 3]
        return isPointer(array) && count > 0 && count <= room && room < modulesLimit && middle >= array
            && middle &- array <= count * 16
    }

    private static func leads(_ words: ArraySlice<UInt64>, to known: Set<UInt64>, _ memory: some MemoryReader) -> Bool {
        let first = words.startIndex
        let count = words[first + 1]
        guard let pair = try? memory.readBytes(at: words[first], count: 16),
            let last = try? memory.readBytes(at: words[first] &+ (count - 1) * 16, count: 16)
        else { return false }
        return known.contains(CodeBytes.longWord(pair, at: 0))
            && CodeBytes.longWord(pair, at: 0) <= CodeBytes.longWord(last, at: 0)
            && CodeBytes.longWord(last, at: 0) <= CodeBytes.longWord(last, at: 8)
    }
}

/// The start of a module's code: `BeamCodeHeader` (erts/emulator/beam/beam_code.h). Its first word is the number of
/// functions, its last ones are the address of the module's digest (MD5), one more, and the addresses of the functions.
enum BEAMModuleHeader {
    static let digestBytes = 16
    private static let searchedWords = 40
    private static let functionsChecked = 8

    /// Where a header has the address of its digest, by what several modules agree on.
    static func digestOffset(of modules: [UInt64], _ memory: some MemoryReader) -> Int? {
        var votes: [Int: Int] = [:]
        for module in modules.prefix(256) {
            guard let offset = digestOffset(of: module, memory) else { continue }
            votes[offset, default: 0] += 1
            if votes[offset] == 3 { return offset }
        }
        return nil
    }

    private static func digestOffset(of module: UInt64, _ memory: some MemoryReader) -> Int? {
        guard let bytes = try? memory.readBytes(at: module, count: (searchedWords + functionsChecked) * 8) else {
            return nil
        }
        let words = stride(from: 0, to: bytes.count, by: 8).map { CodeBytes.longWord(bytes, at: $0) }
        guard words[0] >= UInt64(functionsChecked), words[0] < 1 << 20 else { return nil }
        for first in 8..<searchedWords {
            let functions = words[first..<(first + functionsChecked)]
            // The functions follow the table of their addresses.
            let end = module &+ UInt64(first) * 8 &+ words[0] * 8
            guard functions.allSatisfy({ $0 >= end && $0 &- module < 1 << 30 }),
                zip(functions, functions.dropFirst()).allSatisfy({ $0 < $1 }),
                words[first - 2] > end, words[first - 2] &- module < 1 << 30
            else { continue }
            return (first - 2) * 8
        }
        return nil
    }

    /// What runtimes/beam.bpf.c makes of the digest of the module that lies there; nil when it cannot be read.
    static func checksum(of module: UInt64, digestOffset: Int, _ memory: some MemoryReader) -> UInt32? {
        guard let address = try? memory.read(at: module &+ UInt64(digestOffset), as: UInt64.self),
            let digest = try? memory.readBytes(at: address, count: digestBytes)
        else { return nil }
        let sum = CodeBytes.longWord(digest, at: 0) &* 31 &+ CodeBytes.longWord(digest, at: 8)
        let checksum = UInt32(truncatingIfNeeded: sum ^ sum >> 32)
        return checksum == 0 ? 1 : checksum
    }
}
