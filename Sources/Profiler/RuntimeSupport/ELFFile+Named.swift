import ObjectFiles

extension ELFFile {
    /// More symbols than any interpreter has.
    private static let symbolLimit = 1 << 20
    /// More than any interpreter's names take.
    private static let stringsLimitBytes: UInt64 = 64 << 20

    /// The defined symbols of these names that the file exports (`.dynsym`); none when the table cannot be read.
    public func exportedSymbols(named names: Set<String>) -> [String: ELFSymbol] {
        dynamicSymbolTable().map { symbols(named: names, in: $0) } ?? [:]
    }

    /// As `exportedSymbols`, and where a name is not exported, what `.symtab` says.
    public func symbols(named names: Set<String>) -> [String: ELFSymbol] {
        let exported = exportedSymbols(named: names)
        guard exported.count < names.count, let table = symbolTable() else { return exported }
        return exported.merging(symbols(named: names, in: table)) { exported, _ in exported }
    }

    /// The defined symbols that the file exports whose names begin with `prefix`, by what follows it.
    public func exportedSymbols(prefix: String) -> [String: ELFSymbol] {
        guard let table = dynamicSymbolTable() else { return [:] }
        let start = Array(prefix.utf8)
        let size = Int(clamping: min(table.stringsSize, ELFFile.stringsLimitBytes))
        guard let strings = try? source.read(at: table.stringsOffset, count: size) else { return [:] }
        var found: [String: ELFSymbol] = [:]
        strings.withUnsafeBytes { strings in
            _ = try? forEachSymbol(in: table, limit: ELFFile.symbolLimit) { symbol in
                guard symbol.isDefined, symbol.value != 0, ELFFile.hasBytes(start, strings, at: symbol.nameOffset),
                    found.count < ELFFile.prefixedLimit
                else { return }
                let rest = strings[(Int(symbol.nameOffset) + start.count)...].prefix(256).prefix { $0 != 0 }
                found[String(decoding: rest, as: UTF8.self)] = symbol
            }
        }
        return found
    }

    private static let prefixedLimit = 4096

    private func symbols(named names: Set<String>, in table: ELFSymbolTableLocation) -> [String: ELFSymbol] {
        let wanted = names.map { (name: $0, bytes: Array($0.utf8) + [0]) }
        let size = Int(clamping: min(table.stringsSize, ELFFile.stringsLimitBytes))
        guard let strings = try? source.read(at: table.stringsOffset, count: size) else { return [:] }
        var found: [String: ELFSymbol] = [:]
        strings.withUnsafeBytes { strings in
            _ = try? forEachSymbol(in: table, limit: ELFFile.symbolLimit) { symbol in
                guard symbol.isDefined, symbol.value != 0 else { return }
                for (name, bytes) in wanted where ELFFile.hasBytes(bytes, strings, at: symbol.nameOffset) {
                    if found[name] == nil { found[name] = symbol }
                }
            }
        }
        return found
    }

    private static func hasBytes(_ bytes: [UInt8], _ strings: UnsafeRawBufferPointer, at offset: UInt32) -> Bool {
        let start = Int(offset)
        guard start < strings.count, strings.count - start >= bytes.count else { return false }
        for index in bytes.indices where strings[start + index] != bytes[index] { return false }
        return true
    }
}
