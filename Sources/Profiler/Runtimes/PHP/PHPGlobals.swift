import ObjectFiles
import Processes
import RuntimeSupport

/// Where a thread's `executor_globals` are, told from the code of functions that PHP exports.
enum PHPGlobals {
    static let codeBytes = 64

    /// The offset of `current_execute_data` that `zend_is_executing` compares with NULL; nil when that is not understood.
    ///
    /// - Parameter globals: ELF address of `executor_globals`; nil where there is none, in builds with threads.
    static func currentFrame(code: [UInt8], at address: UInt64, globals: UInt64?, machine: ELFMachine) -> Int? {
        switch machine {
        case .x86_64:
            // cmpq $0, disp32(%rax), or with threads disp32(%rax,%rdx).
            for pattern in [[0x48, 0x83, 0xb8], [0x48, 0x83, 0xbc, 0x10], [0x48, 0x83, 0xbc, 0x02]] as [[UInt8]] {
                guard let start = CodeBytes.find(pattern, in: code) else { continue }
                return plausible(Int64(CodeBytes.signed32(code, at: start + pattern.count)))
            }
            // cmpq $0, disp32(%rip): seven bytes and the constant.
            guard let globals, let start = CodeBytes.find([0x48, 0x83, 0x3d], in: code) else { return nil }
            let displacement = Int64(CodeBytes.signed32(code, at: start + 3))
            let target = address &+ UInt64(start + 8) &+ UInt64(bitPattern: displacement)
            return plausible(Int64(bitPattern: target &- globals))
        case .aarch64:
            // The last ldr xN, [xM, #imm]: one before it loads the structure's address from the global offset table.
            var offset: Int64?
            for start in stride(from: 0, to: code.count - 3, by: 4) {
                let word = CodeBytes.word(code, at: start)
                if word == 0xd65f_03c0 { break }  // ret
                if word & 0xffc0_0000 == 0xf940_0000 { offset = Int64(word >> 10 & 0xfff) * 8 }
            }
            return offset.flatMap(plausible)
        }
    }

    /// It lies behind the table of symbols, and not far.
    private static func plausible(_ offset: Int64) -> Int? {
        offset >= 256 && offset < 1024 && offset % 8 == 0 ? Int(offset) : nil
    }

    /// Offsets from the thread pointer to the block of a thread's globals, as `struct thread_value` has them.
    ///
    /// - Parameters:
    ///   - accessor: ELF address of `tsrm_get_ls_cache` (TSRM/TSRM.c), which returns it.
    static func threadBlock(
        accessor: UInt64, code: [UInt8], in process: InspectedProcess
    ) throws(RuntimeError) -> [Int64] {
        let machine = process.module.file.machine
        if let place = keyAddress(code: code, at: accessor, machine: machine) {
            let key: UInt32
            do {
                key = try process.memory.read(at: place &+ process.module.bias, as: UInt32.self)
            } catch {
                throw RuntimeError(error)
            }
            guard let offsets = try ThreadSpecificData.find(in: process).offsets(of: key) else {
                throw RuntimeError(.unsupported, "thread-specific key \(key) is out of range")
            }
            return offsets
        }
        guard
            let offsets = ThreadLocalVariable.offsets(
                accessor: accessor, code: code, machine: machine, bias: process.module.bias, memory: process.memory)
        else { throw RuntimeError(.unsupported, "tsrm_get_ls_cache is not understood") }
        return offsets
    }

    /// ELF address of the key that the accessor passes to `pthread_getspecific`; nil when it does something else.
    static func keyAddress(code: [UInt8], at address: UInt64, machine: ELFMachine) -> UInt64? {
        switch machine {
        case .x86_64:
            // mov disp32(%rip), %edi; then a jump or call.
            guard let start = CodeBytes.find([0x8b, 0x3d], in: code), start < 16 else { return nil }
            let displacement = Int64(CodeBytes.signed32(code, at: start + 2))
            return address &+ UInt64(start + 6) &+ UInt64(bitPattern: displacement)
        case .aarch64:
            var page: UInt64?
            for start in stride(from: 0, to: code.count - 3, by: 4) {
                let word = CodeBytes.word(code, at: start)
                if word & 0x9f00_0000 == 0x9000_0000 {  // adrp
                    let high = Int64(Int32(bitPattern: word << 8) >> 13) << 2
                    let pages = (high | Int64(word >> 29 & 3)) << 12
                    page = ((address &+ UInt64(start)) & ~0xfff) &+ UInt64(bitPattern: pages)
                } else if word & 0xffc0_001f == 0xb940_0000, let page {  // ldr w0, [xM, #imm]
                    return page &+ UInt64(word >> 10 & 0xfff) * 4
                } else if word & 0xffff_ffe0 == 0xd53b_d040 || word == 0xd65f_03c0 {  // mrs of tpidr_el0; ret
                    return nil
                }
            }
            return nil
        }
    }
}
