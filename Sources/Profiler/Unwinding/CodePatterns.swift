import CBPFInterface
import DWARF
import ObjectFiles

/// The code that a signal handler returns to, recognised by its bytes: some C libraries describe it like a function.
struct SignalTrampoline {
    /// x86_64: mov rax, 15; syscall. arm64: mov x8, 139; svc 0. The numbers are rt_sigreturn's.
    private let code: [UInt8]

    init(_ architecture: CallFrameArchitecture) {
        switch architecture {
        case .x86_64: code = [0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05]
        case .arm64: code = [0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]
        }
    }

    /// Whether the function consists of this code and nothing else.
    func matches(_ function: CallFrameFunction, _ file: ELFFile) -> Bool {
        guard function.end - function.start == UInt64(code.count) else { return false }
        return (try? file.read(atAddress: function.start, count: code.count)) == code
    }
}

/// The C library's code that the function of a coroutine returns to (`makecontext`): nothing called that function.
struct ContextStart {
    private let architecture: CallFrameArchitecture
    private let lengthsBytes: [UInt64]

    init(_ architecture: CallFrameArchitecture) {
        self.architecture = architecture
        lengthsBytes = architecture == .x86_64 ? [26, 26] : [12, 16]
    }

    /// Whether the function is glibc's `__start_context` (x86_64) or `__startcontext` (arm64).
    func matches(_ function: CallFrameFunction, _ file: ELFFile) -> Bool {
        let length = function.end - function.start
        guard length == lengthsBytes[0] || length == lengthsBytes[1],
            var code = try? file.read(atAddress: function.start, count: Int(length))
        else { return false }
        // nop or a landing pad, arm64's hints.
        if architecture == .arm64, code.count == 16, code[1] & 0xf0 == 0x20, code[2] == 0x03, code[3] == 0xd5 {
            code.removeFirst(4)
        }
        switch architecture {
        case .x86_64:
            // mov rsp, rbx; mov rdi, [rsp]; test rdi, rdi; je
            return code.starts(with: [0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c, 0x24, 0x48, 0x85, 0xff, 0x74])
        case .arm64:
            // mov x0, x19; cbnz x0, setcontext; b exit
            return code.count == 12 && code.starts(with: [0xe0, 0x03, 0x13, 0xaa]) && code[7] == 0xb5
                && code[4] & 0x1f == 0 && code[11] & 0xfc == 0x14
        }
    }
}

/// The first code of a program: nothing called it, so stacks end there.
enum EntryStub {
    /// The dynamic loader's stub runs the program's constructors after its call, up to here.
    private static let loaderStubBytes: UInt64 = 256

    static func add(of file: ELFFile, to builder: inout UnwindTableBuilder) {
        let entry = file.entryAddress
        guard entry != 0, let place = file.fileRange(ofAddress: entry), place.count >= 8,
            let code = try? file.read(atAddress: entry, count: Int(min(place.count, 128)))
        else { return }
        switch file.machine {
        case .x86_64:
            guard let length = x86Length(code) else { return }
            builder.add(.endOfStack, addresses(from: entry, length: UInt64(length)), .certain)
            if x86IsLoader(code) {
                builder.add(.endOfStack, addresses(from: entry, length: loaderStubBytes), .filler)
            }
        case .aarch64:
            guard let length = arm64Length(code) else { return }
            builder.add(.endOfStack, addresses(from: entry, length: UInt64(length)), .certain)
        }
    }

    /// ld.so: mov rdi, rsp; call _dl_start.
    private static func x86IsLoader(_ code: [UInt8]) -> Bool {
        code.starts(with: [0x48, 0x89, 0xe7, 0xe8])
    }

