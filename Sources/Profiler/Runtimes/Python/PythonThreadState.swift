import ObjectFiles
import Processes
import RuntimeSupport

/// Where a thread keeps its `PyThreadState`: under the key of the GIL state API, which holds it also while the thread has
/// let go of the lock, and since 3.15 in a thread-local variable.
enum PythonThreadState {
    private static let codeBytes = 64
    /// `Py_tss_t` lies somewhere in `_PyRuntime`.
    private static let searchedBytes: UInt64 = 4096
    /// Where it lies in `_PyRuntime` as built by several distributions, by minor version; a guess to be checked.
    private static let usualKeyOffsets: [Int: UInt64] = [
        7: 0x5e0, 8: 0x570, 9: 0x248, 10: 0x248, 11: 0x250, 12: 0x608, 13: 0x870, 14: 0x920,
    ]

    /// How a thread gets to its state.
    struct Place {
        /// From the thread pointer, as `struct thread_value` has them.
        var offsets: [Int64]
        /// Process address of the state that has the interpreter's lock, until 3.11: the key keeps a thread's first state,
        /// also while the thread runs an interpreter within the interpreter.
        var current: UInt64?
    }

    static func place(
        _ executable: PythonExecutable, _ version: PythonVersion, _ process: InspectedProcess
    ) throws(RuntimeError) -> Place {
        let code = (try? executable.file.read(atAddress: executable.accessor, count: codeBytes)) ?? []
        if version.minor >= 15 {
            guard
                let offsets = ThreadLocalVariable.offsets(
                    accessor: executable.accessor, code: code, machine: executable.file.machine,
                    bias: process.module.bias, memory: process.memory)
            else { throw RuntimeError(.unsupported, "PyGILState_GetThisThreadState is not understood") }
            return Place(offsets: offsets)
        }
        let (key, tss) = try key(executable, version, code, process)
        guard let offsets = try ThreadSpecificData.find(in: process).offsets(of: key) else {
            throw RuntimeError(.unsupported, "thread-specific key \(key) is out of range")
        }
        // struct _gilstate_runtime_state (Include/internal/pycore_runtime.h): words before `autoTSSkey`.
        var current: UInt64?
        if let tss, version.minor < 12 { current = tss &- (version.minor < 9 ? 24 : 16) }
        return Place(offsets: offsets, current: current)
    }

    /// The key, once the interpreter has made it, and the process address of its `Py_tss_t`.
    private static func key(
        _ executable: PythonExecutable, _ version: PythonVersion, _ code: [UInt8], _ process: InspectedProcess
    ) throws(RuntimeError) -> (key: UInt32, tss: UInt64?) {
        let bias = process.module.bias
        var candidates = addresses(in: code, at: executable.accessor, executable.file.machine, process)
        guard let runtime = executable.runtime else {
            // 3.6 has a plain `int autoTLSkey`, -1 until it is made.
            for address in candidates {
                if let key = try? process.memory.read(at: address, as: UInt32.self), key < 1024 { return (key, nil) }
            }
            throw RuntimeError(.notReady, "Python has not been initialised yet")
        }
        let start = runtime &+ bias
        if let usual = usualKeyOffsets[version.minor] { candidates.append(start &+ usual) }
        for address in candidates {
            // struct Py_tss_t: whether it was made, then the key. The code may name either.
            for tss in [address, address &- 4] where tss &- start < searchedBytes {
                guard let bytes = try? process.memory.readBytes(at: tss, count: 8) else { continue }
                let isMade = CodeBytes.word(bytes, at: 0), key = CodeBytes.word(bytes, at: 4)
                if isMade == 1, key < 1024 { return (key, tss) }
            }
        }
        throw RuntimeError(.notReady, "Python has not been initialised yet")
    }

    /// Process addresses that the code loads from, compares, or passes on.
    private static func addresses(
        in code: [UInt8], at address: UInt64, _ machine: ELFMachine, _ process: InspectedProcess
    ) -> [UInt64] {
        switch machine {
        case .x86_64: x86Addresses(code, address, process)
        case .aarch64: arm64Addresses(code, address, process)
        }
    }

