import ObjectFiles
import Processes
import RuntimeSupport

/// Where a process keeps the flags of its garbage collector: `rb_during_gc` goes from the virtual machine to the heap's
/// record, and from there to the flags, whose place in that record differs between versions and machines.
enum RubyCollector {
    enum State: Equatable {
        /// The virtual machine has not been made yet.
        case notReady
        /// Process address of the flags.
        case found(UInt64)
        case notUnderstood
    }

    static func find(_ symbol: ELFSymbol, _ file: ELFFile, bias: UInt64, memory: some MemoryReader) -> State {
        find(
            code: RubyContext.code(of: symbol, file), at: symbol.value, machine: file.machine, bias: bias, memory: memory)
    }

    /// In order: perhaps the variable's address; the virtual machine, its heap, the flags. That the sixth bit is asked for
    /// shows that the lowest two are the collector's mode.
    static func find(
        code: [UInt8], at address: UInt64, machine: ELFMachine, bias: UInt64, memory: some MemoryReader
    ) -> State {
        let loads = LoadedAddresses.follow(code, at: address, machine: machine, bias: bias, memory: memory)
        if loads.dropLast().contains(where: { $0.pointer == 0 }) { return .notReady }
        // A pointer that leads nowhere: the dynamic linker is still at work.
        if loads.count < 3, let last = loads.last, last.bytes == 8, last.pointer ?? 0 == 0 { return .notReady }
        // Compilers for arm64 load the whole word.
        guard let flags = loads.last, loads.count >= 3, flags.bytes < 8 || machine == .aarch64 else { return .notUnderstood }
        let asksForSixthBit: Bool
        switch machine {
        case .x86_64:  // shr $5, %al or %eax
            asksForSixthBit =
                CodeBytes.find([0xc0, 0xe8, 0x05], in: code) != nil || CodeBytes.find([0xc1, 0xe8, 0x05], in: code) != nil
        case .aarch64:  // ubfx wN, wM, #5, #1
            asksForSixthBit = stride(from: 0, to: code.count - 3, by: 4).contains {
                CodeBytes.word(code, at: $0) & 0xffff_fc00 == 0x5305_1400
            }
        }
        guard asksForSixthBit, flags.address & 3 == 0 else { return .notUnderstood }
        return .found(flags.address)
    }
}
