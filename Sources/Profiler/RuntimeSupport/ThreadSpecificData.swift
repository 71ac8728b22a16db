import CBPFInterface
import ObjectFiles
import Processes

/// How a C library finds what `pthread_getspecific` returns, told from that function's code: layouts of threads are no
/// library's interface.
public struct ThreadSpecificData: Hashable, Sendable {
    /// From the thread pointer to the value of key 0, or to the pointer to the array of values.
    var offset: Int64
    /// Bytes from one key's value to the next one's.
    var stride: Int64
    /// The values lie in an array that the thread points to.
    var isIndirect: Bool
    /// glibc: keys from this number on lie in second-level blocks of as many, which an array of pointers right behind
    /// the first block leads to (`struct pthread`, nptl/descr.h).
    var firstBlockKeys: UInt32?

    /// Where a thread keeps the value of `key`, from the thread pointer on; nil for a key that no library has.
    public func offsets(of key: UInt32) -> [Int64]? {
        guard key < 1024 else { return nil }
        if isIndirect { return [offset, Int64(key) * stride] }
        guard let block = firstBlockKeys, key >= block else { return [offset + Int64(key) * stride] }
        // The pointer of the first block, which nothing needs, comes first; `offset` is that of a value, 8 bytes into
        // its pair of sequence number and value.
        let pointers = offset - 8 + Int64(block) * stride
        return [pointers + Int64(key / block) * 8, Int64(key % block) * stride + 8]
    }

    /// Tells it from the C library among a process's modules.
    ///
    /// - Throws: `RuntimeError`: `.notReady` while there is no C library, `.unsupported` when its code is not understood.
    public static func find(in process: InspectedProcess) throws(RuntimeError) -> ThreadSpecificData {
        let names: Set<String> = ["pthread_getspecific", "__pthread_getspecific"]
        var problem: String?
        // The runtime's own executable may be linked statically.
        for module in process.modules + [process.module] where isCLibrary(module) {
            let found = module.file.symbols(named: names)
            guard let symbol = found["pthread_getspecific"] ?? found["__pthread_getspecific"] else { continue }
            guard let code = try? module.file.read(atAddress: symbol.value, count: codeBytes) else { continue }
            let decoded =
                switch module.file.machine {
                case .x86_64: decodeX86(code)
                case .aarch64: decodeARM64(code)
                }
            if let decoded { return decoded }
            problem = "pthread_getspecific of \(module.path) is not understood"
        }
        if let problem { throw RuntimeError(.unsupported, problem) }
        throw RuntimeError(.notReady, "no C library is mapped")
    }

    static let codeBytes = 96

    private static func isCLibrary(_ module: InspectedProcess.Module) -> Bool {
        let name = module.path.split(separator: "/").last ?? ""
        return ["libc.so", "libc-", "libc.musl", "ld-musl", "libpthread.so", "libpthread-"].contains { name.hasPrefix($0) }
            || !module.path.contains(".so")
    }

    // MARK: - x86_64

    /// glibc: the first block's pair of `key` lies at THREAD_SELF + (key + n) << 4, and its value 8 bytes in. musl: the
    /// array's address at a displacement from the thread pointer, 8 bytes a key.
    static func decodeX86(_ code: [UInt8]) -> ThreadSpecificData? {
        // shl $4, %rax or %rdi: 16 bytes a key.
        let shift = find([0x48, 0xc1, 0xe0, 0x04], in: code)
        // add $n, %rax; lea n(%rdi), %eax.
        let added = find([0x48, 0x83, 0xc0], in: code) ?? find([0x8d, 0x47], in: code)
        let value = find([0x48, 0x8b, 0x50, 0x08], in: code) ?? find([0x4c, 0x8b, 0x40, 0x08], in: code)
        if let shift, let added, added < shift, let value, value > shift,
            let number = code[safe: added + (code[added] == 0x48 ? 3 : 2)], number < 0x80
        {
            return ThreadSpecificData(offset: Int64(number) * 16 + 8, stride: 16, isIndirect: false, firstBlockKeys: 32)
        }
        // mov %fs:0, %rax; mov disp(%rax), %rax; …; mov (%rax,%rdi,8), %rax.
        guard find([0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0], in: code) != nil,
            find([0x48, 0x8b, 0x04, 0xf8], in: code) != nil
        else { return nil }
        if let near = find([0x48, 0x8b, 0x40], in: code), let offset = code[safe: near + 3] {
            return ThreadSpecificData(
                offset: Int64(Int8(bitPattern: offset)), stride: 8, isIndirect: true, firstBlockKeys: nil)
        }
        guard let far = find([0x48, 0x8b, 0x80], in: code), far + 7 <= code.count else { return nil }
        return ThreadSpecificData(
            offset: Int64(CodeBytes.signed32(code, at: far + 3)), stride: 8, isIndirect: true, firstBlockKeys: nil)
    }

    private static func find(_ pattern: [UInt8], in code: [UInt8]) -> Int? { CodeBytes.find(pattern, in: code) }

    // MARK: - arm64

    /// The same two, in fixed-width instructions: mrs of tpidr_el0, additions of constants, a shift by 4 or 3, loads.
    static func decodeARM64(_ code: [UInt8]) -> ThreadSpecificData? {
        var offset: Int64 = 0
        var sawThreadPointer = false
        for start in Swift.stride(from: 0, to: code.count - 3, by: 4) {
            let word = CodeBytes.word(code, at: start)
            if word & 0xffff_ffe0 == 0xd53b_d040 {  // mrs xN, tpidr_el0
                sawThreadPointer = true
            } else if word & 0xff80_0000 == 0xd100_0000 {  // sub xN, xM, #imm{, lsl 12}
                let value = Int64(word >> 10 & 0xfff)
                offset -= word >> 22 & 1 == 1 ? value << 12 : value
            } else if word & 0xff80_0000 == 0x9100_0000 {  // add xN, xM, #imm{, lsl 12}
                let value = Int64(word >> 10 & 0xfff)
                offset += word >> 22 & 1 == 1 ? value << 12 : value
            } else if sawThreadPointer, word & 0xffe0_fc00 == 0x8b00_1000 {  // add xN, xM, xK, lsl 4
                // Then ldp or ldr of the pair: its value is the second word.
                return ThreadSpecificData(offset: offset + 8, stride: 16, isIndirect: false, firstBlockKeys: 32)
            } else if sawThreadPointer, word & 0xffe0_0c00 == 0xf840_0000 {  // ldur xN, [xM, #imm]: musl's array
                let immediate = Int64(Int32(bitPattern: word << 11) >> 23)
                return ThreadSpecificData(offset: offset + immediate, stride: 8, isIndirect: true, firstBlockKeys: nil)
            } else if word == 0xd65f_03c0 {  // ret
                return nil
            }
        }
        return nil
    }
}
