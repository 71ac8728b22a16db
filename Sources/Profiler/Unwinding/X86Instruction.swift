/// One instruction of x86_64: how long it is, and what it does to the stack pointer, the frame pointer and the flow.
///
/// Only as much as following a stack's depth takes. Encodings: Intel 64 and IA-32 Architectures Software Developer's
/// Manual, volume 2, chapters 2 and appendix A.
struct X86Instruction: Equatable {
    enum Effect: Equatable {
        /// Neither the stack pointer nor the flow.
        case none
        /// A no-operation that assemblers fill gaps with, or a landing pad (endbr64).
        case padding
        /// `register` is nil for immediates, memory and flags.
        case push(register: UInt8?)
        case pop(register: UInt8?)
        /// rsp += bytes.
        case addToStack(Int32)
        /// rsp = register + offset.
        case stackFrom(register: UInt8, offset: Int32)
        /// rsp = *(rsp + offset).
        case stackFromStack(offset: Int32)
        /// register = rsp + offset.
        case copyStack(register: UInt8, offset: Int32)
        /// *(rsp + offset) = register.
        case store(register: UInt8, offset: Int32)
        /// Some other change of the stack pointer.
        case stackUnknown
        case leave
        case call(target: Int?)
        case jump(target: Int?)
        case branch(target: Int)
        case `return`
        /// ud2, hlt: nothing follows.
        case trap
    }

    /// In bytes.
    var length: Int
    var effect: Effect

    /// rbp's number in encodings.
    static let framePointer: UInt8 = 5
    private static let rsp: UInt8 = 4

    /// - Returns: nil if what begins at `start` is no instruction, or does not end within the code.
    init?(_ code: UnsafeBufferPointer<UInt8>, at start: Int) {
        var cursor = Cursor(code: code, position: start)
        var rex: UInt8 = 0
        var hasOperandPrefix = false, hasRepeat = false
        var opcode: UInt8
        while true {
            guard let byte = cursor.next(), cursor.position - start < 15 else { return nil }
            switch byte {
            case 0x66: hasOperandPrefix = true
            case 0xf2: break
            case 0xf3: hasRepeat = true
            case 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x67, 0xf0: break
            default:
                if byte & 0xf0 == 0x40 {
                    rex = byte
                    guard let next = cursor.next() else { return nil }
                    opcode = next
                } else {
                    opcode = byte
                }
                guard let effect = Self.decode(opcode, rex, hasOperandPrefix, hasRepeat, &cursor) else { return nil }
                length = cursor.position - start
                self.effect = effect
                return
            }
        }
    }

    private struct Cursor {
        let code: UnsafeBufferPointer<UInt8>
        var position: Int

        mutating func next() -> UInt8? {
            guard position >= 0, position < code.count else { return nil }
            defer { position += 1 }
            return code[position]
        }

        mutating func skip(_ count: Int) -> Bool {
            guard code.count - position >= count else { return false }
            position += count
            return true
        }

        mutating func byte() -> Int32? { next().map { Int32(Int8(bitPattern: $0)) } }

        mutating func word() -> Int32? {
            guard code.count - position >= 4 else { return nil }
            let low = UInt32(code[position]) | UInt32(code[position + 1]) << 8
            let high = UInt32(code[position + 2]) | UInt32(code[position + 3]) << 8
            position += 4
            return Int32(bitPattern: low | high << 16)
        }
    }

    /// The operand that a ModRM byte tells, with its SIB byte and displacement.
    private struct Operand {
        /// With REX.R.
        var register: UInt8
        /// The register that is the operand or, for memory, the address's base; nil: none or with an index.
        var base: UInt8?
        var isMemory: Bool
        var displacement: Int32 = 0
        /// The field without REX: part of the operation of some.
        var operation: UInt8

        init?(_ rex: UInt8, _ cursor: inout Cursor) {
            guard let byte = cursor.next() else { return nil }
            let mode = byte >> 6
            operation = byte >> 3 & 7
            register = operation | (rex & 4) << 1
            isMemory = mode != 3
            var low = byte & 7
            var isBare = mode == 0 && low == 5
            var hasIndex = false
            if isMemory, low == 4 {
                guard let index = cursor.next() else { return nil }
                low = index & 7
                hasIndex = index & 0x38 != 0x20 || rex & 2 != 0
                isBare = mode == 0 && low == 5
            }
            base = isBare || hasIndex ? nil : low | (rex & 1) << 3
            if mode == 1 {
                guard let value = cursor.byte() else { return nil }
                displacement = value
            } else if mode == 2 || isBare {
                guard let value = cursor.word() else { return nil }
                displacement = value
            }
        }
    }

