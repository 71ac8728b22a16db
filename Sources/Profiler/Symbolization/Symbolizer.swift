import DWARF
import ObjectFiles
import Synchronization

/// Names addresses of executables; keeps what it read of recently used ones, within a bound.
///
/// Reading an executable takes milliseconds to a second and blocks: call it from a thread of its own, not from Swift's
/// cooperative pool. May be called from several threads.
public final class Symbolizer: Sendable {
    /// Gives the sources of names for an executable, best first. This is where deeper sources than symbol tables are
    /// added; a source that cannot be read is left out.
    public typealias SourceFactory = @Sendable (_ file: ELFFile, _ files: DebugFiles) -> [any SymbolSource]

    /// What the cache holds.
    public struct Statistics: Sendable, Equatable {
        public var executables = 0
        public var sizeBytes = 0
        public var evictions: UInt64 = 0
        /// Executables that could not be read.
        public var failures: UInt64 = 0
    }

    private struct Entry {
        var sources: [any SymbolSource]
        var sizeBytes: Int
        var lastUse: UInt64
    }

    private struct Place: Hashable {
        var executable: FileID
        var address: UInt64
    }

    private struct State {
        /// Nil for what no source knows.
        var results: [Place: SymbolizedAddress?] = [:]
        var entries: [FileID: Entry] = [:]
        var names: [String: Demangler.Result] = [:]
        var clock: UInt64 = 0
        var statistics = Statistics()
    }

    /// Every cached executable costs at least this much: its file descriptor and headers.
    private static let executableOverheadBytes = 16 << 10
    private static let nameLimit = 8192
    /// Some 300 bytes each.
    private static let resultLimit = 16384

    private let capacityBytes: Int
    private let executableLimit: Int
    private let makeSources: SourceFactory
    private let state = Mutex(State())

    /// - Parameters:
    ///   - capacityBytes: of memory, one half for tables of symbols, one for decoded debugging information; what was
    ///     used last is kept even when it alone is bigger.
    ///   - executableLimit: how many executables are kept; each holds a file descriptor.
    ///   - sources: nil for `standardSources`.
    public init(capacityBytes: Int = 64 << 20, executableLimit: Int = 256, sources: SourceFactory? = nil) {
        self.executableLimit = max(1, executableLimit)
        if let sources {
            self.capacityBytes = capacityBytes
            makeSources = sources
        } else {
            self.capacityBytes = capacityBytes / 2
            makeSources = Self.standardSources(DebugPartCache(capacityBytes: capacityBytes / 2))
        }
    }

    /// Go's table of functions; DWARF; symbol tables of the file, of its debug file, of its MiniDebugInfo.
    /// - Parameter cache: for decoded debugging information of all files.
    public static func standardSources(_ cache: DebugPartCache) -> SourceFactory {
        { file, files in
            let sources: [(any SymbolSource)?] = [
                GoFunctionTable(file), DebugInformationSource(file, files: files, cache: cache),
                try? SymbolTable(file, debugFile: files.separate),
            ]
            return sources.compactMap { $0 }
        }
    }

    public var statistics: Statistics { state.withLock { $0.statistics } }

    /// Names an address.
    ///
    /// - Parameters:
    ///   - executable: which file; cached sources are found by it.
    ///   - address: in ELF virtual addresses of that file, see `ELFFile.loadBias`.
    ///   - open: opens the file when it is not cached. What it throws is not remembered, since the file may be reached
    ///     through another process later; a file that is not an object file is remembered as one without names.
    ///   - files: what describes it apart from itself; asked for when it is not cached.
    /// - Returns: nil when no source knows the address.
    public func symbolize(
        _ executable: FileID, at address: FrameAddress, open: () throws -> any BinarySource,
        files: @autoclosure () -> DebugFiles = DebugFiles()
    ) -> SymbolizedAddress? {
        let place = Place(executable: executable, address: address.lookupAddress)
        if let known = state.withLock({ $0.results[place] }) { return known }
        guard let sources = sources(of: executable, open: open, files: files) else { return nil }
        let result = symbolize(place.address, sources)
        state.withLock { state in
            if state.results.count >= Self.resultLimit { state.results.removeAll(keepingCapacity: true) }
            state.results[place] = .some(result)
        }
        return result
    }

    private func symbolize(_ address: UInt64, _ sources: [any SymbolSource]) -> SymbolizedAddress? {
        var match: SymbolMatch?
        for source in sources {
            guard let found = source.lookup(address) else { continue }
            if match == nil { match = found } else { match?.complete(from: found) }
            if match?.isComplete == true { break }
        }
        guard let match else { return nil }
        let frames = match.frames.map { frame in
            let name =
                frame.isMangled
                ? demangled(frame.systemName) : Demangler.Result(name: frame.systemName, language: .unknown)
            return SymbolizedFrame(
                functionName: name.name, systemName: frame.systemName, fileName: frame.fileName, line: frame.line,
                column: frame.column, startLine: frame.startLine,
                language: name.language == .unknown ? frame.language : name.language)
        }
        return SymbolizedAddress(frames: frames, functionStart: match.functionStart)
    }

    /// Forgets an executable, when its last process is gone.
    public func forget(_ executable: FileID) {
        state.withLock { state in
            state.results = state.results.filter { $0.key.executable != executable }
            guard let entry = state.entries.removeValue(forKey: executable) else { return }
            state.statistics.sizeBytes -= entry.sizeBytes
            state.statistics.executables = state.entries.count
        }
    }

    private func sources(
        of executable: FileID, open: () throws -> any BinarySource, files: () -> DebugFiles
    ) -> [any SymbolSource]? {
        let cached = state.withLock { state -> [any SymbolSource]? in
            state.clock += 1
            state.entries[executable]?.lastUse = state.clock
            return state.entries[executable]?.sources
        }
        if let cached { return cached }
        guard let source = try? open() else {
            state.withLock { $0.statistics.failures += 1 }
            return nil
        }
        // Not under the lock: other executables can be asked for meanwhile.
        let file = try? ELFFile(source)
        let sources = file.map { makeSources($0, files()) } ?? []
        let sizeBytes = sources.reduce(Self.executableOverheadBytes) { $0 + $1.sizeBytes }
        state.withLock { state in
            if file == nil { state.statistics.failures += 1 }
            if let replaced = state.entries[executable] { state.statistics.sizeBytes -= replaced.sizeBytes }
            state.entries[executable] = Entry(sources: sources, sizeBytes: sizeBytes, lastUse: state.clock)
            state.statistics.sizeBytes += sizeBytes
            while state.entries.count > 1,
                state.statistics.sizeBytes > capacityBytes || state.entries.count > executableLimit,
                let oldest = state.entries.filter({ $0.key != executable }).min(by: {
                    $0.value.lastUse < $1.value.lastUse
                })
            {
                state.entries[oldest.key] = nil
                state.statistics.sizeBytes -= oldest.value.sizeBytes
                state.statistics.evictions += 1
            }
            state.statistics.executables = state.entries.count
        }
        return sources
    }

    private func demangled(_ name: String) -> Demangler.Result {
        if let known = state.withLock({ $0.names[name] }) { return known }
        let result = Demangler.demangle(name)
        state.withLock { state in
            // Bounded in bytes too: long names are not kept.
            if name.utf8.count + result.name.utf8.count > 2048 { return }
            if state.names.count >= Self.nameLimit { state.names.removeAll(keepingCapacity: true) }
            state.names[name] = result
        }
        return result
    }
}
