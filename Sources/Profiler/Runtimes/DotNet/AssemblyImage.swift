import Processes
import RuntimeSupport

/// An assembly in a process's memory: a PE file, either as it is in its file or section by section as its headers say
/// (Microsoft's "PE Format"), with the headers of .NET in it (ECMA-335 II.25).
struct AssemblyImage<Memory: MemoryReader> {
    struct Section: Sendable, Equatable {
        var address: UInt32
        var memorySize: UInt32
        var fileOffset: UInt32
        var fileSize: UInt32
    }

    struct Directory: Sendable, Equatable {
        var address: UInt32
        var size: UInt32
    }

    let memory: Memory
    /// Process address of its first byte.
    let base: UInt64
    /// Whether sections lie where their headers say, not where they are in the file.
    let isMapped: Bool
    let sections: [Section]
    let metadata: Directory
    /// Of precompiled code; size 0 where there is none.
    let managedNative: Directory
    /// Of debugging information.
    let debug: Directory

    private static var headerBytes: Int { 4096 }
    private static var metadataMagic: UInt32 { 0x424a_5342 }

    /// Nil when no assembly begins there.
    init?(_ memory: Memory, at base: UInt64) {
        guard let start = try? memory.readBytes(at: base, count: 64), start[0] == 0x4d, start[1] == 0x5a else { return nil }
        let header = Int(CodeBytes.word(start, at: 60))
        guard header < Self.headerBytes - 264, let bytes = try? memory.readBytes(at: base, count: Self.headerBytes),
            CodeBytes.word(bytes, at: header) == 0x4550
        else { return nil }
        let sectionCount = Int(CodeBytes.word(bytes, at: header + 4) >> 16)
        let optionalBytes = Int(CodeBytes.word(bytes, at: header + 20) & 0xffff)
        let optional = header + 24
        let directories: Int
        switch CodeBytes.word(bytes, at: optional) & 0xffff {
        case 0x10b: directories = optional + 96
        case 0x20b: directories = optional + 112
        default: return nil
        }
        func directory(_ number: Int) -> Directory {
            Directory(
                address: CodeBytes.word(bytes, at: directories + number * 8),
                size: CodeBytes.word(bytes, at: directories + number * 8 + 4))
        }
        guard directories + 15 * 8 <= optional + optionalBytes, sectionCount <= 96 else { return nil }
        sections = (0..<sectionCount).map { index in
            let at = optional + optionalBytes + index * 40
            return Section(
                address: CodeBytes.word(bytes, at: at + 12), memorySize: CodeBytes.word(bytes, at: at + 8),
                fileOffset: CodeBytes.word(bytes, at: at + 20), fileSize: CodeBytes.word(bytes, at: at + 16))
        }
        self.memory = memory
        self.base = base
        debug = directory(6)
        let cli = directory(14)
        for isMapped in [true, false] {
            guard let at = Self.address(of: cli.address, base, isMapped, sections),
                let header = try? memory.readBytes(at: at, count: 72)
            else { continue }
            let metadata = Directory(address: CodeBytes.word(header, at: 8), size: CodeBytes.word(header, at: 12))
            guard let root = Self.address(of: metadata.address, base, isMapped, sections),
                (try? memory.read(at: root, as: UInt32.self)) == Self.metadataMagic
            else { continue }
            self.isMapped = isMapped
            self.metadata = metadata
            managedNative = Directory(address: CodeBytes.word(header, at: 64), size: CodeBytes.word(header, at: 68))
            return
        }
        return nil
    }

    /// Process address of what the headers' addresses name.
    func address(of relative: UInt32) -> UInt64? { Self.address(of: relative, base, isMapped, sections) }

    private static func address(
        of relative: UInt32, _ base: UInt64, _ isMapped: Bool, _ sections: [Section]
    ) -> UInt64? {
        guard relative != 0 else { return nil }
        if isMapped { return base &+ UInt64(relative) }
        guard
            let section = sections.first(where: {
                relative >= $0.address && relative &- $0.address < max($0.memorySize, $0.fileSize)
            })
        else { return nil }
        return base &+ UInt64(section.fileOffset) &+ UInt64(relative &- section.address)
    }

    private static var pageBytes: UInt64 { 4096 }
    /// No assembly is larger than 128 MiB in practice, and gaps between sections are small.
    private static var pagesLimit: Int { 32768 }
    private static var unreadableLimit: Int { 512 }

    /// The assembly that an address lies in: it begins with a page before.
    static func containing(_ address: UInt64, _ memory: Memory) -> AssemblyImage? {
        var page = address & ~(pageBytes - 1)
        var unreadable = 0
        for _ in 0..<pagesLimit {
            do throws(MemoryReadError) {
                if try memory.read(at: page, as: UInt16.self) == 0x5a4d, let image = AssemblyImage(memory, at: page) {
                    return image
                }
            } catch {
                unreadable += 1
                if error.kind != .unreadable || unreadable > unreadableLimit { return nil }
            }
            guard page >= pageBytes else { return nil }
            page -= pageBytes
        }
        return nil
    }
}

extension AssemblyImage: Sendable where Memory: Sendable {}
