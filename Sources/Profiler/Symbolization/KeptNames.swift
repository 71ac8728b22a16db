import ObjectFiles

/// What a symbolizer has of a `NameStore` in memory: the names of the executables that it was last asked for, and those
/// that are to be written.
///
/// Belongs to whoever holds it.
struct KeptNames {
    private struct Loaded {
        var key: NameStore.Key
        var names: [UInt64: SymbolizedAddress]
        var lastUse: UInt64
    }

    /// Each has some megabytes at most.
    private static let executableLimit = 8
    private static let pendingLimit = 512

    private let store: NameStore
    private var loaded: [FileID: Loaded] = [:]
    private var pending: [NameStore.Key: [(address: UInt64, name: SymbolizedAddress)]] = [:]
    private var pendingCount = 0
    private var clock: UInt64 = 0

    init(_ store: NameStore) { self.store = store }

    /// Reads the executable's file when it is first asked for.
    mutating func name(_ executable: FileID, _ address: UInt64, files: () -> DebugFiles) -> SymbolizedAddress? {
        prepare(executable, files)
        return loaded[executable]?.names[address]
    }

    mutating func add(_ executable: FileID, _ address: UInt64, _ name: SymbolizedAddress, files: () -> DebugFiles) {
        prepare(executable, files)
        guard let key = loaded[executable]?.key else { return }
        pending[key, default: []].append((address, name))
        pendingCount += 1
        if pendingCount >= Self.pendingLimit { flush() }
    }

    mutating func flush() {
        for (key, names) in pending { store.add(names, to: key) }
        pending.removeAll()
        pendingCount = 0
    }

    /// Its files have changed, or nobody will ask for it again.
    mutating func forget(_ executable: FileID) { loaded[executable] = nil }

    private mutating func prepare(_ executable: FileID, _ files: () -> DebugFiles) {
        clock += 1
        if loaded[executable] != nil {
            loaded[executable]?.lastUse = clock
            return
        }
        if loaded.count >= Self.executableLimit, let oldest = loaded.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            loaded[oldest.key] = nil
        }
        let key = NameStore.Key(executable, files: files())
        // What is about to be written would not be found.
        if pending[key] != nil { flush() }
        loaded[executable] = Loaded(key: key, names: store.load(key), lastUse: clock)
    }
}
