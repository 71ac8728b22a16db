import ObjectFiles
import RuntimeSupport

/// What the code of the loop (`execute_ex`) tells about its frame, which machine code that PHP makes works in.
struct PHPLoop: Hashable, Sendable {
    /// ELF address behind the jump to the first operation: the frame is complete there, as in all of the loop's midst.
    var dispatch: UInt64
    /// x86_64: from SP up to the CFA. arm64: from SP up to FP.
    var frameBytes: Int
    /// x86_64: whether RBP leads to the frame. arm64: FP always does.
    var hasFramePointer: Bool

    /// Where the loop first jumps; compilers put little before.
    static let codeBytes = 256

    /// - Returns: nil when the code is not understood.
    init?(code: [UInt8], at address: UInt64, machine: ELFMachine) {
        let code = Array(code.prefix(PHPLoop.codeBytes))
        switch machine {
        case .x86_64: self.init(x86: code, address)
        case .aarch64: self.init(arm64: code, address)
        }
    }

    /// Pushes, `sub $n, %rsp`, then somewhere `jmp *(%r15)`.
    private init?(x86 code: [UInt8], _ address: UInt64) {
        guard let jump = CodeBytes.find([0x41, 0xff, 0x27], in: code) else { return nil }
        var index = code.starts(with: [0xf3, 0x0f, 0x1e, 0xfa]) ? 4 : 0  // endbr64
        var bytes = 8  // the return address
        var hasFramePointer = false
        while index < jump {
            let rest = code[index...]
            if let first = rest.first, first & 0xf8 == 0x50 {  // push %rax to %rdi
                bytes += 8
                index += 1
            } else if rest.count > 1, rest.starts(with: [0x41]), code[index + 1] & 0xf8 == 0x50 {  // push %r8 to %r15
                bytes += 8
                index += 2
            } else if rest.starts(with: [0x48, 0x89, 0xe5]) {  // mov %rsp, %rbp
                // Pushed first, so that the return address lies next to it.
                guard bytes == 16 else { return nil }
                hasFramePointer = true
                index += 3
            } else if rest.starts(with: [0x48, 0x83, 0xec]), let size = code[safe: index + 3], size < 0x80 {
                bytes += Int(size)  // sub $imm8, %rsp
                break
            } else if rest.starts(with: [0x48, 0x81, 0xec]) {  // sub $imm32, %rsp
                let size = CodeBytes.signed32(code, at: index + 3)
                guard size > 0, size < 1 << 15 else { return nil }
                bytes += Int(size)
                break
            } else if rest.count > 2, code[index] & 0xf8 == 0x48, code[index + 1] == 0x89, code[index + 2] >= 0xc0 {
                index += 3  // mov of a register to another
            } else {
                return nil
            }
        }
        guard index < jump else { return nil }
        self.init(dispatch: address &+ UInt64(jump + 3), frameBytes: bytes, hasFramePointer: hasFramePointer)
    }

    /// `mov x29, sp` or `add x29, sp, #n`, then somewhere `br xN`.
    private init?(arm64 code: [UInt8], _ address: UInt64) {
        var frameBytes: Int?
        for start in stride(from: 0, to: code.count - 3, by: 4) {
            let word = CodeBytes.word(code, at: start)
            if frameBytes == nil, word & 0xffc0_03ff == 0x9100_03fd {
                frameBytes = Int(word >> 10 & 0xfff)
            } else if word & 0xffff_fc1f == 0xd61f_0000 {
                guard let frameBytes else { return nil }
                self.init(dispatch: address &+ UInt64(start + 4), frameBytes: frameBytes, hasFramePointer: true)
                return
            } else if word == 0xd65f_03c0 {  // ret
                return nil
            }
        }
        return nil
    }

    private init(dispatch: UInt64, frameBytes: Int, hasFramePointer: Bool) {
        self.dispatch = dispatch
        self.frameBytes = frameBytes
        self.hasFramePointer = hasFramePointer
    }
}

/// How the loop was built (Zend/zend_vm_opcodes.h): what `zend_vm_kind()` returns.
enum PHPLoopKind: UInt32, Sendable {
    case call = 1
    case `switch` = 2
    case goto = 3
    /// Operations are parts of the loop, which jump from one to the next.
    case hybrid = 4
    case tailCall = 5

    /// - Parameter code: of `zend_vm_kind`, which returns a constant.
    init?(code: [UInt8], machine: ELFMachine) {
        switch machine {
        case .x86_64:
            // mov $imm32, %eax, behind endbr64 perhaps.
            let start = code.starts(with: [0xf3, 0x0f, 0x1e, 0xfa]) ? 4 : 0
            guard code[safe: start] == 0xb8 else { return nil }
            self.init(rawValue: CodeBytes.word(code, at: start + 1))
        case .aarch64:
            // mov w0, #imm16, behind bti perhaps.
            for start in [0, 4] {
                let word = CodeBytes.word(code, at: start)
                if word & 0xffe0_001f == 0x5280_0000 {
                    self.init(rawValue: word >> 5 & 0xffff)
                    return
                }
            }
            return nil
        }
    }
}
