import ObjectFiles
import Processes
import Testing

@testable import RubyRuntime

/// `rb_during_gc` as distributions build it (disassembled with objdump), over memory made for it.
@Suite struct CollectorTests {
    struct Build: Sendable, CustomStringConvertible {
        var name: String
        var machine: ELFMachine
        var address: UInt64
        var code: [UInt8]
        /// ELF address of the variable, or of the word that has its address.
        var variable: UInt64
        var isIndirect: Bool
        var objectSpace: UInt64
        var flags: UInt64

        var description: String { name }
    }

    static let builds = [
        // mov slot(%rip),%rax; mov (%rax),%rax; mov 0x450(%rax),%rax; movzbl 0x10(%rax),%eax; shr $5,%al; and $1,%eax; ret
        Build(
            name: "3.1 x86_64", machine: .x86_64, address: 0xcf4e0,
            code: [
                0x48, 0x8b, 0x05, 0xa1, 0xe7, 0x2d, 0x00, 0x48, 0x8b, 0x00, 0x48, 0x8b, 0x80, 0x50, 0x04, 0, 0, 0x0f, 0xb6,
                0x40, 0x10, 0xc0, 0xe8, 0x05, 0x83, 0xe0, 0x01, 0xc3,
            ], variable: 0x3adc88, isIndirect: true, objectSpace: 0x450, flags: 0x10),
        // endbr64; lea variable(%rip),%rax; mov (%rax),%rax; test; je; mov 0x510(%rax),%rax; movzbl 0x14(%rax),%eax; …
        Build(
            name: "3.4 x86_64", machine: .x86_64, address: 0x110720,
            code: [
                0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8d, 0x05, 0x85, 0xc3, 0x3d, 0x00, 0x48, 0x8b, 0x00, 0x48, 0x85, 0xc0, 0x74,
                0x15, 0x48, 0x8b, 0x80, 0x10, 0x05, 0, 0, 0x0f, 0xb6, 0x40, 0x14, 0xc0, 0xe8, 0x05, 0x83, 0xe0, 0x01, 0xc3,
            ], variable: 0x4ecab0, isIndirect: false, objectSpace: 0x510, flags: 0x14),
        // adrp; ldr slot; ldr; cbz; ldr #1328; ldr #16; ubfx #5, #1; ret
        Build(
            name: "3.3 arm64", machine: .aarch64, address: 0xf41c0,
            code: [
                0xc0, 0x1a, 0x00, 0xf0, 0x00, 0xd0, 0x45, 0xf9, 0x00, 0x00, 0x40, 0xf9, 0xa0, 0x00, 0x00, 0xb4, 0x00, 0x98,
                0x42, 0xf9, 0x00, 0x08, 0x40, 0xf9, 0x00, 0x14, 0x05, 0x53, 0xc0, 0x03, 0x5f, 0xd6,
            ], variable: 0x44f000 + 2976, isIndirect: true, objectSpace: 1328, flags: 16),
    ]

    private static let bias: UInt64 = 0x7f00_0000_0000

    private static func memory(_ build: Build, machineAddress: UInt64) -> RecordedMemory {
        var memory = RecordedMemory()
        var variable = build.variable + bias
        if build.isIndirect {
            variable = bias + 0x80_0000
            memory.add(bytes(variable), at: build.variable + bias)
        }
        memory.add(bytes(machineAddress), at: variable)
        memory.add(bytes(0x5000_0000), at: machineAddress + build.objectSpace)
        memory.add(bytes(0x21), at: 0x5000_0000 + build.flags)
        return memory
    }

    private static func bytes(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    @Test(arguments: builds) func flagsAreFound(_ build: Build) {
        let found = RubyCollector.find(
            code: build.code, at: build.address, machine: build.machine, bias: Self.bias,
            memory: Self.memory(build, machineAddress: 0x4000_0000))
        #expect(found == .found(0x5000_0000 + build.flags))
    }

    @Test(arguments: builds) func beforeTheMachineIsMadeNothingIsReady(_ build: Build) {
        var memory = RecordedMemory()
        var variable = build.variable + Self.bias
        if build.isIndirect {
            variable = Self.bias + 0x80_0000
            memory.add(Self.bytes(variable), at: build.variable + Self.bias)
        }
        memory.add(Self.bytes(0), at: variable)
        let found = RubyCollector.find(
            code: build.code, at: build.address, machine: build.machine, bias: Self.bias, memory: memory)
        #expect(found == .notReady)
    }

    @Test(arguments: builds) func cutCodeIsNotUnderstood(_ build: Build) {
        let memory = Self.memory(build, machineAddress: 0x4000_0000)
        for count in 0..<(build.code.count - 8) {
            let found = RubyCollector.find(
                code: Array(build.code[..<count]), at: build.address, machine: build.machine, bias: Self.bias,
                memory: memory)
            #expect(found == .notUnderstood)
        }
    }

    // rb_thread_current of 3.3 for arm64: paciasp; stp; mov; bl 0x261344.
    @Test func getterIsFollowed() {
        let code: [UInt8] = [
            0x3f, 0x23, 0x03, 0xd5, 0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0xad, 0xd3, 0x00, 0x94,
        ]
        #expect(RubyContext.firstCall(in: code, at: 0x22c484) == 0x261344)
        // Of 3.1: mrs comes first.
        #expect(RubyContext.firstCall(in: [0x41, 0xd0, 0x3b, 0xd5] + code, at: 0x22c484) == nil)
    }
}