    /// The stub's length to the end of its call, or nil if the code is not known to be an entry stub. A stub clears
    /// the frame pointer, or is the loader's; before its call it only moves what the kernel put on the stack.
    static func x86Length(_ code: [UInt8]) -> Int? {
        if x86IsLoader(code) { return 8 }
        // Prefixes of the instructions that C libraries use, each with the instruction's length.
        let instructions: [(prefix: [UInt8], length: Int)] = [
            ([0xf3, 0x0f, 0x1e, 0xfa], 4),  // endbr64
            ([0x31, 0xed], 2), ([0x48, 0x31, 0xed], 3), ([0x45, 0x31, 0xc0], 3), ([0x31, 0xc9], 2),  // xor
            ([0x49, 0x89, 0xd1], 3), ([0x48, 0x89, 0xe2], 3), ([0x48, 0x89, 0xe7], 3),  // mov
            ([0x5e], 1), ([0x50], 1), ([0x54], 1),  // pop rsi; push rax; push rsp
            ([0x48, 0x83, 0xe4], 4),  // and rsp, -16
            ([0x48, 0x8d, 0x35], 7), ([0x48, 0x8d, 0x3d], 7), ([0x48, 0x8d, 0x0d], 7), ([0x4c, 0x8d, 0x05], 7),  // lea
            ([0x48, 0xc7, 0xc0], 7), ([0x48, 0xc7, 0xc1], 7), ([0x48, 0xc7, 0xc7], 7), ([0x48, 0xc7, 0xc6], 7),  // mov
            ([0x49, 0xc7, 0xc0], 7),
        ]
        var position = 0
        var clearsFramePointer = false
        while position < code.count {
            let rest = code[position...]
            if rest.starts(with: [0xe8]) || rest.starts(with: [0xe9]) {
                return clearsFramePointer && position + 5 <= code.count ? position + 5 : nil
            }
            if rest.starts(with: [0xff, 0x15]) {
                return clearsFramePointer && position + 6 <= code.count ? position + 6 : nil
            }
            guard let found = instructions.first(where: { rest.starts(with: $0.prefix) }) else { return nil }
            if rest.starts(with: [0x31, 0xed]) || rest.starts(with: [0x48, 0x31, 0xed]) { clearsFramePointer = true }
            position += found.length
        }
        return nil
    }

    /// Up to the first branch, and a second one if it follows at once (the C library's abort).
    static func arm64Length(_ code: [UInt8]) -> Int? {
        // Step by step: Swift 6.2 does not manage the types of this as one expression.
        let words = stride(from: 0, to: code.count & ~3, by: 4).map { (index: Int) -> UInt32 in
            let low = UInt32(code[index]) | UInt32(code[index + 1]) << 8
            let high = UInt32(code[index + 2]) | UInt32(code[index + 3]) << 8
            return low | high << 16
        }
        // mov x29, #0 and mov x30, #0 among the first three; the third may be a landing pad.
        guard words.prefix(3).contains(0xd280_001d), words.prefix(3).contains(0xd280_001e) else { return nil }
        func isBranch(_ word: UInt32) -> Bool { word & 0x7c00_0000 == 0x1400_0000 }
        guard let branch = words.firstIndex(where: isBranch) else { return nil }
        let next = branch + 1
        return (next < words.count && isBranch(words[next]) ? next + 1 : next) * 4
    }
}

/// Procedure linkage tables, which lld and others leave without call frame information.
enum LinkageTable {
    static func add(
        of file: ELFFile, _ architecture: CallFrameArchitecture, to builder: inout UnwindTableBuilder
    ) {
        for section in file.sections where section.isExecutable && section.name.hasPrefix(".plt") {
            let range = addresses(from: section.address, length: section.size)
            if range.isEmpty { continue }
            switch architecture {
            case .arm64:
                addARM64(range, to: &builder)
            case .x86_64 where section.name == ".plt":
                addLazyX86(range, file, to: &builder)
            case .x86_64:
                // .plt.got, .plt.sec: a jump, nothing pushed.
                builder.add(.stackPointer(offset: 8), range, .filler)
            }
        }
    }

    /// Entry 0 pushes a word and jumps to the resolver, the others push their index and jump to entry 0.
    private static func addLazyX86(_ range: Range<UInt64>, _ file: ELFFile, to builder: inout UnwindTableBuilder) {
        var entries = range
        // push [rip + x]: an entry 0, which programs without a dynamic loader do not have.
        if (try? file.read(atAddress: range.lowerBound, count: 2)) == [0xff, 0x35],
            range.upperBound - range.lowerBound >= 16
        {
            let start = range.lowerBound
            builder.add(.stackPointer(offset: 16), start..<(start + 6), .filler)
            builder.add(.stackPointer(offset: 24), (start + 6)..<(start + 16), .filler)
            entries = (start + 16)..<range.upperBound
        }
        // With indirect branch tracking: endbr64, push: on the stack from byte 9.
        let head = try? file.read(atAddress: entries.lowerBound, count: 4)
        let threshold: Int32 = head == [0xf3, 0x0f, 0x1e, 0xfa] ? 9 : 11
        builder.add(.linkageTable(threshold: threshold), entries, .filler)
    }