    private static func decode(
        _ opcode: UInt8, _ rex: UInt8, _ hasOperandPrefix: Bool, _ hasRepeat: Bool, _ cursor: inout Cursor
    ) -> Effect? {
        let immediate = hasOperandPrefix ? 2 : 4
        let wide = rex & 8 != 0
        switch opcode {
        case 0x0f: return decodeTwoBytes(rex, hasRepeat, &cursor)
        case 0x50...0x57: return .push(register: opcode & 7 | (rex & 1) << 3)
        case 0x58...0x5f: return .pop(register: opcode & 7 | (rex & 1) << 3)
        case 0x68: return cursor.skip(immediate) ? .push(register: nil) : nil
        case 0x6a: return cursor.skip(1) ? .push(register: nil) : nil
        case 0x62, 0xc4, 0xc5: return decodeVector(opcode, &cursor)
        case 0x70...0x7f, 0xe0...0xe3:
            guard let distance = cursor.byte() else { return nil }
            return .branch(target: cursor.position + Int(distance))
        case 0xe8, 0xe9:
            guard !hasOperandPrefix, let distance = cursor.word() else { return nil }
            let target = cursor.position + Int(distance)
            return opcode == 0xe8 ? .call(target: target) : .jump(target: target)
        case 0xeb:
            guard let distance = cursor.byte() else { return nil }
            return .jump(target: cursor.position + Int(distance))
        case 0x90: return .padding
        case 0x9c: return .push(register: nil)
        case 0x9d: return .pop(register: nil)
        case 0xc2: return cursor.skip(2) ? .return : nil
        case 0xc3: return .return
        case 0xc9: return .leave
        case 0xcc: return .padding
        case 0xf4: return .trap
        case 0x00...0x3f where opcode & 7 == 4, 0xa8, 0xb0...0xb7, 0xcd, 0xe4...0xe7:
            return cursor.skip(1) ? Effect.none : nil
        case 0x00...0x3f where opcode & 7 == 5, 0xa9: return cursor.skip(immediate) ? Effect.none : nil
        case 0xb8...0xbf: return cursor.skip(wide ? 8 : immediate) ? Effect.none : nil
        case 0xa0...0xa3: return cursor.skip(8) ? Effect.none : nil
        case 0x91...0x99, 0x9b, 0x9e, 0x9f, 0x6c...0x6f, 0xa4...0xa7, 0xaa...0xaf, 0xd7, 0xec...0xef, 0xf1, 0xf5,
            0xf8...0xfd:
            return Effect.none
        case 0x00...0x3f where opcode & 7 < 4, 0x63, 0x69, 0x6b, 0x80, 0x81, 0x83...0x8f, 0xc0, 0xc1, 0xc6, 0xc7,
            0xd0...0xd3, 0xd8...0xdf, 0xf6, 0xf7, 0xfe, 0xff:
            return decodeOperand(opcode, rex, immediate, &cursor)
        default: return nil
        }
    }

