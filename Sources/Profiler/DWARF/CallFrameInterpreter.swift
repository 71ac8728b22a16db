import BinaryReading

/// What the instructions of all entries of one CIE share.
struct CallFrameCommon {
    /// False: the CIE is of a kind that is not understood, and so are its FDEs.
    var isUsable = true
    var codeAlignment: UInt64 = 1
    var dataAlignment: Int64 = 1
    var returnAddressRegister: UInt64 = 0
    var pointerEncoding: PointerEncoding = .absolute
    var hasAugmentationData = false
    var isSignalFrame = false
    /// The state after the CIE's instructions.
    var initial: CallFrameState = .unspecified
}

/// Executes call frame instructions (DWARF 5 §6.4.2) into rows.
///
/// The rows live in memory that is reused from function to function, so that a function costs no allocation.
struct CallFrameInterpreter: ~Copyable {
    /// Compilers nest remember_state at most twice; hand-written assembly somewhat more.
    private static let savedStateLimit = 8
    /// More rows than the longest record that is read has bytes cannot occur; this bounds the memory all the same.
    private static let rowLimit = 1 << 20

    private let framePointerRegister: UInt64
    private let savedStates: UnsafeMutablePointer<CallFrameState>
    private(set) var rows: UnsafeMutablePointer<CallFrameRow>
    private(set) var rowCount = 0
    private var rowCapacity = 256

    init(framePointerRegister: UInt8) {
        self.framePointerRegister = UInt64(framePointerRegister)
        savedStates = .allocate(capacity: Self.savedStateLimit)
        savedStates.initialize(repeating: .unspecified, count: Self.savedStateLimit)
        rows = .allocate(capacity: rowCapacity)
    }

    deinit {
        savedStates.deallocate()
        rows.deallocate()
    }

    /// Executes a CIE's instructions.
    mutating func runInitial(
        _ reader: inout ByteReader, _ common: CallFrameCommon
    ) throws(ReadError) -> CallFrameState {
        rowCount = 0
        return try execute(&reader, common, base: .unspecified, start: 0, end: 0, pointerBases: PointerBases())
    }

    /// Executes an FDE's instructions; `rows` then hold the states from `start` to before `end`.
    mutating func run(
        _ reader: inout ByteReader, _ common: CallFrameCommon, start: UInt64, end: UInt64, pointerBases: PointerBases
    ) throws(ReadError) {
        rowCount = 0
        _ = try execute(
            &reader, common, base: common.initial, start: start, end: end, pointerBases: pointerBases)
    }

    @inline(__always)
    private mutating func append(_ address: UInt64, _ state: CallFrameState, _ reader: ByteReader) throws(ReadError) {
        if rowCount == rowCapacity { try grow(reader) }
        (rows + rowCount).initialize(to: CallFrameRow(address: address, state: state))
        rowCount &+= 1
    }

    private mutating func grow(_ reader: ByteReader) throws(ReadError) {
        guard rowCapacity < Self.rowLimit else {
            throw ReadError(.limitExceeded, at: reader.absolutePosition, reading: "rows of a function")
        }
        let larger = UnsafeMutablePointer<CallFrameRow>.allocate(capacity: rowCapacity * 2)
        larger.moveInitialize(from: rows, count: rowCount)
        rows.deallocate()
        rows = larger
        rowCapacity *= 2
    }

