import BinaryReading

/// Recognises by their shape the DWARF expressions that compilers and linkers put into call frame information.
///
/// A general expression cannot go into a table of fixed rules. The few shapes that occur in practice can: a register
/// plus a constant, with at most one memory access, and the expression that GNU ld and gold write for the procedure
/// linkage table.
enum CallFrameExpression {
    /// Operation codes of DWARF 5 §7.7.1, table 7.9.
    private enum Operation {
        static let dereference: UInt8 = 0x06
        static let constant1Unsigned: UInt8 = 0x08
        static let constant1Signed: UInt8 = 0x09
        static let constant2Unsigned: UInt8 = 0x0a
        static let constant2Signed: UInt8 = 0x0b
        static let constant4Unsigned: UInt8 = 0x0c
        static let constant4Signed: UInt8 = 0x0d
        static let constantUnsigned: UInt8 = 0x10
        static let constantSigned: UInt8 = 0x11
        static let minus: UInt8 = 0x1c
        static let plus: UInt8 = 0x22
        static let plusConstant: UInt8 = 0x23
        static let literals: ClosedRange<UInt8> = 0x30...0x4f
        static let baseRegisters: ClosedRange<UInt8> = 0x70...0x8f
        static let baseRegister: UInt8 = 0x92
        static let nop: UInt8 = 0x96
    }

    /// The rule for DW_CFA_def_cfa_expression.
    static func cfaRule(_ expression: ByteReader) throws(ReadError) -> CFARule {
        if let threshold = linkageTableThreshold(expression) {
            return CFARule(.procedureLinkageTable, added: threshold)
        }
        guard let value = try Value(expression, startsWithCFA: false), let register = value.register,
            let offset = Int32(exactly: value.offset), let added = Int16(exactly: value.added)
        else { return CFARule(.unsupported) }
        return value.isDereferenced
            ? CFARule(.dereferenced, register: register, offset: offset, added: added)
            : CFARule(.registerOffset, register: register, offset: offset)
    }

    /// The rule for DW_CFA_expression, whose result is the address where the register is stored.
    static func registerRule(_ expression: ByteReader) throws(ReadError) -> RegisterRule {
        guard let value = try Value(expression, startsWithCFA: true), !value.isDereferenced,
            let offset = Int32(exactly: value.offset)
        else { return RegisterRule(.unsupported) }
        guard let register = value.register else { return RegisterRule(.atCFAOffset, offset: offset) }
        return RegisterRule(.atRegisterOffset, register: register, offset: offset)
    }

    /// breg7+8, breg16+0, lit15, and, litN, ge, lit3, shl, plus → N: from byte N of an entry on, the index of the
    /// relocation lies on the stack (binutils: bfd/elf64-x86-64.c, elf_x86_64_eh_frame_lazy_plt and its siblings).
    private static func linkageTableThreshold(_ expression: ByteReader) -> Int16? {
        var reader = expression
        guard reader.remaining == 11, let head = try? reader.read(UInt32.self), head == 0x0080_0877,
            let middle = try? reader.read(UInt16.self), middle == 0x1a3f,
            let threshold = try? reader.read(UInt8.self), (0x30...0x3f).contains(threshold),
            let tail = try? reader.read(UInt32.self), tail == 0x2224_332a
        else { return nil }
        return Int16(threshold &- 0x30)
    }

    /// A register or the CFA, plus a constant, perhaps dereferenced once, plus a constant.
    private struct Value {
        /// nil: the CFA.
        var register: UInt8?
        var offset: Int64 = 0
        var isDereferenced = false
        var added: Int64 = 0

        init?(_ expression: ByteReader, startsWithCFA: Bool) throws(ReadError) {
            var reader = expression
            var hasBase = startsWithCFA
            var constant: Int64?
            while !reader.isAtEnd {
                let operation = try reader.read(UInt8.self, "expression operation")
                switch operation {
                case Operation.baseRegisters, Operation.baseRegister:
                    // With the CFA already there, a register at the start is what counts; a second base is not a shape.
                    guard !hasBase || (startsWithCFA && register == nil && offset == 0 && !isDereferenced),
                        constant == nil
                    else { return nil }
                    let number =
                        operation == Operation.baseRegister
                        ? try reader.readULEB128("register number")
                        : UInt64(operation &- Operation.baseRegisters.lowerBound)
                    guard let number = UInt8(exactly: number) else { return nil }
                    register = number
                    hasBase = true
                    offset = try reader.readSLEB128("register offset")
                case Operation.dereference:
                    guard hasBase, !isDereferenced, constant == nil else { return nil }
                    isDereferenced = true
                case Operation.plusConstant:
                    let value = try reader.readULEB128("constant")
                    guard hasBase, constant == nil, let value = Int64(exactly: value), add(value) else { return nil }
                case Operation.plus:
                    guard let value = constant, add(value) else { return nil }
                    constant = nil
                case Operation.minus:
                    guard let value = constant, value != .min, add(-value) else { return nil }
                    constant = nil
                case Operation.nop:
                    break
                default:
                    guard hasBase, constant == nil, let value = try Value.constant(operation, &reader) else {
                        return nil
                    }
                    constant = value
                }
            }
            if !hasBase || constant != nil { return nil }
        }

        private mutating func add(_ value: Int64) -> Bool {
            let (sum, overflow) = (isDereferenced ? added : offset).addingReportingOverflow(value)
            if isDereferenced { added = sum } else { offset = sum }
            return !overflow
        }

        private static func constant(_ operation: UInt8, _ reader: inout ByteReader) throws(ReadError) -> Int64? {
            switch operation {
            case Operation.literals: return Int64(operation &- Operation.literals.lowerBound)
            case Operation.constant1Unsigned: return Int64(try reader.read(UInt8.self, "constant"))
            case Operation.constant1Signed: return Int64(try reader.read(Int8.self, "constant"))
            case Operation.constant2Unsigned: return Int64(try reader.read(UInt16.self, "constant"))
            case Operation.constant2Signed: return Int64(try reader.read(Int16.self, "constant"))
            case Operation.constant4Unsigned: return Int64(try reader.read(UInt32.self, "constant"))
            case Operation.constant4Signed: return Int64(try reader.read(Int32.self, "constant"))
            case Operation.constantUnsigned: return Int64(exactly: try reader.readULEB128("constant"))
            case Operation.constantSigned: return try reader.readSLEB128("constant")
            default: return nil
            }
        }
    }
}
