import DWARF
import ObjectFiles

/// DWARF as a source of names: functions, inlined ones too, with files and lines.
///
/// Read when it is first asked: what comes before it among the sources may know all that is asked for.
struct DebugInformationSource: SymbolSource {
    private let file: ELFFile
    private let files: DebugFiles
    private let cache: DebugPartCache
    private let owner: DebugPartCache.Owner

    /// Nil when neither the file nor its debug file has debugging information.
    init?(_ file: ELFFile, files: DebugFiles, cache: DebugPartCache) {
        let holders = [file, files.separate].compactMap { $0 }
        guard holders.contains(where: { $0.sectionContents(".debug_info") != nil }) else { return nil }
        self.file = file
        self.files = files
        self.cache = cache
        owner = cache.owner()
    }

    /// All memory is the cache's.
    var sizeBytes: Int { 0 }

    func lookup(_ address: UInt64) -> SymbolMatch? {
        guard let information = owner.information(read), let match = information.lookup(address) else { return nil }
        let frames = match.frames.map { frame in
            SymbolMatch.Frame(
                systemName: frame.name, isMangled: frame.isLinkageName, fileName: frame.file, line: frame.line,
                column: frame.column, startLine: frame.startLine, language: SymbolLanguage(frame.language))
        }
        return SymbolMatch(frames: frames, functionStart: match.functionStart)
    }

    private func read() -> DebugInformation? {
        DebugInformation(file, files: files, cache: cache)
            ?? files.separate.flatMap { DebugInformation($0, files: files, cache: cache) }
    }
}

extension SymbolLanguage {
    init(_ language: DebugLanguage) {
        self =
            switch language {
            case .unknown, .other: .unknown
            case .c: .c
            case .cxx: .cxx
            case .rust: .rust
            case .swift: .swift
            case .d: .d
            case .go: .go
            case .fortran: .fortran
            case .ada: .ada
            case .assembler: .assembler
            }
    }
}
