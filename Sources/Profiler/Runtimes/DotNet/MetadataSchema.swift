/// The columns of metadata tables (ECMA-335 II.22; "Portable PDB" for those from 0x30 on).
enum MetadataSchema {
    enum Column: Sendable {
        case two, four
        case string, blob, guid
        case row(UInt8)
        /// Bits of the tag, and the tables that it tells apart; nil for tags without one.
        case coded(Int, [UInt8])
    }

    static let typeRef: UInt8 = 0x01, typeDef: UInt8 = 0x02, methodDef: UInt8 = 0x06, memberRef: UInt8 = 0x0a
    static let typeSpec: UInt8 = 0x1b, nestedClass: UInt8 = 0x29, genericParam: UInt8 = 0x2a
    static let document: UInt8 = 0x30, methodDebugInformation: UInt8 = 0x31

    private static let typeDefOrRef = Column.coded(2, [0x02, 0x01, 0x1b])
    private static let methodDefOrRef = Column.coded(1, [0x06, 0x0a])
    private static let implementation = Column.coded(2, [0x26, 0x23, 0x27])
    private static let hasCustomAttribute = Column.coded(
        5,
        [
            0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23, 0x26, 0x27,
            0x28, 0x2a, 0x2c, 0x2b,
        ])

    /// By table; empty for numbers that no table has.
    static let columns: [[Column]] = [
        [.two, .string, .guid, .guid, .guid],  // Module
        [.coded(2, [0x00, 0x1a, 0x23, 0x01]), .string, .string],  // TypeRef
        [.four, .string, .string, typeDefOrRef, .row(0x04), .row(0x06)],  // TypeDef
        [.row(0x04)],
        [.two, .string, .blob],  // Field
        [.row(0x06)],
        [.four, .two, .two, .string, .blob, .row(0x08)],  // MethodDef
        [.row(0x08)],
        [.two, .two, .string],  // Param
        [.row(0x02), typeDefOrRef],
        [.coded(3, [0x02, 0x01, 0x1a, 0x06, 0x1b]), .string, .blob],  // MemberRef
        [.two, .coded(2, [0x04, 0x08, 0x17]), .blob],
        [hasCustomAttribute, .coded(3, [0x06, 0x0a]), .blob],
        [.coded(1, [0x04, 0x08]), .blob],
        [.two, .coded(2, [0x02, 0x06, 0x20]), .blob],
        [.two, .four, .row(0x02)],
        [.four, .row(0x04)],
        [.blob],
        [.row(0x02), .row(0x14)],
        [.row(0x14)],
        [.two, .string, typeDefOrRef],
        [.row(0x02), .row(0x17)],
        [.row(0x17)],
        [.two, .string, .blob],
        [.two, .row(0x06), .coded(1, [0x14, 0x17])],
        [.row(0x02), methodDefOrRef, methodDefOrRef],
        [.string],
        [.blob],  // TypeSpec
        [.two, .coded(1, [0x04, 0x06]), .string, .row(0x1a)],
        [.four, .row(0x04)],
        [.four, .four],
        [.four],
        [.four, .two, .two, .two, .two, .four, .blob, .string, .string],
        [.four],
        [.four, .four, .four],
        [.two, .two, .two, .two, .four, .blob, .string, .string, .blob],
        [.four, .row(0x23)],
        [.four, .four, .four, .row(0x23)],
        [.four, .string, .blob],
        [.four, .four, .string, .string, implementation],
        [.four, .four, .string, implementation],
        [.row(0x02), .row(0x02)],  // NestedClass
        [.two, .two, .coded(1, [0x02, 0x06]), .string],  // GenericParam
        [methodDefOrRef, .blob],
        [.row(0x2a), typeDefOrRef],
        [], [], [],
        [.blob, .guid, .blob, .guid],  // Document
        [.row(0x30), .blob],  // MethodDebugInformation
    ]
}
