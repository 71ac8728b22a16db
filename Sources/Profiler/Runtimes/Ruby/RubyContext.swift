import ObjectFiles
import Processes
import RuntimeSupport

/// Where a thread keeps its execution context (`rb_execution_context_t *`). Global variables hold that of the thread that
/// has the interpreter's lock, which need not be the one that is sampled.
enum RubyContext {
    private static let codeBytes = 96

    /// Offsets from the thread pointer, as `struct thread_value` has them.
    static func offsets(
        _ executable: RubyExecutable, _ version: RubyVersion, _ layout: RubyLayout, _ process: InspectedProcess
    ) throws(RuntimeError) -> [Int64] {
        if version < RubyVersion(major: 3, minor: 0) {
            let key = try key(executable, process)
            guard let offsets = try ThreadSpecificData.find(in: process).offsets(of: key) else {
                throw RuntimeError(.unsupported, "thread-specific key \(key) is out of range")
            }
            return offsets + [Int64(layout.threadContext)]
        }
        // Since 3.0 the thread-local variable `ruby_current_ec`, which rb_thread_current begins with.
        let symbol = executable.threadCurrent
        var (address, code) = (symbol.value, code(of: symbol, executable.file))
        if executable.file.machine == .aarch64, let getter = firstCall(in: code, at: address) {
            (address, code) = (getter, (try? executable.file.read(atAddress: getter, count: codeBytes)) ?? [])
        }
        let offsets = ThreadLocalVariable.offsets(
            accessor: address, code: code, machine: executable.file.machine, bias: process.module.bias,
            memory: process.memory, isMusl: isMusl(process))
        guard let offsets else { throw RuntimeError(.unsupported, "rb_thread_current is not understood") }
        return offsets
    }

    private static func isMusl(_ process: InspectedProcess) -> Bool {
        process.modules.contains { module in
            let name = module.path.split(separator: "/").last ?? ""
            return name.hasPrefix("ld-musl") || name.hasPrefix("libc.musl")
        }
    }

    /// arm64: the function that is called before any access to thread-local memory, where compilers have put that.
    static func firstCall(in code: [UInt8], at address: UInt64) -> UInt64? {
        for start in stride(from: 0, to: min(code.count, 32) - 3, by: 4) {
            let word = CodeBytes.word(code, at: start)
            if word & 0xffff_ffe0 == 0xd53b_d040 { return nil }  // mrs xN, tpidr_el0
            if word & 0xfc00_0000 == 0x9400_0000 {  // bl
                let words = Int64(Int32(bitPattern: word << 6) >> 6)
                return address &+ UInt64(start) &+ UInt64(bitPattern: words * 4)
            }
        }
        return nil
    }

    /// Until 2.7 a native thread has its `rb_thread_t` under a key, which the interpreter makes when it starts, and which
    /// ruby_native_thread_p loads.
    private static func key(_ executable: RubyExecutable, _ process: InspectedProcess) throws(RuntimeError) -> UInt32 {
        guard let accessor = executable.nativeThread else {
            throw RuntimeError(.unsupported, "ruby_native_thread_p is missing")
        }
        let loads = LoadedAddresses.follow(
            code(of: accessor, executable.file), at: accessor.value, machine: executable.file.machine,
            bias: process.module.bias, memory: process.memory)
        guard let load = loads.first(where: { $0.bytes == 4 }) else {
            throw RuntimeError(.unsupported, "ruby_native_thread_p is not understood")
        }
        let key: UInt32
        do {
            key = try process.memory.read(at: load.address)
        } catch {
            throw RuntimeError(error)
        }
        guard key < 1024 else { throw RuntimeError(.notReady, "Ruby has not been initialised yet") }
        return key
    }

    static func code(of symbol: ELFSymbol, _ file: ELFFile) -> [UInt8] {
        let size = symbol.size == 0 ? codeBytes : min(Int(clamping: symbol.size), codeBytes)
        return (try? file.read(atAddress: symbol.value, count: size)) ?? []
    }
}
