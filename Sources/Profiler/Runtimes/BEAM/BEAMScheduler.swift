import ObjectFiles
import Processes
import RuntimeSupport

/// The code that takes up one process after the other, as the emulator's compiler makes it (`emit_process_main`,
/// erts/emulator/beam/jit/*/process_main.cpp). It says how large its frame is, where a `Process` keeps the top of its stack,
/// and which variable holds the index of the code in use.
struct BEAMScheduler: Hashable {
    /// From the stack pointer to the caller's frame, without what aligns it.
    var frameBytes: Int
    /// From the stack pointer to where the register for the emulator's own registers points; 0 on arm64.
    var registers: Int
    /// `Process`: stop.
    var stop: Int
    /// Process address of `the_active_code_index`, where it was found.
    var codeIndex: UInt64?

    static let codeBytes = 1024

    init(_ range: Range<UInt64>, _ machine: ELFMachine, _ memory: some MemoryReader) throws(RuntimeError) {
        let code: [UInt8]
        do {
            code = try memory.readBytes(at: range.lowerBound, count: min(range.count, BEAMScheduler.codeBytes))
        } catch {
            throw RuntimeError(error)
        }
        guard let decoded = machine == .x86_64 ? BEAMScheduler(x86: code) : BEAMScheduler(arm64: code) else {
            throw RuntimeError(.unsupported, "the code of process_main is not understood")
        }
        self = decoded
    }

    init?(x86 code: [UInt8]) {
        // sub $n, %rsp; and $-64, %rsp; mov %rsp, registers(%rdi).
        guard let allocation = CodeBytes.find([0x48, 0x81, 0xec], in: code), allocation < 16,
            CodeBytes.find([0x48, 0x83, 0xe4, 0xc0], in: code, from: allocation) == allocation + 7
        else { return nil }
        frameBytes = Int(CodeBytes.signed32(code, at: allocation + 3))
        // lea n(%rsp), %rbx.
        let near = CodeBytes.find([0x48, 0x8d, 0x5c, 0x24], in: code)
        let far = CodeBytes.find([0x48, 0x8d, 0x9c, 0x24], in: code)
        if let near, near < 64, let displacement = code[safe: near + 4] {
            registers = Int(displacement)
        } else if let far, far < 64 {
            registers = Int(CodeBytes.signed32(code, at: far + 4))
        } else {
            return nil
        }
        // mov stop(%r13), %rsp.
        guard let load = CodeBytes.find([0x49, 0x8b, 0x65], in: code), let stop = code[safe: load + 3] else {
            return nil
        }
        self.stop = Int(stop)
        // movabs $index, %rdi; …; mov (%rdi), %r12d.
        if let use = CodeBytes.find([0x44, 0x8b, 0x27], in: code) {
            let start = (max(0, use - 24)..<use).last { code[$0...].starts(with: [0x48, 0xbf]) }
            codeIndex = start.map { CodeBytes.longWord(code, at: $0 + 2) }
        }
        guard isPlausible else { return nil }
    }

    init?(arm64 code: [UInt8]) {
        let words = stride(from: 0, to: code.count - 3, by: 4).map { CodeBytes.word(code, at: $0) }
        // mov xN, sp; sub xN, xN, #imm{, lsl 12} …; and xN, xN, #-64; mov sp, xN.
        frameBytes = 0
        registers = 0
        var aligned: Int?
        for (index, word) in words.prefix(12).enumerated() {
            if word & 0xff80_0000 == 0xd100_0000 {
                let immediate = Int(word >> 10 & 0xfff)
                frameBytes += word >> 22 & 1 == 1 ? immediate << 12 : immediate
            }
            if word & 0xffff_fc00 == 0x927a_e400 {
                aligned = index
                break
            }
        }
        // ldr x20, [x21, #stop].
        guard aligned != nil, let load = words.first(where: { $0 & 0xffc0_03ff == 0xf940_02b4 }) else { return nil }
        stop = Int(load >> 10 & 0xfff) * 8
        codeIndex = BEAMScheduler.codeIndex(arm64: words)
        guard isPlausible else { return nil }
    }

