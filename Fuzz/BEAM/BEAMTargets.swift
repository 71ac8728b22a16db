import Processes

@testable import BEAMRuntime

/// What Erlang's emulator tells debuggers of its code, and the code that says where it keeps things.
enum BEAMTargets {
    static let all = [
        FuzzTarget("beam-module", seeds: { [module("busy", "busy:rec/2"), module("global", "global::process_main")] }) { bytes in
            guard let module = BEAMModule(bytes) else { return }
            for offset: UInt64 in [0, 1, 16, 40, 4096, .max] { _ = module.place(of: module.base &+ offset).map { BEAMNames.function($0.name) } }
            _ = module.range(named: "global::process_main")
        },
        // The list's head, then two entries with what they describe; names of code that lies there.
        FuzzTarget("beam-code-list", seeds: { [list] }) { bytes in
            var memory = RecordedMemory()
            memory.add(bytes, at: base)
            let variables = BEAMVariables(bytes, at: base)
            guard var code = try? BEAMCodeList.find(symbol: base, variables, memory), (try? code.refresh()) != nil else { return }
            _ = try? BEAMCodeList.find(symbol: nil, variables, memory)
            _ = try? BEAMModuleRanges.find(in: variables, modules: code.bases, memory)
            _ = try? code.sharedCode()
            _ = BEAMModuleHeader.digestOffset(of: code.bases + [base], memory)
            for entry in code.entries { _ = code.entry(for: entry.code.lowerBound).map(code.isCurrent) }
            guard let scheduler = BEAMScheduler(x86: process) else { return }
            let facts = BEAMFacts(
                currentProcess: [0], ranges: base, normalExit: 0, shared: [], schedulerCode: 0..<1, scheduler: scheduler,
                digestOffset: 80)
            let attached = AttachedBEAM(memory: memory, facts: facts, code: BEAMCodeList(descriptor: base, memory: memory))
            for address in [codeBase, codeBase + 17, codeBase + 0x10000, 0, .max] {
                for flags: UInt64 in [0, 1, 1 << 32, 1 << 32 | 1] { _ = attached.functions(of: [address, flags]) }
            }
        },
        FuzzTarget("beam-code", seeds: { [process, marker] }) { bytes in
            _ = BEAMScheduler(x86: bytes)
            _ = BEAMScheduler(arm64: bytes)
            _ = BEAMCurrentProcess.x86(bytes, at: base)
            _ = BEAMCurrentProcess.arm64(bytes, at: base)
        },
        FuzzTarget("beam-names", seeds: { ["lists:map/2", "'Elixir.Enum':map/2-CodeInfoPrologue", "'\\'':'\\\\'/0"].map { Array($0.utf8) } }) {
            _ = BEAMNames.function(String(decoding: $0, as: UTF8.self))
        },
    ]

    private static let base: UInt64 = 0x10000
    private static let codeBase: UInt64 = 0x7f00_0000_0000

    private static func number(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private static func text(_ value: String) -> [UInt8] { number(UInt64(value.utf8.count + 1), 2) + Array(value.utf8) + [0] }

    /// Two ranges, the second with two lines.
    private static func module(_ name: String, _ function: String) -> [UInt8] {
        // A header is padded to 32 bytes in front of its name's length, a range to 16, a line to 12.
        func padded(_ bytes: [UInt8], _ name: [UInt8], _ count: Int) -> [UInt8] {
            bytes + name + [UInt8](repeating: 0, count: max(0, count + name.count - 2 - bytes.count - name.count))
        }
        var bytes = number(1, 4) + number(0, 4) + number(codeBase, 8) + number(2, 4) + number(4096, 4)
        bytes = padded(bytes, text(name), 32)
        bytes += padded(number(0, 4) + number(16, 4) + number(0, 4), text(function + "-CodeInfoPrologue"), 16)
        bytes += padded(number(16, 4) + number(4096, 4) + number(2, 4), text(function), 16)
        for line: UInt64 in [22, 23] {
            bytes += padded(number(line, 4) + number(line, 4), text("busy.erl"), 12)
        }
        return bytes
    }

    private static let list: [UInt8] = {
        let busy = module("busy", "busy:rec/2"), global = module("global", "global::process_main")
        let first = base + 64, second = base + 128, described = base + 256, other = described + 512
        var bytes = number(1, 8) + number(first, 8) + number(first, 8)
        bytes += [UInt8](repeating: 0, count: 64 - bytes.count)
        bytes += number(second, 8) + number(0, 8) + number(described, 8) + number(UInt64(busy.count), 8)
        bytes += [UInt8](repeating: 0, count: 128 - bytes.count)
        bytes += number(0, 8) + number(first, 8) + number(other, 8) + number(UInt64(global.count), 8)
        bytes += [UInt8](repeating: 0, count: 256 - bytes.count) + busy
        bytes += [UInt8](repeating: 0, count: 256 + 512 - bytes.count) + global
        return bytes
    }()

    /// sub $0x2040, %rsp; and $-64, %rsp; lea 0x40(%rsp), %rbx; mov 0x50(%r13), %rsp; movabs, mov (%rdi), %r12d.
    private static let process: [UInt8] =
        [0x48, 0x81, 0xec, 0x40, 0x20, 0, 0, 0x48, 0x83, 0xe4, 0xc0, 0x48, 0x8d, 0x5c, 0x24, 0x40]
        + [0x49, 0x8b, 0x65, 0x50, 0x48, 0xbf, 1, 2, 3, 4, 5, 6, 0, 0, 0x44, 0x8b, 0x27]
    /// call, test %rax, %rax, je, mov 0x140(%rax), %eax; and bl, ldr w0, [x0, #320].
    private static let marker: [UInt8] =
        [0xe8, 0, 1, 0, 0, 0x48, 0x85, 0xc0, 0x74, 6, 0x8b, 0x80, 0x40, 1, 0, 0, 0, 1, 0, 0x94, 0, 0x40, 0x41, 0xb9]
}