    /// Entry 0 stores x16 and x30 first, the others only jump.
    private static func addARM64(_ range: Range<UInt64>, to builder: inout UnwindTableBuilder) {
        let start = range.lowerBound
        guard range.upperBound - start > 32 else {
            builder.add(.linkRegister, range, .filler)
            return
        }
        var pushed = unwind_rule(kind: UNWIND_CFA)
        pushed.cfa_register = UInt8(ARM64_SP)
        pushed.cfa_offset = 16
        pushed.return_address_offset = -8
        builder.add(.linkRegister, start..<(start + 4), .filler)
        builder.add(pushed, (start + 4)..<(start + 32), .filler)
        builder.add(.linkRegister, (start + 32)..<range.upperBound, .filler)
    }
}

/// `_init` and `_fini`, which C libraries piece together from start files without call frame information. The dynamic
/// loader calls them in every shared library, and `_init` is often the first code of one that a process touches.
enum StartFiles {
    private static let sizeLimitBytes: UInt64 = 4096

    static func add(
        of file: ELFFile, _ architecture: CallFrameArchitecture, to builder: inout UnwindTableBuilder
    ) {
        for section in file.sections where section.name == ".init" || section.name == ".fini" {
            guard section.isExecutable, section.size <= sizeLimitBytes,
                let code = try? file.read(atAddress: section.address, count: Int(section.size)),
                let body = frame(code, architecture)
            else { continue }
            let range = addresses(from: section.address, length: section.size)
            guard !range.isEmpty else { continue }
            let start = range.lowerBound + UInt64(body.lowerBound), end = range.lowerBound + UInt64(body.upperBound)
            let outside: unwind_rule, inside: unwind_rule
            switch architecture {
            case .x86_64: (outside, inside) = (.stackPointer(offset: 8), .stackPointer(offset: 16))
            case .arm64: (outside, inside) = (.linkRegister, .savedPair)
            }
            builder.add(outside, range.lowerBound..<start, .filler)
            builder.add(inside, start..<end, .filler)
            builder.add(outside, end..<range.upperBound, .filler)
        }
    }

    /// The bytes between the instruction that makes the frame and the end of the one that drops it; nil where the code
    /// is another library's.
    static func frame(_ code: [UInt8], _ architecture: CallFrameArchitecture) -> Range<Int>? {
        let make: [UInt8], drop: [UInt8], mayPrecede: [UInt8]
        switch architecture {
        case .x86_64:
            // sub rsp, 8; add rsp, 8; ret. musl's: push rax; pop rax; ret. endbr64 before it.
            if let body = frame(code, make: [0x50], drop: [0x58, 0xc3], mayPrecede: []) {
                return body.lowerBound..<(body.upperBound - 1)
            }
            (make, drop) = ([0x48, 0x83, 0xec, 0x08], [0x48, 0x83, 0xc4, 0x08])
            mayPrecede = [0xf3, 0x0f, 0x1e, 0xfa]
        case .arm64:
            // stp x29, x30, [sp, #-16]!; ldp x29, x30, [sp], #16. A nop, bti c or paciasp before it.
            (make, drop) = ([0xfd, 0x7b, 0xbf, 0xa9], [0xfd, 0x7b, 0xc1, 0xa8])
            for hint in [[0x1f, 0x20], [0x5f, 0x24], [0x3f, 0x23]] as [[UInt8]] {
                if let body = frame(code, make: make, drop: drop, mayPrecede: hint + [0x03, 0xd5]) { return body }
            }
            return nil
        }
        return frame(code, make: make, drop: drop, mayPrecede: mayPrecede)
    }

    private static func frame(
        _ code: [UInt8], make: [UInt8], drop: [UInt8], mayPrecede: [UInt8]
    ) -> Range<Int>? {
        let skipped = code.starts(with: mayPrecede) ? mayPrecede.count : 0
        guard code.dropFirst(skipped).starts(with: make), code.count >= drop.count else { return nil }
        let first = skipped + make.count
        for position in stride(from: code.count - drop.count, through: first, by: -1)
        where code[position..<(position + drop.count)].elementsEqual(drop) {
            return first..<(position + drop.count)
        }
        return nil
    }
}

/// Empty where the end would lie behind the last address.
private func addresses(from start: UInt64, length: UInt64) -> Range<UInt64> {
    let (end, overflow) = start.addingReportingOverflow(length)
    return overflow ? start..<start : start..<end
}
