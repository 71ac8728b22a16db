import ObjectFiles

/// As much of a machine instruction as it takes to follow a program's flow.
public struct Instruction: Hashable, Sendable {
    public enum Flow: Hashable, Sendable {
        /// To the next one; calls, too, return there.
        case onwards
        /// Bytes from the next instruction on (arm64: from this one).
        case jump(Int, isConditional: Bool)
        case `return`
        /// Nobody can tell from the code: a jump to an address in a register.
        case unknown
    }

    public var bytes: Int
    public var flow: Flow

    /// Nil where the bytes end, or are no instruction.
    public init?(_ code: [UInt8], at index: Int, machine: ELFMachine) {
        switch machine {
        case .x86_64: self.init(x86: code, at: index)
        case .aarch64: self.init(arm64: code, at: index)
        }
    }

    private init(_ bytes: Int, _ flow: Flow) {
        self.bytes = bytes
        self.flow = flow
    }

    // MARK: - arm64

    /// ARM Architecture Reference Manual, C4.1 "A64 instruction set encoding", branches.
    private init?(arm64 code: [UInt8], at index: Int) {
        guard index >= 0, index + 4 <= code.count else { return nil }
        let word = CodeBytes.word(code, at: index)
        func offset(_ bits: UInt32, from lowest: UInt32) -> Int {
            Int(Int32(bitPattern: (word >> lowest) << (32 - bits)) >> Int32(32 - bits)) * 4 - 4
        }
        let flow: Flow
        if word & 0xfc00_0000 == 0x1400_0000 {
            flow = .jump(offset(26, from: 0), isConditional: false)
        } else if word & 0xff00_0010 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
            flow = .jump(offset(19, from: 5), isConditional: true)  // b.cond, cbz, cbnz
        } else if word & 0x7e00_0000 == 0x3600_0000 {
            flow = .jump(offset(14, from: 5), isConditional: true)  // tbz, tbnz
        } else if word & 0xffff_fc1f == 0xd61f_0000 {
            flow = .unknown  // br
        } else if word & 0xffff_fc1f == 0xd65f_0000 {
            flow = .return
        } else {
            flow = .onwards
        }
        self.init(4, flow)
    }

    // MARK: - x86_64

    /// Intel's manual, volume 2, chapter 2 and appendix A.
    private init?(x86 code: [UInt8], at start: Int) {
        var index = start
        var isShort = false, isWide = false
        while let byte = code[safe: index], index - start < 14 {
            if byte == 0x66 { isShort = true }
            if byte & 0xf0 == 0x40 {
                isWide = byte & 8 != 0
            } else if ![0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65].contains(byte) {
                break
            }
            index += 1
        }
        guard var opcode = code[safe: index] else { return nil }
        index += 1
        var map = 0
        switch opcode {
        case 0x0f:
            map = 1
            guard let second = code[safe: index] else { return nil }
            index += 1
            opcode = second
            if second == 0x38 || second == 0x3a {
                map = second == 0x38 ? 2 : 3
                guard let third = code[safe: index] else { return nil }
                index += 1
                opcode = third
            }
        case 0xc5, 0xc4, 0x62:
            // VEX of two bytes and of three, EVEX of four.
            let prefix = opcode == 0xc5 ? 1 : opcode == 0xc4 ? 2 : 3
            guard let first = code[safe: index], let last = code[safe: index + prefix] else { return nil }
            map = opcode == 0xc5 ? 1 : Int(first & (opcode == 0xc4 ? 31 : 7))
            index += prefix + 1
            opcode = last
            guard (1...6).contains(map) else { return nil }
        default: break
        }
        let shape = map == 0 ? Self.shape(opcode, isShort: isShort, isWide: isWide) : Self.shape(opcode, map: map)
        guard let shape else { return nil }
        var immediate = shape.immediate
        if shape.hasModes {
            guard let modes = code[safe: index] else { return nil }
            index += 1
            let mode = modes >> 6, register = modes >> 3 & 7, base = modes & 7
            if mode != 3, base == 4 {
                guard let scaled = code[safe: index] else { return nil }
                index += 1
                if mode == 0, scaled & 7 == 5 { index += 4 }
            }
            if mode == 0, base == 5 { index += 4 }
            if mode == 1 { index += 1 }
            if mode == 2 { index += 4 }
            // test, of the group that has no other immediate.
            if map == 0, opcode == 0xf6 || opcode == 0xf7, register < 2 {
                immediate = opcode == 0xf6 ? 1 : isShort ? 2 : 4
            }
            if map == 0, opcode == 0xff, register == 4 || register == 5 {
                self.init(index - start, .unknown)
                return
            }
        }
        let end = index + immediate
        guard end <= code.count else { return nil }
        let flow: Flow
        switch (map, opcode) {
        case (0, 0x70...0x7f), (0, 0xe0...0xe3):
            flow = .jump(Int(Int8(bitPattern: code[index])), isConditional: true)
        case (0, 0xeb): flow = .jump(Int(Int8(bitPattern: code[index])), isConditional: false)
        case (0, 0xe9): flow = .jump(Int(CodeBytes.signed32(code, at: index)), isConditional: false)
        case (1, 0x80...0x8f) where code[start] != 0xc5 && code[start] != 0xc4 && code[start] != 0x62:
            flow = .jump(Int(CodeBytes.signed32(code, at: index)), isConditional: true)
        case (0, 0xc3), (0, 0xc2): flow = .return
        case (0, 0xcc), (0, 0xf4): flow = .unknown
        default: flow = .onwards
        }
        self.init(end - start, flow)
    }

    /// Whether a byte of modes follows the opcode, and how many bytes of an immediate.
    private static func shape(_ opcode: UInt8, isShort: Bool, isWide: Bool) -> (hasModes: Bool, immediate: Int)? {
        let full = isShort ? 2 : 4
        switch opcode {
        case 0x00...0x3f:
            switch opcode & 7 {
            case 0...3: return (true, 0)
            case 4: return (false, 1)
            case 5: return (false, full)
            default: return nil
            }
        case 0x50...0x5f, 0x6c...0x6f, 0x90...0x99, 0x9b...0x9f, 0xa4...0xa7, 0xaa...0xaf: return (false, 0)
        case 0x63, 0x84...0x8f, 0xd0...0xd3, 0xd8...0xdf, 0xf6, 0xf7, 0xfe, 0xff: return (true, 0)
        case 0x68, 0xa9: return (false, full)
        case 0x69, 0x81, 0xc7: return (true, full)
        case 0x6a, 0x70...0x7f, 0xa8, 0xb0...0xb7, 0xcd, 0xe0...0xe7, 0xeb: return (false, 1)
        case 0x6b, 0x80, 0x83, 0xc0, 0xc1, 0xc6: return (true, 1)
        case 0xa0...0xa3: return (false, 8)
        case 0xb8...0xbf: return (false, isWide ? 8 : full)
        case 0xc2, 0xca: return (false, 2)
        case 0xc8: return (false, 3)
        case 0xc3, 0xc9, 0xcb, 0xcc, 0xcf, 0xd7, 0xec...0xef, 0xf1, 0xf4, 0xf5, 0xf8...0xfd: return (false, 0)
        case 0xe8, 0xe9: return (false, 4)
        default: return nil
        }
    }

    /// The same of opcodes behind 0f (map 1), 0f 38 (2), 0f 3a (3), and of what VEX and EVEX have added.
    private static func shape(_ opcode: UInt8, map: Int) -> (hasModes: Bool, immediate: Int)? {
        if map == 3 { return (true, 1) }
        if map != 1 { return (true, 0) }
        switch opcode {
        case 0x05...0x09, 0x0b, 0x0e, 0x30...0x37, 0x77, 0xa0...0xa2, 0xa8...0xaa, 0xc8...0xcf: return (false, 0)
        case 0x80...0x8f: return (false, 4)
        case 0x70...0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4...0xc6: return (true, 1)
        default: return (true, 0)
        }
    }
}

