/// Which instructions a program can come to when its read-only constant `settings` has certain bytes: as the kernel's
/// verifier does, loads from the constant are known numbers, and a branch on known numbers goes one way.
///
/// Anything else is unknown, so that too many rather than too few instructions count as reachable.
struct ReachableCode {
    private enum Value: Equatable {
        case unknown
        case number(UInt64)
        /// An address this many bytes into the constant.
        case settings(Int)
    }

    private struct State: Equatable {
        var registers = [Value](repeating: .unknown, count: 11)
        /// Stack slots of eight bytes by their offset from the frame pointer.
        var slots: [Int16: Value] = [:]

        /// What holds on either of two ways to a place.
        func joined(_ other: State) -> State {
            var result = State()
            for index in registers.indices where registers[index] == other.registers[index] {
                result.registers[index] = registers[index]
            }
            result.slots = slots.filter { other.slots[$0.key] == $0.value }
            return result
        }
    }

    /// Places of instructions, in the program's order.
    let places: [Int]
    private let program: BPFObjectFile.Program
    private let settings: [UInt8]

    init(_ program: BPFObjectFile.Program, settings: [UInt8]) {
        self.program = program
        self.settings = settings
        var states: [Int: State] = [0: State()]
        var pending = [0]
        let walker = Walker(program: program, settings: settings)
        while let place = pending.popLast() {
            guard let state = states[place] else { continue }
            for (next, new) in walker.step(place, state) {
                let joined = states[next].map { $0.joined(new) } ?? new
                if states[next] != joined {
                    states[next] = joined
                    pending.append(next)
                }
            }
        }
        places = states.keys.sorted()
    }

    /// The helpers that are called.
    var helpers: Set<Int32> {
        Set(places.map { program.instructions[$0] }.filter(\.isHelperCall).map(\.immediate))
    }

    private struct Walker {
        let program: BPFObjectFile.Program
        let settings: [UInt8]

        /// The places that come next, with what is known there.
        func step(_ place: Int, _ before: State) -> [(Int, State)] {
            guard program.instructions.indices.contains(place) else { return [] }
            let instruction = program.instructions[place]
            var state = before
            switch instruction.opcode & 7 {
            case 0 where instruction.isWide:
                state.registers[instruction.destination] = wideLoad(place, instruction)
                return [(place + 2, state)]
            case 1: state.registers[instruction.destination] = load(instruction, state)
            case 2, 3: store(instruction, &state)
            case 4, 7: state.registers[instruction.destination] = arithmetic(instruction, state)
            case 5, 6: return jump(place, instruction, state)
            default: state.registers[instruction.destination] = .unknown
            }
            return [(place + 1, state)]
        }

        private func wideLoad(_ place: Int, _ instruction: BPFInstruction) -> Value {
            guard let symbol = program.symbols[place] else {
                let high = UInt64(UInt32(bitPattern: program.instructions[place + 1].immediate))
                return .number(high << 32 | UInt64(UInt32(bitPattern: instruction.immediate)))
            }
            return symbol == "settings" ? .settings(Int(instruction.immediate)) : .unknown
        }

        private func load(_ instruction: BPFInstruction, _ state: State) -> Value {
            // BPF_MEM with sizes W, H, B, DW.
            let sizes: [UInt8: Int] = [0x61: 4, 0x69: 2, 0x71: 1, 0x79: 8]
            guard let size = sizes[instruction.opcode] else { return .unknown }
            if instruction.source == 10 { return size == 8 ? state.slots[instruction.offset] ?? .unknown : .unknown }
            guard case .settings(let base) = state.registers[instruction.source] else { return .unknown }
            let start = base + Int(instruction.offset)
            guard start >= 0, start + size <= settings.count else { return .unknown }
            return .number(settings[start..<(start + size)].reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }

        private func store(_ instruction: BPFInstruction, _ state: inout State) {
            guard instruction.destination == 10 else { return }
            state.slots = state.slots.filter { abs(Int($0.key) - Int(instruction.offset)) >= 8 }
            if instruction.opcode == 0x7b { state.slots[instruction.offset] = state.registers[instruction.source] }
        }

        private func arithmetic(_ instruction: BPFInstruction, _ state: State) -> Value {
            let is64 = instruction.opcode & 7 == 7
            let operand: Value =
                instruction.opcode & 8 != 0
                ? state.registers[instruction.source] : .number(UInt64(bitPattern: Int64(instruction.immediate)))
            if instruction.opcode & 0xf0 == 0xb0, is64 { return operand }
            guard case .number(let right) = operand else { return .unknown }
            let old = state.registers[instruction.destination]
            if instruction.opcode & 0xf0 == 0, is64, case .settings(let base) = old {
                return .settings(base + Int(truncatingIfNeeded: right))
            }
            if instruction.opcode & 0xf0 == 0xb0 { return .number(right & 0xffff_ffff) }
            guard is64, case .number(let left) = old else { return .unknown }
            switch instruction.opcode & 0xf0 {
            case 0x50: return .number(left & right)
            case 0x60: return .number(left << (right & 63))
            case 0x70: return .number(left >> (right & 63))
            case 0xc0: return .number(UInt64(bitPattern: Int64(bitPattern: left) >> Int64(right & 63)))
            default: return .unknown
            }
        }

        private func jump(_ place: Int, _ instruction: BPFInstruction, _ before: State) -> [(Int, State)] {
            var state = before
            switch instruction.opcode {
            case 0x95: return []
            case 0x85:
                for register in 0...5 { state.registers[register] = .unknown }
                // A helper may write to the stack that it was given.
                state.slots = state.slots.filter { if case .settings = $0.value { true } else { false } }
                return [(place + 1, state)]
            case 0x05: return [(place + 1 + Int(instruction.offset), state)]
            default: break
            }
            let target = (place + 1 + Int(instruction.offset), state)
            let right: Value =
                instruction.opcode & 8 != 0
                ? state.registers[instruction.source] : .number(UInt64(bitPattern: Int64(instruction.immediate)))
            guard instruction.opcode & 7 == 5, case .number(let left) = state.registers[instruction.destination],
                case .number(let right) = right, let isTaken = Self.compare(instruction.opcode & 0xf0, left, right)
            else { return [(place + 1, state), target] }
            return isTaken ? [target] : [(place + 1, state)]
        }

        private static func compare(_ operation: UInt8, _ left: UInt64, _ right: UInt64) -> Bool? {
            let (signedLeft, signedRight) = (Int64(bitPattern: left), Int64(bitPattern: right))
            return switch operation {
            case 0x10: left == right
            case 0x20: left > right
            case 0x30: left >= right
            case 0x40: left & right != 0
            case 0x50: left != right
            case 0x60: signedLeft > signedRight
            case 0x70: signedLeft >= signedRight
            case 0xa0: left < right
            case 0xb0: left <= right
            case 0xc0: signedLeft < signedRight
            case 0xd0: signedLeft <= signedRight
            default: nil
            }
        }
    }
}
