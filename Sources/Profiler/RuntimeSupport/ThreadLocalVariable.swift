import ObjectFiles
import Processes

/// Where a thread keeps a thread-local variable, told from the code of a function that returns its value: the models are
/// those of "ELF Handling For Thread-Local Storage".
public enum ThreadLocalVariable {
    /// Offsets from the thread pointer on, each but the last leading to the address that the next one counts from; nil
    /// when the accessor's code is not understood.
    ///
    /// - Parameters:
    ///   - address: ELF address of the accessor.
    ///   - bias: process address - ELF address.
    ///   - isMusl: the C library is musl, whose threads keep the addresses of their blocks otherwise than glibc's.
    public static func offsets(
        accessor address: UInt64, code: [UInt8], machine: ELFMachine, bias: UInt64, memory: some MemoryReader,
        isMusl: Bool = false
    ) -> [Int64]? {
        switch machine {
        case .x86_64: x86(address, code, bias, memory, isMusl)
        case .aarch64: descriptor(address, code, bias, memory, isMusl) ?? arm64(address, code, bias, memory)
        }
    }

    private static func x86(
        _ address: UInt64, _ code: [UInt8], _ bias: UInt64, _ memory: some MemoryReader, _ isMusl: Bool
    ) -> [Int64]? {
        // Local executable: mov %fs:disp32, %rax.
        if let start = CodeBytes.find([0x64, 0x48, 0x8b, 0x04, 0x25], in: code), start < 16 {
            return [Int64(CodeBytes.signed32(code, at: start + 5))]
        }
        // Initial executable: mov disp(%rip), %rax; mov %fs:(%rax), %rax.
        if let start = CodeBytes.find([0x48, 0x8b, 0x05], in: code), start < 16,
            CodeBytes.find([0x64, 0x48, 0x8b, 0x00], in: code, from: start) != nil
        {
            let slot = address &+ UInt64(start + 7) &+ UInt64(bitPattern: Int64(CodeBytes.signed32(code, at: start + 3)))
            guard let offset = try? memory.read(at: slot &+ bias, as: Int64.self) else { return nil }
            return [offset]
        }
        // General dynamic: lea tls_index(%rip), %rdi; call __tls_get_addr; mov disp(%rax), %rax.
        guard let start = CodeBytes.find([0x48, 0x8d, 0x3d], in: code), start < 24 else { return nil }
        let index = address &+ UInt64(start + 7) &+ UInt64(bitPattern: Int64(CodeBytes.signed32(code, at: start + 3)))
        guard let module = try? memory.read(at: index &+ bias, as: UInt64.self), module > 0, module < 1 << 20,
            let offset = try? memory.read(at: index &+ bias &+ 8, as: Int64.self), offset >= 0, offset < 1 << 30
        else { return nil }
        var displacement: Int64 = 0
        if let load = CodeBytes.find([0x48, 0x8b, 0x80], in: code, from: start) {
            displacement = Int64(CodeBytes.signed32(code, at: load + 3))
        }
        // The thread's vector of blocks lies 8 bytes behind the thread pointer, with two words a module (glibc) or one.
        return [8, Int64(module) * (isMusl ? 8 : 16), offset + displacement]
    }

    /// arm64's form of general dynamic, "TLS descriptors": adrp; ldr of the resolver's address; add; blr. The second word of
    /// the descriptor is the offset from the thread pointer, or leads to module and offset for what was loaded late.
    private static func descriptor(
        _ address: UInt64, _ code: [UInt8], _ bias: UInt64, _ memory: some MemoryReader, _ isMusl: Bool
    ) -> [Int64]? {
        var page: UInt64 = 0
        var found: UInt64?
        var isCalled = false
        for start in stride(from: 0, to: min(code.count, 64) - 3, by: 4) {
            let word = CodeBytes.word(code, at: start)
            if word & 0x9f00_0000 == 0x9000_0000 {  // adrp
                let high = Int64(Int32(bitPattern: word << 8) >> 13) << 2
                let pages = (high | Int64(word >> 29 & 3)) << 12
                page = ((address &+ UInt64(start)) & ~0xfff) &+ UInt64(bitPattern: pages)
            } else if word & 0xffc0_001f == 0x9100_0000, page != 0 {  // add x0, xM, #imm
                found = page &+ UInt64(word >> 10 & 0xfff)
            } else if word & 0xffff_fc1f == 0xd63f_0000 {  // blr
                isCalled = true
                break
            } else if word == 0xd65f_03c0 {  // ret
                break
            }
        }
        guard isCalled, let found, let argument = try? memory.read(at: found &+ bias &+ 8, as: Int64.self) else { return nil }
        if argument.magnitude < 1 << 30 { return [argument] }
        let pair = UInt64(bitPattern: argument)
        guard let module = try? memory.read(at: pair, as: UInt64.self), module > 0, module < 1 << 20,
            let offset = try? memory.read(at: pair &+ 8, as: Int64.self), offset >= 0, offset < 1 << 30
        else { return nil }
        // The vector's address lies at the thread pointer (glibc) or right before it.
        return isMusl ? [-8, Int64(module) * 8, offset] : [0, Int64(module) * 16, offset]
    }

    private static func arm64(
        _ address: UInt64, _ code: [UInt8], _ bias: UInt64, _ memory: some MemoryReader
    ) -> [Int64]? {
        var offset: Int64 = 0
        var page: UInt64?
        var sawThreadPointer = false
        for start in stride(from: 0, to: min(code.count, 48) - 3, by: 4) {
            let word = CodeBytes.word(code, at: start)
            if word & 0xffff_ffe0 == 0xd53b_d040 {  // mrs xN, tpidr_el0
                sawThreadPointer = true
            } else if word & 0xff80_0000 == 0x9100_0000 {  // add xN, xM, #imm{, lsl 12}
                let value = Int64(word >> 10 & 0xfff)
                offset += word >> 22 & 1 == 1 ? value << 12 : value
            } else if word & 0x9f00_0000 == 0x9000_0000 {  // adrp
                let high = Int64(Int32(bitPattern: word << 8) >> 13) << 2
                let pages = (high | Int64(word >> 29 & 3)) << 12
                page = ((address &+ UInt64(start)) & ~0xfff) &+ UInt64(bitPattern: pages)
            } else if word & 0xffc0_0000 == 0xf940_0000 {  // ldr xN, [xM, #imm]
                let immediate = UInt64(word >> 10 & 0xfff) * 8
                if let base = page {
                    // Initial executable: the offset lies in the global offset table.
                    guard let value = try? memory.read(at: base &+ immediate &+ bias, as: Int64.self),
                        value > -(1 << 30), value < 1 << 30
                    else { return nil }
                    offset += value
                    page = nil
                } else if sawThreadPointer {
                    return [offset + Int64(immediate)]
                }
            } else if word & 0xffe0_fc00 == 0xf860_6800, sawThreadPointer {  // ldr xN, [xM, xK]
                return [offset]
            } else if word == 0xd65f_03c0 {  // ret
                return nil
            }
        }
        return nil
    }
}