    private mutating func execute(
        _ reader: inout ByteReader, _ common: CallFrameCommon, base: CallFrameState, start: UInt64, end: UInt64,
        pointerBases: PointerBases
    ) throws(ReadError) -> CallFrameState {
        let framePointer = framePointerRegister
        let returnAddress = common.returnAddressRegister
        let dataAlignment = common.dataAlignment
        var state = base
        var savedCount = 0
        var location = start
        var isChanged = true
        // What def_cfa_register and def_cfa_offset change where an expression came in between: assembly that adjusts
        // the offset relies on it, and debuggers do so.
        var plainCFA = base.cfa

        while !reader.isAtEnd {
            let byte = try reader.read(UInt8.self, "call frame instruction")
            var next: UInt64?
            switch byte {
            case 0x40...0x7f:
                next = try Self.advance(location, UInt64(byte & 0x3f), common, reader)
            case 0x80...0xbf:
                let register = UInt64(byte & 0x3f)
                let factored = try reader.readULEB128("register offset")
                // Most instructions save other registers: they only need to be skipped.
                if register == framePointer || register == returnAddress {
                    Self.set(
                        &state, register, framePointer,
                        Self.rule(.atCFAOffset, Int64(exactly: factored), dataAlignment))
                    isChanged = true
                }
            case 0xc0...0xff:
                let register = UInt64(byte & 0x3f)
                if register == framePointer || register == returnAddress {
                    Self.set(
                        &state, register, framePointer,
                        register == framePointer ? base.framePointer : base.returnAddress)
                    isChanged = true
                }
            case 0x00:
                break
            case 0x01:  // set_loc
                let address = try pointerBases.read(common.pointerEncoding, &reader)
                guard address >= location else {
                    throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "set_loc going back")
                }
                next = address
            case 0x02:
                next = try Self.advance(location, UInt64(try reader.read(UInt8.self, "advance")), common, reader)
            case 0x03:
                next = try Self.advance(location, UInt64(try reader.read(UInt16.self, "advance")), common, reader)
            case 0x04:
                next = try Self.advance(location, UInt64(try reader.read(UInt32.self, "advance")), common, reader)
            case 0x1d:  // MIPS_advance_loc8
                next = try Self.advance(location, try reader.read(UInt64.self, "advance"), common, reader)
            case 0x05, 0x14, 0x2f:  // offset_extended, val_offset, GNU_negative_offset_extended
                let register = try reader.readULEB128("register number")
                var factored = Int64(exactly: try reader.readULEB128("register offset"))
                if byte == 0x2f { factored = factored.map { -$0 } }
                let rule = Self.rule(byte == 0x14 ? .isCFAOffset : .atCFAOffset, factored, dataAlignment)
                Self.setIfFollowed(&state, register, framePointer, returnAddress, rule)
                isChanged = true
            case 0x11, 0x15:  // offset_extended_sf, val_offset_sf
                let register = try reader.readULEB128("register number")
                let factored = try reader.readSLEB128("register offset")
                let rule = Self.rule(byte == 0x15 ? .isCFAOffset : .atCFAOffset, factored, dataAlignment)
                Self.setIfFollowed(&state, register, framePointer, returnAddress, rule)
                isChanged = true
            case 0x06:  // restore_extended
                let register = try reader.readULEB128("register number")
                Self.setIfFollowed(
                    &state, register, framePointer, returnAddress,
                    register == framePointer ? base.framePointer : base.returnAddress)
                isChanged = true
            case 0x07, 0x08:  // undefined, same_value
                let register = try reader.readULEB128("register number")
                let rule = RegisterRule(byte == 0x07 ? .undefined : .sameValue)
                Self.setIfFollowed(&state, register, framePointer, returnAddress, rule)
                isChanged = true
            case 0x09:  // register
                let register = try reader.readULEB128("register number")
                let other = try reader.readULEB128("register number")
                let rule = UInt8(exactly: other).map { RegisterRule(.inRegister, register: $0) }
                Self.setIfFollowed(
                    &state, register, framePointer, returnAddress, rule ?? RegisterRule(.unsupported))
                isChanged = true
            case 0x0a:  // remember_state
                guard savedCount < Self.savedStateLimit else {
                    throw ReadError(.limitExceeded, at: reader.absolutePosition, reading: "remembered states")
                }
                savedStates[savedCount] = state
                savedCount &+= 1
            case 0x0b:  // restore_state; the CFA rule comes back too, as all producers mean it
                guard savedCount > 0 else {
                    throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "restore_state")
                }
                savedCount &-= 1
                state = savedStates[savedCount]
                isChanged = true
            case 0x0c:  // def_cfa
                let register = try reader.readULEB128("CFA register")
                let offset = try reader.readULEB128("CFA offset")
                state.cfa = Self.cfa(register, Int64(exactly: offset))
                isChanged = true
            case 0x12:  // def_cfa_sf
                let register = try reader.readULEB128("CFA register")
                let offset = try reader.readSLEB128("CFA offset")
                state.cfa = Self.cfa(register, Self.scaled(offset, dataAlignment))
                isChanged = true
            case 0x0d:  // def_cfa_register
                let register = try reader.readULEB128("CFA register")
                if state.cfa.kind != .registerOffset { state.cfa = plainCFA }
                state.cfa =
                    state.cfa.kind == .registerOffset
                    ? Self.cfa(register, Int64(state.cfa.offset)) : CFARule(.unsupported)
                isChanged = true
            case 0x0e:  // def_cfa_offset
                let offset = try reader.readULEB128("CFA offset")
                if state.cfa.kind != .registerOffset { state.cfa = plainCFA }
                Self.setOffset(&state.cfa, Int64(exactly: offset))
                isChanged = true
            case 0x13:  // def_cfa_offset_sf
                let offset = try reader.readSLEB128("CFA offset")
                if state.cfa.kind != .registerOffset { state.cfa = plainCFA }
                Self.setOffset(&state.cfa, Self.scaled(offset, dataAlignment))
                isChanged = true
            case 0x0f:  // def_cfa_expression
                let length = try Self.length(&reader)
                if state.cfa.kind == .registerOffset { plainCFA = state.cfa }
                state.cfa = try CallFrameExpression.cfaRule(try reader.slice(length, "expression"))
                isChanged = true
            case 0x10, 0x16:  // expression, val_expression
                let register = try reader.readULEB128("register number")
                let length = try Self.length(&reader)
                let expression = try reader.slice(length, "expression")
                if register == framePointer || register == returnAddress {
                    let rule =
                        byte == 0x10
                        ? try CallFrameExpression.registerRule(expression) : RegisterRule(.unsupported)
                    Self.set(&state, register, framePointer, rule)
                    isChanged = true
                }
            case 0x2d:
                // AARCH64_negate_ra_state: the return address is signed from here on, which a mask on every code
                // pointer takes care of.
                break
            case 0x2e:  // GNU_args_size
                _ = try reader.readULEB128("arguments size")
            default:
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "call frame instruction")
            }

            if let next, next != location {
                if isChanged {
                    try append(location, state, reader)
                    isChanged = false
                }
                // What follows describes code behind the function's end.
                if next >= end, end > start { return state }
                location = next
            }
        }
        if isChanged, location < end { try append(location, state, reader) }
        return state
    }

    @inline(__always)
    private static func advance(
        _ location: UInt64, _ delta: UInt64, _ common: CallFrameCommon, _ reader: ByteReader
    ) throws(ReadError) -> UInt64 {
        let (distance, overflow) = delta.multipliedReportingOverflow(by: common.codeAlignment)
        let (next, carry) = location.addingReportingOverflow(distance)
        if overflow || carry {
            throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "advance")
        }
        return next
    }

    private static func length(_ reader: inout ByteReader) throws(ReadError) -> Int {
        let length = try reader.readULEB128("expression length")
        guard let length = Int(exactly: length) else {
            throw ReadError(.insufficientData, at: reader.absolutePosition, reading: "expression")
        }
        return length
    }

    /// nil when the product does not fit.
    @inline(__always)
    private static func scaled(_ factored: Int64?, _ alignment: Int64) -> Int64? {
        guard let factored else { return nil }
        let (offset, overflow) = factored.multipliedReportingOverflow(by: alignment)
        return overflow ? nil : offset
    }

    @inline(__always)
    private static func rule(_ kind: RegisterRule.Kind, _ factored: Int64?, _ alignment: Int64) -> RegisterRule {
        guard let offset = scaled(factored, alignment), let offset = Int32(exactly: offset) else {
            return RegisterRule(.unsupported)
        }
        return RegisterRule(kind, offset: offset)
    }

    @inline(__always)
    private static func cfa(_ register: UInt64, _ offset: Int64?) -> CFARule {
        guard let register = UInt8(exactly: register), let offset, let offset = Int32(exactly: offset) else {
            return CFARule(.unsupported)
        }
        return CFARule(.registerOffset, register: register, offset: offset)
    }

    @inline(__always)
    private static func setOffset(_ cfa: inout CFARule, _ offset: Int64?) {
        guard cfa.kind == .registerOffset, let offset, let offset = Int32(exactly: offset) else {
            cfa = CFARule(.unsupported)
            return
        }
        cfa = CFARule(.registerOffset, register: cfa.register, offset: offset)
    }

    @inline(__always)
    private static func set(
        _ state: inout CallFrameState, _ register: UInt64, _ framePointer: UInt64, _ rule: RegisterRule
    ) {
        if register == framePointer { state.framePointer = rule } else { state.returnAddress = rule }
    }

    @inline(__always)
    private static func setIfFollowed(
        _ state: inout CallFrameState, _ register: UInt64, _ framePointer: UInt64, _ returnAddress: UInt64,
        _ rule: RegisterRule
    ) {
        if register == framePointer || register == returnAddress { set(&state, register, framePointer, rule) }
    }
}