    /// Instructions are looked for at every byte: what is found by chance does not lead to a made key.
    private static func x86Addresses(_ code: [UInt8], _ address: UInt64, _ process: InspectedProcess) -> [UInt64] {
        let bias = process.module.bias
        // Opcode, and the length of the instruction that an address relative to it counts from.
        let relative: [(pattern: [UInt8], length: Int)] = [
            ([0x8b, 0x3d], 6),  // mov disp(%rip), %edi
            ([0x83, 0x3d], 7),  // cmpl $0, disp(%rip)
            ([0x48, 0x8d, 0x3d], 7),  // lea disp(%rip), %rdi
        ]
        var found: [UInt64] = []
        for (pattern, length) in relative {
            guard let start = CodeBytes.find(pattern, in: code) else { continue }
            let displacement = Int64(CodeBytes.signed32(code, at: start + pattern.count))
            found.append(address &+ UInt64(start + length) &+ UInt64(bitPattern: displacement) &+ bias)
        }
        if let start = CodeBytes.find([0xbf], in: code) {  // mov $imm32, %edi
            found.append(UInt64(CodeBytes.word(code, at: start + 1)))
        }
        if let start = CodeBytes.find([0x8b, 0x3c, 0x25], in: code) {  // mov abs32, %edi
            found.append(UInt64(CodeBytes.word(code, at: start + 3)))
        }
        // mov slot(%rip), %rax; lea disp(%rax), %rdi, or mov disp(%rax), %edi: by way of the global offset table.
        if let start = CodeBytes.find([0x48, 0x8b, 0x05], in: code) {
            let displacement = Int64(CodeBytes.signed32(code, at: start + 3))
            let slot = address &+ UInt64(start + 7) &+ UInt64(bitPattern: displacement) &+ bias
            let target = (try? process.memory.read(at: slot, as: UInt64.self)) ?? 0
            for pattern in [[0x48, 0x8d, 0xb8], [0x8b, 0xb8]] as [[UInt8]] {
                guard let use = CodeBytes.find(pattern, in: code, from: start) else { continue }
                let offset = Int64(CodeBytes.signed32(code, at: use + pattern.count))
                found.append(target &+ UInt64(bitPattern: offset))
            }
        }
        return found
    }

    /// adrp, then add or ldr with the rest of the address; also by way of the global offset table.
    private static func arm64Addresses(_ code: [UInt8], _ address: UInt64, _ process: InspectedProcess) -> [UInt64] {
        let bias = process.module.bias
        var registers: [UInt32: UInt64] = [:]
        var found: [UInt64] = []
        for start in stride(from: 0, to: code.count - 3, by: 4) {
            let word = CodeBytes.word(code, at: start)
            let target = word & 31, source = word >> 5 & 31
            if word & 0x9f00_0000 == 0x9000_0000 {  // adrp
                let high = Int64(Int32(bitPattern: word << 8) >> 13) << 2
                let pages = (high | Int64(word >> 29 & 3)) << 12
                registers[target] = ((address &+ UInt64(start)) & ~0xfff) &+ UInt64(bitPattern: pages) &+ bias
            } else if word & 0xff80_0000 == 0x9100_0000, let base = registers[source] {  // add #imm
                let immediate = UInt64(word >> 10 & 0xfff)
                registers[target] = base &+ (word >> 22 & 1 == 1 ? immediate << 12 : immediate)
                found.append(registers[target] ?? 0)
            } else if word & 0xffc0_0000 == 0xf940_0000, let base = registers[source] {  // ldr xN
                let slot = base &+ UInt64(word >> 10 & 0xfff) * 8
                registers[target] = (try? process.memory.read(at: slot, as: UInt64.self)) ?? 0
            } else if word & 0xffc0_0000 == 0xb940_0000, let base = registers[source] {  // ldr wN
                found.append(base &+ UInt64(word >> 10 & 0xfff) * 4)
            } else if word & 0xfc00_0000 == 0x1400_0000 {  // b
                break
            }
        }
        return found
    }
}
