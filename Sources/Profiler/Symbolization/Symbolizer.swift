import DWARF
import ObjectFiles
import Synchronization

/// Names addresses of executables; keeps what it read of recently used ones, within a bound.
/// One that needs more than half of the bound by itself does not push out the others: its memory is given back as soon as
/// another is asked for. So whoever has many addresses asks for those of one executable together.
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
        /// Times that an executable's memory was given back.
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
        /// The executable asked for last.
        var latest: FileID?
        var names: [String: Demangler.Result] = [:]
        var clock: UInt64 = 0
        var statistics = Statistics()
        var kept: KeptNames?

        /// The executable whose memory was used longest ago.
        func oldest(but executable: FileID) -> FileID? {
            entries.filter { $0.key != executable && $0.value.sizeBytes > Symbolizer.executableOverheadBytes }
                .min { $0.value.lastUse < $1.value.lastUse }?.key
        }

        mutating func remember(_ result: SymbolizedAddress?, at place: Place) {
            if results.count >= Symbolizer.resultLimit { results.removeAll(keepingCapacity: true) }
            results[place] = .some(result)
        }

        /// Its memory is about to be given back.
        mutating func release(_ executable: FileID) {
            guard let entry = entries[executable] else { return }
            entries[executable]?.sizeBytes = Symbolizer.executableOverheadBytes
            statistics.sizeBytes -= entry.sizeBytes - Symbolizer.executableOverheadBytes
            statistics.evictions += 1
        }
    }

    /// Every cached executable costs at least this much: its file descriptor and headers.
    private static let executableOverheadBytes = 16 << 10
    private static let nameLimit = 8192
    /// Some 300 bytes each.
    private static let resultLimit = 16384

    private let capacityBytes: Int
    private let executableLimit: Int
    private let makeSources: SourceFactory
    private let state: Mutex<State>

    /// - Parameters:
    ///   - capacityBytes: of memory, one half for tables of symbols, one for decoded debugging information; what was
    ///     used last is kept even when it alone is bigger.
    ///   - executableLimit: how many executables are kept; each holds a file descriptor.
    ///   - store: what is known from earlier runs; results are added to it.
    ///   - sources: nil for `standardSources`.
    public init(
        capacityBytes: Int = 64 << 20, executableLimit: Int = 256, store: NameStore? = nil,
        sources: SourceFactory? = nil
    ) {
        var state = State()
        state.kept = store.map(KeptNames.init)
        self.state = Mutex(state)
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
                LazySymbolTable(file, debugFile: files.separate),
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
        if let kept = state.withLock({ $0.kept?.name(executable, place.address, files: files) }) {
            state.withLock { $0.remember(kept, at: place) }
            return kept
        }
        guard let sources = sources(of: executable, open: open, files: files) else { return nil }
        let result = symbolize(place.address, sources)
        account(executable)
        state.withLock { state in
            state.remember(result, at: place)
            // Units in files of their own may be there another time.
            if let result, state.kept != nil, files().openSplit == nil {
                state.kept?.add(executable, place.address, result, files: files)
            }
        }
        return result
    }

    /// Says which addresses of an executable will be asked for next; the parameters are those of `symbolize`. Whoever has
    /// many does well to say so: of a large file then only what names these is read.
    public func announce(
        _ executable: FileID, _ addresses: [FrameAddress], open: () throws -> any BinarySource,
        files: @autoclosure () -> DebugFiles = DebugFiles()
    ) {
        let unknown = state.withLock { state in
            addresses.map(\.lookupAddress).filter { address in
                state.results[Place(executable: executable, address: address)] == nil
                    && state.kept?.name(executable, address, files: files) == nil
            }
        }
        guard !unknown.isEmpty, let sources = sources(of: executable, open: open, files: files) else { return }
        for source in sources { source.announce(unknown) }
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

    /// Writes what is to be kept on disk; for when there is time.
    public func flush() { state.withLock { $0.kept?.flush() } }

    /// Forgets an executable: its last process is gone, or its files are others now.
    public func forget(_ executable: FileID) {
        state.withLock { state in
            state.kept?.forget(executable)
            state.results = state.results.filter { $0.key.executable != executable }
            guard let entry = state.entries.removeValue(forKey: executable) else { return }
            state.statistics.sizeBytes -= entry.sizeBytes
            state.statistics.executables = state.entries.count
        }
    }

    private func sources(
        of executable: FileID, open: () throws -> any BinarySource, files: () -> DebugFiles
    ) -> [any SymbolSource]? {
        let (cached, oversized) = state.withLock { state -> ([any SymbolSource]?, Entry?) in
            state.clock += 1
            let latest = state.latest
            state.latest = executable
            state.entries[executable]?.lastUse = state.clock
            guard let latest, latest != executable, let entry = state.entries[latest], isOversized(entry.sizeBytes)
            else { return (state.entries[executable]?.sources, nil) }
            state.release(latest)
            return (state.entries[executable]?.sources, entry)
        }
        oversized?.sources.forEach { $0.releaseMemory() }
        if let cached { return cached }
        guard let source = try? open() else {
            state.withLock { $0.statistics.failures += 1 }
            return nil
        }
        // Not under the lock: other executables can be asked for meanwhile.
        let file = try? ELFFile(source)
        let sources = file.map { makeSources($0, files()) } ?? []
        let dropped = state.withLock { state -> Entry? in
            if file == nil { state.statistics.failures += 1 }
            if let replaced = state.entries[executable] { state.statistics.sizeBytes -= replaced.sizeBytes }
            state.entries[executable] = Entry(sources: sources, sizeBytes: 0, lastUse: state.clock)
            var dropped: Entry?
            if state.entries.count > executableLimit, let oldest = state.oldest(but: executable) {
                dropped = state.entries.removeValue(forKey: oldest)
                state.statistics.sizeBytes -= dropped?.sizeBytes ?? 0
                state.statistics.evictions += 1
            }
            state.statistics.executables = state.entries.count
            return dropped
        }
        withExtendedLifetime(dropped) {}
        account(executable)
        return sources
    }

    private func isOversized(_ sizeBytes: Int) -> Bool { sizeBytes > capacityBytes / 2 }

    /// Takes down what an executable's sources hold by now; where that is too much, those that were used longest ago
    /// give theirs back.
    private func account(_ executable: FileID) {
        let released = state.withLock { state -> [Entry] in
            guard let entry = state.entries[executable] else { return [] }
            let size = entry.sources.reduce(Self.executableOverheadBytes) { $0 + $1.sizeBytes }
            if size == entry.sizeBytes { return [] }
            state.entries[executable]?.sizeBytes = size
            state.statistics.sizeBytes += size - entry.sizeBytes
            var released: [Entry] = []
            // What is oversized goes by itself.
            let excess = isOversized(size) ? size : 0
            while state.statistics.sizeBytes - excess > capacityBytes, let oldest = state.oldest(but: executable) {
                guard let entry = state.entries[oldest] else { break }
                state.release(oldest)
                released.append(entry)
            }
            return released
        }
        for entry in released { entry.sources.forEach { $0.releaseMemory() } }
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
