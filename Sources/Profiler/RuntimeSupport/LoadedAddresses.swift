import ObjectFiles
import Processes

/// What a function's first instructions load from memory, followed through pointers as the function itself would, up to its
/// first call or return: small accessors tell in this way where a runtime keeps what they return.
public enum LoadedAddresses {
    public struct Load: Hashable, Sendable {
        /// Process address.
        public var address: UInt64
        public var bytes: Int
        /// What a pointer leads to; nil for smaller loads, and where memory cannot be read.
        public var pointer: UInt64?
    }

    /// The loads in order; ends where an instruction is not understood.
    ///
    /// - Parameters:
    ///   - address: ELF address of the function.
    ///   - bias: process address - ELF address.
    public static func follow(
        _ code: [UInt8], at address: UInt64, machine: ELFMachine, bias: UInt64, memory: some MemoryReader
    ) -> [Load] {
        switch machine {
        case .x86_64: x86(code, address &+ bias, memory)
        case .aarch64: arm64(code, address &+ bias, memory)
        }
    }

    private static let instructionsLimit = 32

    private static func x86(_ code: [UInt8], _ start: UInt64, _ memory: some MemoryReader) -> [Load] {
        var registers: [UInt8: UInt64] = [:]
        var loads: [Load] = []
        var position = 0
        for _ in 0..<instructionsLimit where position < code.count {
            let rest = code[position...].prefix(4)
            if rest.elementsEqual([0xf3, 0x0f, 0x1e, 0xfa]) || rest.starts(with: [0x48, 0x83, 0xec]) {
                position += 4  // endbr64; sub $n, %rsp
                continue
            }
            if rest.starts(with: [0x48, 0x85]) {
                position += 3  // test
                continue
            }
            if let opcode = rest.first, opcode == 0x74 || opcode == 0x75 {
                position += 2  // je, jne: away from what is done for a null pointer
                continue
            }
            var opcodeAt = position
            let isWide = code[opcodeAt] == 0x48
            if isWide { opcodeAt += 1 }
            let bytes: Int
            var isAddress = false
            if code[safe: opcodeAt] == 0x8b {  // mov
                bytes = isWide ? 8 : 4
            } else if code[safe: opcodeAt] == 0x8d, isWide {  // lea
                (bytes, isAddress) = (8, true)
            } else if !isWide, code[safe: opcodeAt] == 0x0f, code[safe: opcodeAt + 1] == 0xb6 {  // movzbl
                (bytes, opcodeAt) = (1, opcodeAt + 1)
            } else {
                break
            }
            // ModRM: Intel's manual, volume 2, table 2-2. No scaled index, no second eight registers.
            guard let modes = code[safe: opcodeAt + 1], modes >> 6 != 3, modes & 7 != 4 else { break }
            let target = modes >> 3 & 7, source = modes & 7
            var address: UInt64?
            switch modes >> 6 {
            case 0 where source == 5:
                position = opcodeAt + 6
                address = start &+ UInt64(position) &+ extended(CodeBytes.signed32(code, at: opcodeAt + 2))
            case 0:
                position = opcodeAt + 2
                address = registers[source]
            case 1:
                position = opcodeAt + 3
                guard let displacement = code[safe: opcodeAt + 2] else { return loads }
                address = registers[source].map { $0 &+ extended(Int32(Int8(bitPattern: displacement))) }
            default:
                position = opcodeAt + 6
                let displacement = CodeBytes.signed32(code, at: opcodeAt + 2)
                address = registers[source].map { $0 &+ extended(displacement) }
            }
            guard let address, position <= code.count else { break }
            if isAddress {
                registers[target] = address
            } else {
                registers[target] = bytes == 8 ? try? memory.read(at: address, as: UInt64.self) : nil
                loads.append(Load(address: address, bytes: bytes, pointer: registers[target]))
            }
        }
        return loads
    }

    private static func extended(_ value: Int32) -> UInt64 { UInt64(bitPattern: Int64(value)) }

    private static func arm64(_ code: [UInt8], _ start: UInt64, _ memory: some MemoryReader) -> [Load] {
        var registers: [UInt32: UInt64] = [:]
        var loads: [Load] = []
        for position in stride(from: 0, to: min(code.count - 3, instructionsLimit * 4), by: 4) {
            let word = CodeBytes.word(code, at: position)
            let target = word & 31, source = word >> 5 & 31, immediate = UInt64(word >> 10 & 0xfff)
            if word & 0x9f00_0000 == 0x9000_0000 {  // adrp
                let high = Int64(Int32(bitPattern: word << 8) >> 13) << 2
                let pages = (high | Int64(word >> 29 & 3)) << 12
                registers[target] = ((start &+ UInt64(position)) & ~0xfff) &+ UInt64(bitPattern: pages)
            } else if word & 0xff80_0000 == 0x9100_0000 {  // add #imm
                registers[target] = registers[source].map { $0 &+ (word >> 22 & 1 == 1 ? immediate << 12 : immediate) }
            } else if word & 0xffc0_0000 == 0xf940_0000 {  // ldr xN
                guard let base = registers[source] else { return loads }
                let address = base &+ immediate * 8
                registers[target] = try? memory.read(at: address, as: UInt64.self)
                loads.append(Load(address: address, bytes: 8, pointer: registers[target]))
            } else if word & 0xffc0_0000 == 0xb940_0000 || word & 0xffc0_0000 == 0x3940_0000 {  // ldr wN, ldrb wN
                guard let base = registers[source] else { return loads }
                let bytes = word >> 31 == 1 ? 4 : 1
                loads.append(Load(address: base &+ immediate * UInt64(bytes), bytes: bytes))
                registers[target] = nil
            } else if word & 0xfc00_0000 == 0x1400_0000 || word & 0xfc00_0000 == 0x9400_0000 || word == 0xd65f_03c0 {
                return loads  // b, bl, ret
            }
        }
        return loads
    }
}
