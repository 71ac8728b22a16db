/// How the canonical frame address (CFA) follows from the registers of a frame (DWARF 5 §6.4.1).
public struct CFARule: Equatable, Sendable {
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

    public var kind: Kind
    /// DWARF register number.
    public var register: UInt8
    /// In bytes.
    public var offset: Int32
    /// In bytes; what is added after the dereference, or the threshold of a procedure linkage table.
    public var added: Int32

    @inline(__always)
    public init(_ kind: Kind, register: UInt8 = 0, offset: Int32 = 0, added: Int32 = 0) {
        self.kind = kind
        self.register = register
        self.offset = offset
        self.added = added
    }
}

/// Where the caller's value of one register is (DWARF 5 §6.4.1).
public struct RegisterRule: Equatable, Sendable {
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

    public var kind: Kind
    /// DWARF register number.
    public var register: UInt8
    /// In bytes.
    public var offset: Int32

    @inline(__always)
    public init(_ kind: Kind, register: UInt8 = 0, offset: Int32 = 0) {
        self.kind = kind
        self.register = register
        self.offset = offset
    }
}

/// The rules that hold at one place: those of the CFA, the return address and the frame pointer. Other registers are
/// not followed, because a profiler needs no more to find the caller.
public struct CallFrameState: Equatable, Sendable {
    public var cfa: CFARule
    public var returnAddress: RegisterRule
    public var framePointer: RegisterRule

    @inline(__always)
    public init(cfa: CFARule, returnAddress: RegisterRule, framePointer: RegisterRule) {
        self.cfa = cfa
        self.returnAddress = returnAddress
        self.framePointer = framePointer
    }

    static let unspecified = CallFrameState(
        cfa: CFARule(.undefined), returnAddress: RegisterRule(.unspecified), framePointer: RegisterRule(.unspecified))
}

/// One row of the table that call frame information encodes: `state` holds from `address` to the next row's.
public struct CallFrameRow: Equatable, Sendable {
    /// ELF address.
    public var address: UInt64
    public var state: CallFrameState

    @inline(__always)
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
