import BinaryReading

extension ByteReader {
    /// Reads an integer of the type that the field it is assigned to has.
    @inline(__always)
    mutating func field<T: FixedWidthInteger>(_ subject: StaticString) throws(ReadError) -> T {
        try read(T.self, subject)
    }
}

/// The processor that a file's code is for (`e_machine`).
public enum ELFMachine: UInt16, Sendable {
    case x86_64 = 62
    case aarch64 = 183
}

/// What kind of object a file is (`e_type`).
public enum ELFFileType: Equatable, Sendable {
    case relocatable, executable, shared, core, other(UInt16)

    init(_ value: UInt16) {
        self =
            switch value {
            case 1: .relocatable
            case 2: .executable
            case 3: .shared
            case 4: .core
            default: .other(value)
            }
    }
}

/// One program header (Elf64_Phdr): a segment. All fields as in the file; sizes and addresses in bytes.
public struct ELFSegment: Sendable {
    public var type: UInt32
    public var flags: UInt32
    public var offset: UInt64
    public var address: UInt64
    public var fileSize: UInt64
    public var memorySize: UInt64
    public var alignment: UInt64

    public static let load: UInt32 = 1
    public static let dynamic: UInt32 = 2
    public static let note: UInt32 = 4
    public static let ehFrameHeader: UInt32 = 0x6474_e550

    public var isExecutable: Bool { flags & 1 != 0 }
    public var isWritable: Bool { flags & 2 != 0 }

    static let entryBytes = 56

    init(_ reader: inout ByteReader) throws(ReadError) {
        type = try reader.field("p_type")
        flags = try reader.field("p_flags")
        offset = try reader.field("p_offset")
        address = try reader.field("p_vaddr")
        _ = try reader.read(UInt64.self, "p_paddr")
        fileSize = try reader.field("p_filesz")
        memorySize = try reader.field("p_memsz")
        alignment = try reader.field("p_align")
    }
}

/// One section header (Elf64_Shdr). All fields as in the file; sizes and addresses in bytes.
public struct ELFSection: Sendable {
    /// Empty where the file names none. At most 255 bytes are kept.
    public internal(set) var name: String = ""
    public var type: UInt32
    public var flags: UInt64
    public var address: UInt64
    public var offset: UInt64
    public var size: UInt64
    public var link: UInt32
    public var info: UInt32
    public var alignment: UInt64
    public var entrySize: UInt64
    let nameOffset: UInt32

    public static let symbolTable: UInt32 = 2
    public static let stringTable: UInt32 = 3
    public static let note: UInt32 = 7
    public static let noBits: UInt32 = 8
    public static let dynamicSymbols: UInt32 = 11

    public var isAllocated: Bool { flags & 2 != 0 }
    public var isExecutable: Bool { flags & 4 != 0 }
    public var isCompressed: Bool { flags & 0x800 != 0 }

    static let entryBytes = 64

    init(_ reader: inout ByteReader) throws(ReadError) {
        nameOffset = try reader.field("sh_name")
        type = try reader.field("sh_type")
        flags = try reader.field("sh_flags")
        address = try reader.field("sh_addr")
        offset = try reader.field("sh_offset")
        size = try reader.field("sh_size")
        link = try reader.field("sh_link")
        info = try reader.field("sh_info")
        alignment = try reader.field("sh_addralign")
        entrySize = try reader.field("sh_entsize")
    }
}
