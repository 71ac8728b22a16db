import CBPFInterface

/// What is known of the frame before an instruction. Distances are from an address to the canonical frame address.
struct CodeSweepState {
    /// From the stack pointer.
    var depth: Int32? = 8
    /// From the frame pointer, while it is one.
    var frame: Int32?
    /// Where the caller's frame pointer is, from the canonical frame address.
    var savedFramePointer: Int32?
    /// Another register that the stack pointer was copied to, before it was aligned.
    var copy: (register: UInt8, distance: Int32)?
    /// Where such a copy is on the stack, from the stack pointer.
    var slot: (offset: Int32, distance: Int32)?
    /// The register that the return address was popped into.
    var returnRegister: UInt8?

    mutating func move(by bytes: Int32) {
        depth = depth.flatMap { Self.sum($0, bytes) }
        slot = slot.flatMap { slot in Self.sum(slot.offset, bytes).map { ($0, slot.distance) } }
    }

    /// nil where no honest frame reaches.
    static func sum(_ left: Int32, _ right: Int32) -> Int32? {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow || abs(Int64(sum)) > 1 << 26 ? nil : sum
    }

    /// What an instruction changes.
    mutating func apply(_ effect: X86Instruction.Effect) {
        switch effect {
        case .push(let register):
            move(by: 8)
            if register == X86Instruction.framePointer, savedFramePointer == nil, let depth = depth {
                savedFramePointer = -depth
            }
        case .pop(let register):
            if depth == 8 { returnRegister = register }
            move(by: -8)
            if register == X86Instruction.framePointer { (savedFramePointer, frame) = (nil, nil) }
        case .addToStack(let bytes): move(by: bytes == .min ? 0 : -bytes)
        case .stackFrom(let register, let offset):
            let distance =
                register == X86Instruction.framePointer ? frame : copy?.register == register ? copy?.distance : nil
            depth = distance.flatMap { Self.sum($0, offset == .min ? 0 : -offset) }
            slot = nil
        case .stackFromStack(let offset):
            depth = slot?.offset == offset ? slot?.distance : nil
            slot = nil
        case .copyStack(let register, let offset):
            let distance = depth.flatMap { Self.sum($0, offset == .min ? 0 : -offset) }
            if register == X86Instruction.framePointer {
                frame = distance
            } else {
                copy = distance.map { (register, $0) }
            }
        case .store(let register, let offset):
            if depth == nil, let copy = copy, copy.register == register {
                slot = (offset, copy.distance)
            }
        case .leave:
            depth = frame.flatMap { Self.sum($0, -8) }
            (savedFramePointer, frame, slot) = (nil, nil, nil)
        case .stackUnknown:
            depth = nil
            slot = nil
        default: break
        }
    }

    /// From the processor's numbers of registers to DWARF's (System V psABI x86_64, figure 3.36).
    private static let dwarfNumbers: [UInt8] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15]

    /// How to find the caller here.
    var rule: unwind_rule {
        if frame == 16, savedFramePointer == -16 { return .framePointer }
        var rule = unwind_rule(kind: UNWIND_CFA)
        rule.return_address_offset = -8
        if let saved = savedFramePointer {
            rule.frame_pointer = UInt8(UNWIND_FP_ON_STACK.rawValue)
            rule.frame_pointer_offset = saved
        }
        rule.cfa_register = UInt8(X86_RSP)
        if let depth = depth, depth >= 8 {
            rule.cfa_offset = depth
        } else if depth == 0, let register = returnRegister {
            rule.return_address = UInt8(UNWIND_RA_IN_REGISTER.rawValue)
            rule.return_address_register = Self.dwarfNumbers[Int(register & 15)]
            rule.return_address_offset = 0
        } else if let frame = frame {
            rule.cfa_register = UInt8(X86_RBP)
            rule.cfa_offset = frame
        } else if let slot = slot {
            rule.kind = UInt8(UNWIND_CFA_DEREFERENCED.rawValue)
            rule.cfa_offset = slot.offset
            rule.cfa_added = slot.distance
        } else if let copy = copy {
            rule.cfa_register = Self.dwarfNumbers[Int(copy.register & 15)]
            rule.cfa_offset = copy.distance
        } else {
            return .framePointer
        }
        return rule
    }
}