/// Compiled code, and the way that a program takes through it.
public struct CodeFlow: Sendable {
    private let code: [UInt8]
    private let machine: ELFMachine

    public init(code: [UInt8], machine: ELFMachine) {
        self.code = code
        self.machine = machine
    }

    public enum Next: Hashable, Sendable {
        case place(Int)
        /// The code returns before it comes to one.
        case `return`
        case unknown
    }

    private static let stepLimit = 1024

    /// The first of the places that the program comes to from `start` on, which is where an instruction begins: past
    /// jumps, and back to a loop's beginning before on to what follows the loop.
    ///
    /// - Parameter isPlace: whether an offset in the code is one of them.
    public func next(from start: Int, where isPlace: (Int) -> Bool) -> Next {
        var position = start
        var taken: Set<Int> = []
        for _ in 0..<Self.stepLimit {
            if isPlace(position) { return .place(position) }
            guard let instruction = Instruction(code, at: position, machine: machine) else { return .unknown }
            let next = position + instruction.bytes
            // A place lies within an instruction: one of them is not what it was taken for.
            if (position + 1..<next).contains(where: isPlace) { return .unknown }
            switch instruction.flow {
            case .onwards: position = next
            case .return: return .return
            case .unknown: return .unknown
            case .jump(let distance, let isConditional):
                let target = next + distance
                let isLoop = distance < 0
                if isLoop || !isConditional, code.indices.contains(target), taken.insert(position).inserted {
                    position = target
                } else if isConditional {
                    position = next
                } else {
                    return .unknown
                }
            }
        }
        return .unknown
    }
}
