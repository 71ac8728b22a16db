import CBPFInterface
import DWARF

/// A rule's 24 bytes as three words, for comparing and hashing.
struct PackedRule: Hashable {
    private var kinds: UInt64
    private var cfa: UInt64
    private var saved: UInt64

    init(_ rule: unwind_rule) {
        kinds =
            UInt64(rule.kind) | UInt64(rule.cfa_register) << 8 | UInt64(rule.return_address) << 16
            | UInt64(rule.return_address_register) << 24 | UInt64(rule.frame_pointer) << 32
            | UInt64(rule.stack_words.0) << 40 | UInt64(rule.stack_words.1) << 48
        cfa = Self.pack(rule.cfa_offset, rule.cfa_added)
        saved = Self.pack(rule.return_address_offset, rule.frame_pointer_offset)
    }

    private static func pack(_ low: Int32, _ high: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: low)) | UInt64(UInt32(bitPattern: high)) << 32
    }
}

extension unwind_rule {
    init(kind: unwind_kind) {
        self.init()
        self.kind = UInt8(truncatingIfNeeded: kind.rawValue)
    }

    static let invalid = unwind_rule(kind: UNWIND_INVALID)
    static let endOfStack = unwind_rule(kind: UNWIND_END_OF_STACK)
    static let framePointer = unwind_rule(kind: UNWIND_FRAME_POINTER)
    static let signal = unwind_rule(kind: UNWIND_SIGNAL)

    /// `threshold`: from this byte of an entry on, one more word lies on the stack. Usually 11; see UNWIND_PLT.
    static func linkageTable(threshold: Int32) -> unwind_rule {
        var rule = unwind_rule(kind: UNWIND_PLT)
        rule.cfa_added = threshold
        return rule
    }

    /// CFA = SP + `offset` with the return address right below, as inside of code that keeps no frame (x86_64).
    static func stackPointer(offset: Int32) -> unwind_rule {
        var rule = unwind_rule(kind: UNWIND_CFA)
        rule.cfa_register = UInt8(X86_RSP)
        rule.cfa_offset = offset
        rule.return_address_offset = -8
        return rule
    }

    /// CFA = SP, and the return address still is in the link register (arm64).
    static let linkRegister: unwind_rule = {
        var rule = unwind_rule(kind: UNWIND_CFA)
        rule.cfa_register = UInt8(ARM64_SP)
        rule.return_address = UInt8(UNWIND_RA_IN_REGISTER.rawValue)
        rule.return_address_register = UInt8(ARM64_LR)
        return rule
    }()

    /// Frame pointer and return address lie side by side at SP (arm64).
    static let savedPair: unwind_rule = {
        var rule = unwind_rule(kind: UNWIND_CFA)
        rule.cfa_register = UInt8(ARM64_SP)
        rule.cfa_offset = 16
        rule.return_address_offset = -8
        rule.frame_pointer = UInt8(UNWIND_FP_ON_STACK.rawValue)
        rule.frame_pointer_offset = -16
        return rule
    }()

    /// The rule for a row of call frame information; INVALID where the row cannot be stated as a rule.
    init(_ state: CallFrameState, architecture: CallFrameArchitecture) {
        self.init()
        let cfa = state.cfa
        let returnAddress = state.returnAddress
        if cfa.kind == .undefined || returnAddress.kind == .undefined {
            self = .endOfStack
            return
        }
        switch cfa.kind {
        case .registerOffset: kind = UInt8(UNWIND_CFA.rawValue)
        case .dereferenced: kind = UInt8(UNWIND_CFA_DEREFERENCED.rawValue)
        case .procedureLinkageTable:
            self = architecture == .x86_64 ? .linkageTable(threshold: Int32(cfa.added)) : .invalid
            return
        case .undefined, .unsupported: return
        }
        cfa_register = cfa.register
        cfa_offset = cfa.offset
        cfa_added = Int32(cfa.added)

        switch returnAddress.kind {
        case .atCFAOffset:
            // A return address below the stack pointer: musl's clone marks the thread's root so.
            if architecture == .x86_64, cfa.kind == .registerOffset, cfa.register == architecture.stackPointer,
                Int64(cfa.offset) + Int64(returnAddress.offset) < 0
            {
                self = .endOfStack
                return
            }
            return_address = UInt8(UNWIND_RA_ON_STACK.rawValue)
            return_address_offset = returnAddress.offset
        case .inRegister:
            return_address = UInt8(UNWIND_RA_IN_REGISTER.rawValue)
            return_address_register = returnAddress.register
        case .unspecified where architecture == .arm64, .sameValue where architecture == .arm64:
            return_address = UInt8(UNWIND_RA_IN_REGISTER.rawValue)
            return_address_register = UInt8(ARM64_LR)
        default:
            self = .invalid
            return
        }

        let framePointer = state.framePointer
        switch framePointer.kind {
        case .unspecified, .sameValue:
            frame_pointer = UInt8(UNWIND_FP_UNCHANGED.rawValue)
        case .atCFAOffset:
            frame_pointer = UInt8(UNWIND_FP_ON_STACK.rawValue)
            frame_pointer_offset = framePointer.offset
        case .atRegisterOffset where framePointer.register == architecture.framePointer:
            frame_pointer = UInt8(UNWIND_FP_FROM_FP.rawValue)
            frame_pointer_offset = framePointer.offset
        default:
            frame_pointer = UInt8(UNWIND_FP_UNDEFINED.rawValue)
        }
    }
}
