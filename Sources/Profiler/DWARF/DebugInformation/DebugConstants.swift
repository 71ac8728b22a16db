/// Tags of entries (DWARF 5, table 7.3).
enum DebugTag {
    static let inlinedSubroutine: UInt16 = 0x1d
    static let compileUnit: UInt16 = 0x11
    static let subprogram: UInt16 = 0x2e
    static let partialUnit: UInt16 = 0x3c
    static let skeletonUnit: UInt16 = 0x4a
}

/// Attributes (DWARF 5, table 7.5; those of GNU and MIPS as the compilers write them).
enum DebugAttribute {
    static let sibling: UInt16 = 0x01
    static let name: UInt16 = 0x03
    static let statementList: UInt16 = 0x10
    static let lowPC: UInt16 = 0x11
    static let highPC: UInt16 = 0x12
    static let language: UInt16 = 0x13
    static let compilationFolder: UInt16 = 0x1b
    static let abstractOrigin: UInt16 = 0x31
    static let declarationFile: UInt16 = 0x3a
    static let declarationLine: UInt16 = 0x3b
    static let declaration: UInt16 = 0x3c
    static let specification: UInt16 = 0x47
    static let ranges: UInt16 = 0x55
    static let callColumn: UInt16 = 0x57
    static let callFile: UInt16 = 0x58
    static let callLine: UInt16 = 0x59
    static let linkageName: UInt16 = 0x6e
    static let stringOffsetsBase: UInt16 = 0x72
    static let addressBase: UInt16 = 0x73
    static let rangeListsBase: UInt16 = 0x74
    static let splitName: UInt16 = 0x76
    static let mipsLinkageName: UInt16 = 0x2007
    static let gnuSplitName: UInt16 = 0x2130
    static let gnuSplitID: UInt16 = 0x2131
    static let gnuRangesBase: UInt16 = 0x2132
    static let gnuAddressBase: UInt16 = 0x2133
}

/// Kinds of units (DWARF 5, table 7.2).
enum UnitKind {
    static let compile: UInt8 = 1
    static let type: UInt8 = 2
    static let partial: UInt8 = 3
    static let skeleton: UInt8 = 4
    static let splitCompile: UInt8 = 5
    static let splitType: UInt8 = 6
}

/// The language that a unit's source is written in, as far as names need it.
public enum DebugLanguage: UInt8, Sendable, Hashable {
    case unknown, c, cxx, rust, swift, d, go, fortran, ada, assembler, other

    /// From DW_LANG_* (DWARF 5, table 7.17, and the list of additions on dwarfstd.org).
    init(code: UInt64) {
        self =
            switch code {
            case 0: .unknown
            case 0x01, 0x02, 0x0c, 0x1d, 0x2c, 0x3e: .c
            case 0x04, 0x1a, 0x21, 0x2b, 0x3a: .cxx
            case 0x13: .d
            case 0x16: .go
            case 0x1c: .rust
            case 0x1e: .swift
            case 0x07, 0x08, 0x0e, 0x22, 0x23, 0x2d, 0x41: .fortran
            case 0x03, 0x0d, 0x2e, 0x2f: .ada
            case 0x31, 0x8001: .assembler
            default: .other
            }
    }
}
