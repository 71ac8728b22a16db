/// One entry of a symbol table (Elf64_Sym).
public struct ELFSymbol: Sendable, Equatable {
    public var nameOffset: UInt32
    public var info: UInt8
    public var other: UInt8
    public var sectionIndex: UInt16
    /// An ELF virtual address in executables and shared objects.
    public var value: UInt64
    /// In bytes; 0 where the compiler or assembler did not say.
    public var size: UInt64

    public static let entryBytes = 24

    public enum Kind: UInt8, Sendable {
        case unspecified = 0
        case object = 1
        case function = 2
        case indirectFunction = 10
    }

    public enum Binding: UInt8, Sendable {
        case local = 0
        case global = 1
        case weak = 2
    }

    /// nil for kinds that never name code.
    public var kind: Kind? { Kind(rawValue: info & 15) }
    /// nil for bindings of an operating system; GNU_UNIQUE counts as global.
    public var binding: Binding? { info >> 4 == 10 ? .global : Binding(rawValue: info >> 4) }
    /// False for references to other objects.
    public var isDefined: Bool { sectionIndex != 0 }

    /// Reads the entry at `offset`; the caller has checked that all of it lies in `bytes`. Symbols come by the million,
    /// which is why they are not read field by field through a checked reader.
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        nameOffset = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        info = bytes[offset + 4]
        other = bytes[offset + 5]
        sectionIndex = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self))
        value = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        size = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self))
    }
}

/// Where a symbol table and its strings lie in the file, in bytes; lies within the file.
public struct ELFSymbolTableLocation: Sendable, Equatable {
    public var offset: UInt64
    public var count: Int
    public var stringsOffset: UInt64
    public var stringsSize: UInt64
}

extension ELFFile {
    /// `.symtab`: all functions of the file, also those that are local to a source file.
    public func symbolTable() -> ELFSymbolTableLocation? {
        sections.first { $0.type == ELFSection.symbolTable }.flatMap(location(of:))
    }

    /// `.dynsym`: what the file exports. Found by PT_DYNAMIC where the section headers were stripped.
    public func dynamicSymbolTable() -> ELFSymbolTableLocation? {
        if let section = sections.first(where: { $0.type == ELFSection.dynamicSymbols }),
            let location = location(of: section)
        {
            return location
        }
        return dynamicSection()?.symbolTable(in: self)
    }

    private func location(of section: ELFSection) -> ELFSymbolTableLocation? {
        guard section.entrySize == UInt64(ELFSymbol.entryBytes), Int(section.link) < sections.count else { return nil }
        guard !section.isCompressed else { return nil }
        let strings = sections[Int(section.link)]
        guard strings.type == ELFSection.stringTable, !strings.isCompressed else { return nil }
        return location(
            offset: section.offset, count: section.size / UInt64(ELFSymbol.entryBytes),
            stringsOffset: strings.offset, stringsSize: strings.size)
    }

    /// Cuts what exceeds the file; nil if nothing is left.
    func location(
        offset: UInt64, count: UInt64, stringsOffset: UInt64, stringsSize: UInt64
    ) -> ELFSymbolTableLocation? {
        guard offset < source.size, stringsOffset < source.size else { return nil }
        let fitting = min(count, (source.size - offset) / UInt64(ELFSymbol.entryBytes))
        guard fitting > 0, let count = Int(exactly: fitting) else { return nil }
        return ELFSymbolTableLocation(
            offset: offset, count: count, stringsOffset: stringsOffset,
            stringsSize: min(stringsSize, source.size - stringsOffset))
    }

    /// Calls `body` with each symbol in the table's order, reading in chunks; at most `limit` symbols are visited.
    /// - Returns: whether all symbols were visited.
    @discardableResult
    public func forEachSymbol(
        in table: ELFSymbolTableLocation, limit: Int, _ body: (ELFSymbol) -> Void
    ) throws(ELFError) -> Bool {
        let chunkCount = 4096
        var index = 0
        let end = min(table.count, limit)
        while index < end {
            let count = min(chunkCount, end - index)
            let offset = table.offset &+ UInt64(index * ELFSymbol.entryBytes)
            let bytes = try Self.read(source, at: offset, count: count * ELFSymbol.entryBytes, "symbol table")
            bytes.withUnsafeBytes { bytes in
                for position in 0..<count { body(ELFSymbol(bytes, at: position * ELFSymbol.entryBytes)) }
            }
            index += count
        }
        return end == table.count
    }
}
