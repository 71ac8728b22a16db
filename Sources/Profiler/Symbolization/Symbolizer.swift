import ObjectFiles
import Synchronization

/// Names addresses of executables; keeps what it read of recently used ones, within a bound.
///
/// Reading an executable takes milliseconds to a second and blocks: call it from a thread of its own, not from Swift's
/// cooperative pool. May be called from several threads.
public final class Symbolizer: Sendable {
    /// Gives the sources of names for an executable, best first. This is where deeper sources than symbol tables are
    /// added; a source that cannot be read is left out.
    public typealias SourceFactory = @Sendable (_ file: ELFFile, _ debugFile: ELFFile?) -> [any SymbolSource]

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

    private struct State {
        var entries: [FileID: Entry] = [:]
        var names: [String: Demangler.Result] = [:]
        var clock: UInt64 = 0
        var statistics = Statistics()
    }

    /// Every cached executable costs at least this much: its file descriptor and headers.
    private static let executableOverheadBytes = 16 << 10
    private static let nameLimit = 8192

    private let capacityBytes: Int
    private let executableLimit: Int
    private let makeSources: SourceFactory
    private let state = Mutex(State())

    /// - Parameters:
    ///   - capacityBytes: of memory for sources; the latest executable is kept even when it alone is bigger.
    ///   - executableLimit: how many executables are kept; each holds a file descriptor.
    public init(
        capacityBytes: Int = 64 << 20, executableLimit: Int = 256,
        sources makeSources: @escaping SourceFactory = Symbolizer.standardSources
    ) {
        self.capacityBytes = capacityBytes
        self.executableLimit = max(1, executableLimit)
        self.makeSources = makeSources
    }

    /// Go's table of functions; symbol tables of the file, of its debug file, of its MiniDebugInfo.
    @Sendable public static func standardSources(_ file: ELFFile, _ debugFile: ELFFile?) -> [any SymbolSource] {
        let sources: [(any SymbolSource)?] = [GoFunctionTable(file), try? SymbolTable(file, debugFile: debugFile)]
        return sources.compactMap { $0 }
    }

    public var statistics: Statistics { state.withLock { $0.statistics } }

    /// Names an address.
    ///
    /// - Parameters:
    ///   - executable: which file; cached sources are found by it.
    ///   - address: in ELF virtual addresses of that file, see `ELFFile.loadBias`.
    ///   - open: opens the file when it is not cached. What it throws is not remembered, since the file may be reached
    ///     through another process later; a file that is not an object file is remembered as one without names.
    ///   - debugFile: the separate debug file, if it has one; asked for when it is not cached.
    /// - Returns: nil when no source knows the address.
    public func symbolize(
        _ executable: FileID, at address: FrameAddress, open: () throws -> any BinarySource,
        debugFile: @autoclosure () -> ELFFile? = nil
    ) -> SymbolizedAddress? {
        guard let sources = sources(of: executable, open: open, debugFile: debugFile) else { return nil }
        let address = address.lookupAddress
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
                column: frame.column, startLine: frame.startLine, language: name.language)
        }
        return SymbolizedAddress(frames: frames, functionStart: match.functionStart)
    }

    /// Forgets an executable, when its last process is gone.
    public func forget(_ executable: FileID) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: executable) else { return }
            state.statistics.sizeBytes -= entry.sizeBytes
            state.statistics.executables = state.entries.count
        }
    }

    private func sources(
        of executable: FileID, open: () throws -> any BinarySource, debugFile: () -> ELFFile?
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
        let sources = file.map { makeSources($0, debugFile()) } ?? []
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
