import ObjectFiles
import Synchronization

/// A file's symbol tables, read when they are first asked for and after their memory was given back. Of a large file no
/// more is kept than what names the addresses that were announced.
final class LazySymbolTable: SymbolSource {
    private struct State {
        var table: SymbolTable?
        /// There is none that can be read.
        var isMissing = false
        /// Of a large file: the addresses that the table is for.
        var announced: Set<UInt64> = []
    }

    /// Of more symbols than these a table takes 3 MiB, and to make it three times as much.
    static let largeCount = 200_000

    private let file: ELFFile
    private let debugFile: ELFFile?
    private let isLarge: Bool
    private let state = Mutex(State())

    init(_ file: ELFFile, debugFile: ELFFile?, largeCount: Int = largeCount) {
        self.file = file
        self.debugFile = debugFile
        let table = file.symbolTable() ?? debugFile?.symbolTable() ?? file.dynamicSymbolTable()
        isLarge = (table?.count ?? 0) > largeCount
    }

    var sizeBytes: Int { state.withLock { ($0.table?.sizeBytes ?? 0) + $0.announced.count * 16 } }

    func announce(_ addresses: [UInt64]) {
        guard isLarge else { return }
        state.withLock { state in
            state.announced = Set(addresses)
            state.table = nil
        }
    }

    func lookup(_ address: UInt64) -> SymbolMatch? {
        state.withLock { state in
            if state.isMissing { return nil }
            if isLarge, !state.announced.contains(address) {
                return (try? SymbolTable(file, debugFile: debugFile, wanted: [address]))?.lookup(address)
            }
            if state.table == nil {
                let wanted = isLarge ? Array(state.announced) : nil
                state.table = try? SymbolTable(file, debugFile: debugFile, wanted: wanted)
                state.isMissing = state.table == nil
            }
            return state.table?.lookup(address)
        }
    }

    func releaseMemory() {
        state.withLock { state in
            state.table = nil
            state.announced = []
        }
    }
}