    private static func decodeOperand(
        _ opcode: UInt8, _ rex: UInt8, _ immediate: Int, _ cursor: inout Cursor
    ) -> Effect? {
        guard let operand = Operand(rex, &cursor) else { return nil }
        let isStack = !operand.isMemory && operand.base == rsp
        switch opcode {
        case 0x69, 0x81, 0xc7:
            guard opcode == 0x81, isStack, immediate == 4 else { return cursor.skip(immediate) ? Effect.none : nil }
            return cursor.word().flatMap { arithmetic(operand.operation, $0) }
        case 0x83:
            guard isStack else { return cursor.skip(1) ? Effect.none : nil }
            return cursor.byte().flatMap { arithmetic(operand.operation, $0) }
        case 0x6b, 0x80, 0xc0, 0xc1, 0xc6: return cursor.skip(1) ? Effect.none : nil
        case 0xf6: return cursor.skip(operand.operation < 2 ? 1 : 0) ? Effect.none : nil
        case 0xf7: return cursor.skip(operand.operation < 2 ? immediate : 0) ? Effect.none : nil
        case 0x89:
            if isStack { return .stackFrom(register: operand.register, offset: 0) }
            if operand.isMemory, operand.base == rsp {
                return .store(register: operand.register, offset: operand.displacement)
            }
            if operand.register == rsp, !operand.isMemory, let base = operand.base {
                return .copyStack(register: base, offset: 0)
            }
        case 0x8b, 0x8d:
            if operand.register == rsp {
                guard let base = operand.base else { return .stackUnknown }
                if opcode == 0x8b, operand.isMemory {
                    return base == rsp ? .stackFromStack(offset: operand.displacement) : .stackUnknown
                }
                return base == rsp
                    ? .addToStack(operand.displacement) : .stackFrom(register: base, offset: operand.displacement)
            }
            if operand.base == rsp, opcode == 0x8d || !operand.isMemory {
                return .copyStack(register: operand.register, offset: operand.displacement)
            }
        case 0x8f: return operand.operation == 0 ? .pop(register: nil) : nil
        case 0xff:
            switch operand.operation {
            case 2: return .call(target: nil)
            case 4: return .jump(target: nil)
            case 6: return .push(register: nil)
            case 7: return nil
            default: break
            }
        case 0x01, 0x29, 0x31, 0x21, 0x09: if isStack { return .stackUnknown }
        case 0x03, 0x2b, 0x33, 0x23, 0x0b: if operand.register == rsp { return .stackUnknown }
        case 0x87: if isStack || operand.register == rsp { return .stackUnknown }
        default: break
        }
        return Effect.none
    }

    /// add, or, adc, sbb, and, sub, xor, cmp.
    private static func arithmetic(_ operation: UInt8, _ value: Int32) -> Effect {
        switch operation {
        case 0: .addToStack(value)
        case 5: value == .min ? .stackUnknown : .addToStack(-value)
        case 7: Effect.none
        default: .stackUnknown
        }
    }

    private static func decodeTwoBytes(_ rex: UInt8, _ hasRepeat: Bool, _ cursor: inout Cursor) -> Effect? {
        guard let opcode = cursor.next() else { return nil }
        switch opcode {
        case 0x0b: return .trap
        case 0x1e where hasRepeat: return Operand(rex, &cursor).map { _ in .padding }
        case 0x1f: return Operand(rex, &cursor).map { _ in .padding }
        case 0x80...0x8f: return cursor.word().map { .branch(target: cursor.position + Int($0)) }
        case 0x38:
            guard cursor.skip(1), Operand(rex, &cursor) != nil else { return nil }
        case 0x3a:
            guard cursor.skip(1), Operand(rex, &cursor) != nil, cursor.skip(1) else { return nil }
        case 0x05...0x09, 0x30...0x35, 0x37, 0x77, 0xa0...0xa2, 0xa8...0xaa, 0xc8...0xcf: break
        case 0x04, 0x0a, 0x0c, 0x0e, 0x24...0x27, 0x36, 0x39, 0x3b...0x3f, 0x7a, 0x7b: return nil
        default:
            guard Operand(rex, &cursor) != nil, cursor.skip(hasImmediate(opcode) ? 1 : 0) else { return nil }
        }
        return Effect.none
    }

    /// Of the map of operations that begin with 0f.
    private static func hasImmediate(_ opcode: UInt8) -> Bool {
        switch opcode {
        case 0x0f, 0x70...0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4...0xc6: true
        default: false
        }
    }

    /// VEX and EVEX: none of these touches the stack pointer.
    private static func decodeVector(_ opcode: UInt8, _ cursor: inout Cursor) -> Effect? {
        var map: UInt8 = 1
        if opcode != 0xc5 {
            guard let first = cursor.next() else { return nil }
            map = opcode == 0x62 ? first & 7 : first & 0x1f
        }
        guard cursor.skip(opcode == 0x62 ? 2 : 1), let operation = cursor.next() else { return nil }
        if map == 1, operation == 0x77 { return Effect.none }
        guard (1...3).contains(map) || (opcode == 0x62 && (5...6).contains(map)), Operand(0, &cursor) != nil else {
            return nil
        }
        return cursor.skip(map == 3 || (map == 1 && hasImmediate(operation)) ? 1 : 0) ? Effect.none : nil
    }
}
