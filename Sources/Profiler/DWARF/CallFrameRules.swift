/// How the canonical frame address (CFA) follows from the registers of a frame (DWARF 5 §6.4.1).
@frozen
public struct CFARule: Equatable, Sendable {
    @frozen
    public enum Kind: UInt8, Sendable {
        /// The frame has no CFA: no caller can be found.
        case undefined
        /// CFA = register + offset.
        case registerOffset
        /// CFA = *(register + offset) + added.
        case dereferenced
        /// The linker's procedure linkage table: CFA = SP + 8 + ((PC & 15) >= added ? 8 : 0).
        case procedureLinkageTable
        /// An expression or number that tables cannot state.
        case unsupported
    }

    /// kind | register << 8 | added << 16 | offset << 32: rules are compared millions of times.
    @usableFromInline var word: UInt64

    @inlinable @inline(__always) public var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: word)) ?? .unsupported }
    /// DWARF register number.
    @inlinable @inline(__always) public var register: UInt8 { UInt8(truncatingIfNeeded: word >> 8) }
    /// In bytes; what is added after the dereference, or the threshold of a procedure linkage table.
    @inlinable @inline(__always) public var added: Int16 { Int16(truncatingIfNeeded: word >> 16) }
    /// In bytes.
    @inlinable @inline(__always) public var offset: Int32 { Int32(truncatingIfNeeded: word >> 32) }

    @inlinable @inline(__always)
    public init(_ kind: Kind, register: UInt8 = 0, offset: Int32 = 0, added: Int16 = 0) {
        word =
            UInt64(kind.rawValue) | UInt64(register) << 8 | UInt64(UInt16(bitPattern: added)) << 16
            | UInt64(UInt32(bitPattern: offset)) << 32
    }

    @inlinable @inline(__always)
    public static func == (left: CFARule, right: CFARule) -> Bool { left.word == right.word }
}

/// Where the caller's value of one register is (DWARF 5 §6.4.1).
@frozen
public struct RegisterRule: Equatable, Sendable {
    @frozen
    public enum Kind: UInt8, Sendable {
        /// The call frame information says nothing about the register.
        case unspecified
        /// The value is lost; as return address: the frame has no caller.
        case undefined
        /// The register still has the caller's value.
        case sameValue
        /// Stored at CFA + offset.
        case atCFAOffset
        /// The value is CFA + offset itself.
        case isCFAOffset
        /// In another register.
        case inRegister
        /// Stored at register + offset.
        case atRegisterOffset
        /// An expression or number that tables cannot state.
        case unsupported
    }

    /// kind | register << 8 | offset << 32.
    @usableFromInline var word: UInt64

    @inlinable @inline(__always) public var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: word)) ?? .unsupported }
    /// DWARF register number.
    @inlinable @inline(__always) public var register: UInt8 { UInt8(truncatingIfNeeded: word >> 8) }
    /// In bytes.
    @inlinable @inline(__always) public var offset: Int32 { Int32(truncatingIfNeeded: word >> 32) }

    @inlinable @inline(__always)
    public init(_ kind: Kind, register: UInt8 = 0, offset: Int32 = 0) {
        word = UInt64(kind.rawValue) | UInt64(register) << 8 | UInt64(UInt32(bitPattern: offset)) << 32
    }

    @inlinable @inline(__always)
    public static func == (left: RegisterRule, right: RegisterRule) -> Bool { left.word == right.word }
}

/// The rules that hold at one place: those of the CFA, the return address and the frame pointer. Other registers are
/// not followed, because a profiler needs no more to find the caller.
@frozen
public struct CallFrameState: Equatable, Sendable {
    public var cfa: CFARule
    public var returnAddress: RegisterRule
    public var framePointer: RegisterRule

    @inlinable @inline(__always)
    public init(cfa: CFARule, returnAddress: RegisterRule, framePointer: RegisterRule) {
        self.cfa = cfa
        self.returnAddress = returnAddress
        self.framePointer = framePointer
    }

    @inlinable @inline(__always)
    public static func == (left: CallFrameState, right: CallFrameState) -> Bool {
        left.cfa == right.cfa && left.returnAddress == right.returnAddress && left.framePointer == right.framePointer
    }

    /// Mixes the rules' words; equal states have equal values.
    @inlinable @inline(__always)
    public var mixed: UInt64 {
        (cfa.word &* 0x9e37_79b9_7f4a_7c15) ^ (framePointer.word &* 0xc2b2_ae3d_27d4_eb4f)
            ^ (returnAddress.word &* 0x1656_67b1_9e37_79f9)
    }

    static let unspecified = CallFrameState(
        cfa: CFARule(.undefined), returnAddress: RegisterRule(.unspecified), framePointer: RegisterRule(.unspecified))
}

/// One row of the table that call frame information encodes: `state` holds from `address` to the next row's.
@frozen
public struct CallFrameRow: Equatable, Sendable {
    /// ELF address.
    public var address: UInt64
    public var state: CallFrameState

    @inlinable @inline(__always)
    public init(address: UInt64, state: CallFrameState) {
        self.address = address
        self.state = state
    }
}

/// The architectures whose call frame information is understood.
public enum CallFrameArchitecture: Sendable {
    case x86_64
    case arm64

    /// DWARF number of the frame pointer: rbp (System V psABI x86_64, figure 3.36), x29 (AADWARF64).
    public var framePointer: UInt8 {
        switch self {
        case .x86_64: 6
        case .arm64: 29
        }
    }

    /// DWARF number of the stack pointer: rsp, sp.
    public var stackPointer: UInt8 {
        switch self {
        case .x86_64: 7
        case .arm64: 31
        }
    }
}
