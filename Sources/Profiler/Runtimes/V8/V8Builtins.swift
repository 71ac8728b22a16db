import ObjectFiles
import RuntimeSupport
import Synchronization

/// V8's own code in the executable ("embedded builtins"): the interpreter's, and functions of the language.
final class V8Builtins: Sendable {
    /// ELF addresses.
    let range: Range<UInt64>
    private let file: ELFFile
    /// Read when they are first asked for.
    private let names = Mutex<[(address: UInt64, name: String)]?>(nil)

    /// Where they begin and a variable with their size; until 8.5 with what describes them.
    private static let symbols = [
        (start: "v8_Default_embedded_blob_code_", size: "v8_Default_embedded_blob_code_size_"),
        (start: "v8_Default_embedded_blob_", size: "v8_Default_embedded_blob_size_"),
    ]
    private static let smallest: UInt64 = 512 << 10
    private static let largest: UInt64 = 64 << 20

    /// Nil when they are not found.
    init?(in file: ELFFile) {
        self.file = file
        let found = file.symbols(named: Set(Self.symbols.flatMap { [$0.start, $0.size] }))
        let stated = Self.symbols.lazy.compactMap { names -> (UInt64, UInt64)? in
            guard let start = found[names.start]?.value, let size = found[names.size]?.value else { return nil }
            return (start, size)
        }.first
        if let (start, sizeAt) = stated, let bytes = try? file.read(atAddress: sizeAt, count: 4) {
            let size = UInt64(CodeBytes.word(bytes, at: 0))
            var start = start
            // Until 10.2 it is a variable with their address.
            if !file.executableSegments.contains(where: { start >= $0.address && start - $0.address < $0.memorySize }) {
                guard let bytes = try? file.read(atAddress: start, count: 8) else { return nil }
                start = UInt64(CodeBytes.word(bytes, at: 0)) | UInt64(CodeBytes.word(bytes, at: 4)) << 32
            }
            let (end, overflow) = start.addingReportingOverflow(size)
            guard size >= Self.smallest, size < Self.largest, !overflow else { return nil }
            range = start..<end
        } else if let gap = CodeGap.largest(in: file), UInt64(gap.count) >= Self.smallest {
            // They have no unwinding rules, and nothing else as large has none.
            range = gap
        } else {
            return nil
        }
    }

    /// The builtin at an ELF address, by the file's symbols; nil when it has none.
    func name(at address: UInt64) -> String? {
        let names = names.withLock { known in
            if let known { return known }
            let read = readNames()
            known = read
            return read
        }
        var low = 0
        var high = names.count
        while low < high {
            let middle = (low + high) / 2
            if names[middle].address <= address { low = middle + 1 } else { high = middle }
        }
        return low > 0 && range.contains(address) ? names[low - 1].name : nil
    }

    private static let prefix = Array("Builtins_".utf8)
    private static let nameBytes = 128
    private static let limit = 8192

    private func readNames() -> [(address: UInt64, name: String)] {
        guard let table = file.symbolTable() else { return [] }
        var found: [(address: UInt64, offset: UInt32)] = []
        _ = try? file.forEachSymbol(in: table, limit: 1 << 20) { symbol in
            guard range.contains(symbol.value), symbol.kind == .function, found.count < Self.limit else { return }
            found.append((symbol.value, symbol.nameOffset))
        }
        guard let first = found.map(\.offset).min(), let last = found.map(\.offset).max(), last - first < 16 << 20 else {
            return []
        }
        let start = table.stringsOffset &+ UInt64(first)
        let room = min(UInt64(last - first) + UInt64(Self.nameBytes), table.stringsSize &- UInt64(first))
        guard UInt64(first) < table.stringsSize, let strings = try? file.source.read(at: start, count: Int(room)) else {
            return []
        }
        return found.sorted { $0.address < $1.address }.compactMap { symbol in
            let text = strings[min(strings.count, Int(symbol.offset - first))...].prefix(Self.nameBytes).prefix { $0 != 0 }
            guard text.starts(with: Self.prefix) else { return nil }
            return (symbol.address, String(decoding: text.dropFirst(Self.prefix.count), as: UTF8.self))
        }
    }
}
