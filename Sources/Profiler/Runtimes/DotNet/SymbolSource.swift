import Glibc
import ObjectFiles
import Processes
import RuntimeSupport

/// What an assembly says of its symbols in its directory of debugging information ("PE Format", "PE/COFF Specification" of
/// dotnet/runtime's documentation): which build they must be of, what their file is called, or the symbols themselves.
struct DebugDirectory: Sendable, Equatable {
    /// The name that the assembly's file of symbols was written under, with or without a folder.
    var fileName: String?
    /// Of the build, as the symbols have it: a GUID and a stamp.
    var id: [UInt8]?
    /// A portable PDB.
    var embedded: [UInt8]?

    private static let entryBytes = 28
    private static let entriesLimit: UInt32 = 16
    private static let nameLimit: UInt32 = 1024
    /// Of symbols within an assembly, packed and unpacked.
    private static let embeddedLimitBytes: UInt32 = 2 << 20
}

extension DebugDirectory {
    init<Memory: MemoryReader>(_ image: AssemblyImage<Memory>) {
        self.init()
        guard let start = image.address(of: image.debug.address) else { return }
        let count = min(image.debug.size / UInt32(Self.entryBytes), Self.entriesLimit)
        guard let bytes = try? image.memory.readBytes(at: start, count: Int(count) * Self.entryBytes) else { return }
        for index in 0..<Int(count) {
            let at = index * Self.entryBytes
            let size = CodeBytes.word(bytes, at: at + 16)
            guard
                let place = image.isMapped
                    ? image.address(of: CodeBytes.word(bytes, at: at + 20))
                    : image.base &+ UInt64(CodeBytes.word(bytes, at: at + 24))
            else { continue }
            switch CodeBytes.word(bytes, at: at + 12) {
            case 2:
                guard size > 24, size <= Self.nameLimit, let data = try? image.memory.readBytes(at: place, count: Int(size)),
                    CodeBytes.word(data, at: 0) == 0x5344_5352  // "RSDS"
                else { continue }
                id = Array(data[4..<20]) + bytes[(at + 4)..<(at + 8)]
                fileName = String(decoding: data[24...].prefix { $0 != 0 }, as: UTF8.self)
            case 17:
                guard size > 8, size <= Self.embeddedLimitBytes,
                    let data = try? image.memory.readBytes(at: place, count: Int(size)),
                    CodeBytes.word(data, at: 0) == 0x4244_504d  // "MPDB"
                else { continue }
                let unpacked = CodeBytes.word(data, at: 4)
                guard unpacked <= Self.embeddedLimitBytes else { continue }
                embedded = try? Inflation.bytes(ofDeflated: Array(data[8...]), sizeBytes: Int(unpacked))
            default: continue
            }
        }
    }

    /// Paths of the file of symbols of an assembly that lies at `path`: beside it, under the name it was written under and
    /// under the assembly's own.
    func paths(besides path: String) -> [String] {
        guard let slash = path.lastIndex(of: "/") else { return [] }
        let folder = path[...slash], assembly = path[path.index(after: slash)...]
        var names: [Substring] = []
        if let fileName, let last = fileName.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last { names.append(last) }
        let stem = assembly.lastIndex(of: ".").map { assembly[..<$0] } ?? assembly
        names.append(stem + ".pdb")
        var paths: [String] = []
        for name in names where name != "." && name != ".." {
            let beside = "\(folder)\(name)"
            if !paths.contains(beside) { paths.append(beside) }
        }
        return paths
    }
}

/// Where an assembly's symbols are.
enum SymbolSource: Sendable {
    case embedded([UInt8])
    /// A file as its process sees it.
    case file(path: String, id: [UInt8])

    var sizeBytes: Int {
        switch self {
        case .embedded(let bytes): bytes.count
        case .file(let path, _): path.utf8.count + 64
        }
    }

    /// Nil for an assembly without symbols, or whose symbols are not at hand.
    static func find(_ image: AssemblyImage<RemoteMemory>) -> SymbolSource? {
        let directory = DebugDirectory(image)
        if let embedded = directory.embedded {
            let source = SymbolSource.embedded(embedded)
            return source.open(image.memory.pid) == nil ? nil : source
        }
        guard let id = directory.id,
            let assembly = ProcFileSystem().pathOfFile(mappedAt: image.base, in: image.memory.pid)
        else { return nil }
        return directory.paths(besides: assembly).lazy.map { SymbolSource.file(path: $0, id: id) }
            .first { $0.open(image.memory.pid) != nil }
    }

    /// Opened anew for each method that is named: methods are named once, and files held open are many.
    func open(_ pid: ProcessID) -> PortableSymbols<FileMemory>? {
        switch self {
        case .embedded(let bytes):
            return PortableSymbols(FileMemory(source: MemorySource(bytes)), size: UInt64(bytes.count), id: nil)
        case .file(let path, let id):
            guard let opened = try? ProcFileSystem().openFile(inRootOf: pid, thread: pid, path: path),
                let reader = try? FileReader(owning: fcntl(opened.descriptor.rawValue, F_DUPFD_CLOEXEC, 0))
            else { return nil }
            return PortableSymbols(FileMemory(source: reader), size: reader.size, id: id)
        }
    }
}
