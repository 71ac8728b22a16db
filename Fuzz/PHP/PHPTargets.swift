import CBPFInterface
import ObjectFiles
import Processes

@testable import PHPRuntime

/// PHP's functions, strings and frames, as its processes have them in their memory.
enum PHPTargets {
    static let all = [
        // A zend_function at the input's beginning, its class at 512, its strings behind that.
        FuzzTarget("php-functions", seeds: { layouts.map(seed) }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let facts = PHPFacts(layout: layout, currentFrame: .global(base), code: PHPFacts.MachineCode())
                _ = AttachedPHP(memory: memory, facts: facts).functions(of: [base, 7 << 32])
            }
        },
        // A word that leads to a frame, which leads to its function and to the one before.
        FuzzTarget("php-frames", seeds: { layouts.map(seed) }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                try? PHPFrameCheck(layout: layout, memory: memory).check(currentFrameAt: base + 256)
            }
        },
        // Code of functions that are exported.
        FuzzTarget("php-code", seeds: { code }) { bytes in
            for machine in [ELFMachine.x86_64, .aarch64] {
                for globals in [nil, base] {
                    _ = PHPGlobals.currentFrame(code: bytes, at: base, globals: globals, machine: machine)
                }
                _ = PHPGlobals.keyAddress(code: bytes, at: base, machine: machine)
                _ = PHPLoop(code: bytes, at: base, machine: machine)
                _ = PHPLoopKind(code: bytes, machine: machine)
            }
        },
        FuzzTarget("php-versions", seeds: { [Array("X-Powered-By: PHP/8.4.24\0".utf8), Array("8.10.2-dev".utf8)] }) {
            bytes in
            _ = PHPVersion(parsing: bytes)
            _ = PHPVersion(after: Array("PHP/".utf8), in: bytes)
        },
    ]

    private static let base: UInt64 = 0x10000
    private static let layouts: [PHPLayout] = [(7, 3), (7, 4), (8, 0), (8, 2), (8, 4), (8, 5)].compactMap {
        PHPLayout(PHPVersion(major: $0, minor: $1))
    }

    private static let code: [[UInt8]] = [
        // cmpq $0, 0x1e8(%rax), and mov 0x100(%rip), %edi.
        [0x48, 0x83, 0xb8, 0xe8, 1, 0, 0, 0], [0x8b, 0x3d, 0, 1, 0, 0, 0xe9],
        // push %rbp; mov %rsp, %rbp; push %r15; sub $0x18, %rsp; jmp *(%r15)
        [0x55, 0x48, 0x89, 0xe5, 0x41, 0x57, 0x48, 0x83, 0xec, 0x18, 0x41, 0xff, 0x27],
        // mov x29, sp; ldr x0, [x1, #0x1e8]; br x2; and mov $4, %eax.
        [0xfd, 0x03, 0, 0x91, 0x20, 0xf4, 0x40, 0xf9, 0x40, 0, 0x1f, 0xd6], [0xb8, 4, 0, 0, 0, 0xc3],
    ]

    private static func recorded(_ bytes: [UInt8]) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(bytes, at: base)
        return memory
    }

    private static func seed(_ layout: PHPLayout) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1024)
        func put(_ value: UInt64, at position: Int) {
            for index in 0..<8 where position + index < bytes.count {
                bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
            }
        }
        // Type 2: written in PHP. Name and class.
        put(2, at: 0)
        put(base + 640, at: 8)
        put(base + 512, at: 16)
        put(base + 704, at: layout.functionFileName)
        put(5, at: layout.functionFirstLine)
        put(base + 768, at: 512 + 8)
        // A frame: statement, function, previous one.
        put(base + 264, at: 256)
        for (offset, value) in [(0, base), (24, base), (48, 0)] { put(value, at: 264 + offset) }
        // Strings: count of references, hash, length, text.
        for (position, text) in [(640, "leaf"), (704, "/w/a.php"), (768, "App\\P")] {
            put(2, at: position)
            put(UInt64(text.utf8.count), at: position + 16)
            bytes.replaceSubrange((position + 24)..<(position + 24 + text.utf8.count), with: text.utf8)
        }
        return bytes
    }
}