    /// A constant whose 4 bytes are loaded, with the constant 3 next to it, which stands for calls that are being traced.
    private static func codeIndex(arm64 words: [UInt32]) -> UInt64? {
        var registers: [UInt32: UInt64] = [:]
        var loaded: (value: UInt64, at: Int)?
        for (index, word) in words.enumerated() {
            let register = word & 31, immediate = UInt64(word >> 5 & 0xffff), shift = UInt64(word >> 21 & 3) * 16
            if word & 0xff80_0000 == 0xd280_0000 {  // movz
                if immediate == 3, shift == 0, let loaded, index - loaded.at <= 2 { return loaded.value }
                registers[register] = immediate << shift
            } else if word & 0xff80_0000 == 0xf280_0000 {  // movk
                registers[register] = registers[register].map { $0 & ~(0xffff << shift) | immediate << shift }
            } else if word & 0xffff_fc00 == 0xb940_0000, let address = registers[word >> 5 & 31] {  // ldr wN, [xM]
                loaded = (address, index)
            } else if word & 0xffff_ffe0 == 0x5280_0060, let loaded, index - loaded.at <= 2 {  // mov wN, #3
                return loaded.value
            }
        }
        return nil
    }

    /// `Process` begins with what all kinds of processes and ports have, and then htop and stop.
    private var isPlausible: Bool {
        (4096..<1 << 17).contains(frameBytes) && frameBytes % 16 == 0 && (0...256).contains(registers)
            && (16...120).contains(stop) && stop % 8 == 0
    }
}

/// Where a scheduler's thread keeps the process that it runs: under the key of `erts_get_scheduler_data`, which
/// `enif_thread_type` begins with, the `ErtsSchedulerData`, and in that the member before the type of the thread.
enum BEAMCurrentProcess {
    private static let codeBytes = 96

    /// Offsets from the thread pointer, as `struct thread_value` has them.
    ///
    /// - Parameter accessor: ELF address of `enif_thread_type`.
    static func offsets(
        accessor: UInt64, _ file: ELFFile, _ process: InspectedProcess
    ) throws(RuntimeError) -> [Int64] {
        let code = (try? file.read(atAddress: accessor, count: codeBytes)) ?? []
        let decoded = file.machine == .x86_64 ? x86(code, at: accessor) : arm64(code, at: accessor)
        guard let decoded, (64...1024).contains(decoded.type), decoded.type % 8 == 0 else {
            throw RuntimeError(.unsupported, "\(BEAMRuntime.marker) is not understood")
        }
        let getter = (try? file.read(atAddress: decoded.getter, count: codeBytes)) ?? []
        let loads = LoadedAddresses.follow(
            getter, at: decoded.getter, machine: file.machine, bias: process.module.bias, memory: process.memory)
        guard let load = loads.first(where: { $0.bytes == 4 }) else {
            throw RuntimeError(.unsupported, "erts_get_scheduler_data is not understood")
        }
        let key: UInt32
        do {
            key = try process.memory.read(at: load.address)
        } catch {
            throw RuntimeError(error)
        }
        guard let offsets = try ThreadSpecificData.find(in: process).offsets(of: key) else {
            throw RuntimeError(.unsupported, "thread-specific key \(key) is out of range")
        }
        return offsets + [Int64(decoded.type - 8)]
    }

    /// The function that is called first, and the offset that is loaded from what it returns.
    static func x86(_ code: [UInt8], at address: UInt64) -> (getter: UInt64, type: Int)? {
        guard let call = (0..<min(code.count, 24)).first(where: { code[$0] == 0xe8 }), call + 5 <= code.count else {
            return nil
        }
        let getter = address &+ UInt64(call + 5) &+ UInt64(bitPattern: Int64(CodeBytes.signed32(code, at: call + 1)))
        // test %rax, %rax; je …; mov n(%rax), %eax.
        let rest = call + 5
        let near = CodeBytes.find([0x8b, 0x40], in: code, from: rest)
        let far = CodeBytes.find([0x8b, 0x80], in: code, from: rest)
        if let far, far < near ?? .max { return (getter, Int(CodeBytes.signed32(code, at: far + 2))) }
        guard let near, let displacement = code[safe: near + 2] else { return nil }
        return (getter, Int(Int8(bitPattern: displacement)))
    }

    static func arm64(_ code: [UInt8], at address: UInt64) -> (getter: UInt64, type: Int)? {
        var getter: UInt64?
        for start in stride(from: 0, to: code.count - 3, by: 4) {
            let word = CodeBytes.word(code, at: start)
            if word & 0xfc00_0000 == 0x9400_0000, getter == nil {  // bl
                let words = Int64(Int32(bitPattern: word << 6) >> 6)
                getter = address &+ UInt64(start) &+ UInt64(bitPattern: words * 4)
            } else if let getter, word & 0xffc0_03e0 == 0xb940_0000 {  // ldr wN, [x0, #n]
                return (getter, Int(word >> 10 & 0xfff) * 4)
            }
        }
        return nil
    }
}
