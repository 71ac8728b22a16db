import ObjectFiles
import Processes
import RuntimeSupport
import Testing

@testable import PHPRuntime

/// What is decoded of PHP's code, as Debian's builds have it: `execute_ex` up to its first indirect jump, and two functions
/// that are exported. Sizes of frames are those of the builds' call frame information (`readelf --debug-dump=frames-interp`).
@Suite struct CodeTests {
    struct Build: Sendable, CustomStringConvertible {
        var name: String
        var machine: ELFMachine
        /// Of `execute_ex`.
        var address: UInt64
        var frameBytes: Int
        var hasFramePointer: Bool
        /// Of `current_execute_data` in `executor_globals`, as the disassembly of `zend_is_executing` has it.
        var currentFrame: Int
        var loop: String
        var isExecuting: String
        var kind: String

        var description: String { name }
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).map { index in
            UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
        }
    }

    static let builds: [Build] = [
        Build(
            name: "7.4 x86_64", machine: .x86_64, address: 0x320f20, frameBytes: 144, hasFramePointer: false,
            currentFrame: 488,
            loop: "4155415455534883ec6864488b042528000000488944245831c04c8934244989fe4c897c24084885ff741a48"
                + "8d058e1118004c8b3f80b822020000000f859b1c000041ff27",
            isExecuting: "488d0589ee20004883b8e8010000000f95c0c3",
            kind: "b804000000c3662e0f"),
        Build(
            name: "8.2 x86_64", machine: .x86_64, address: 0x361a20, frameBytes: 160, hasFramePointer: false,
            currentFrame: 488,
            loop: "4155415455534883ec7864488b042528000000488944246831c04c897424484989fe4c897c24404885ff741c"
                + "4c8b3f488d050ac421000fb6802202000084c00f85211d000041ff27",
            isExecuting: "488d05d94229004883b8e8010000000f95c0c3",
            kind: "b804000000c3662e0f"),
        Build(
            name: "8.4 x86_64", machine: .x86_64, address: 0x3c6250, frameBytes: 208, hasFramePointer: true,
            currentFrame: 488,
            loop: "f30f1efa554889e541554154534881eca800000064488b042528000000488945d831c04c8975c84989fe4c89"
                + "7dc04885ff74304c8b3f488d05d30922000fb6802602000084c00f850f290000488d1dbd0922004839ab4002"
                + "00000f8312e0d6ff41ff27",
            isExecuting: "f30f1efa488d05554a27004883b8e801000000",
            kind: "f30f1efab804000000"),
        Build(
            name: "8.5 x86_64", machine: .x86_64, address: 0x5adaa0, frameBytes: 192, hasFramePointer: true,
            currentFrame: 512,
            loop: "f30f1efa554889e541554154534881ec9800000064488b042528000000488945d831c04c8975c84989fe4c89"
                + "7dc04885ff74304c8b3f488d05234f63000fb6803e02000084c00f852d2a0000488d1d0d4f63004839ab5802"
                + "00000f83525abeff41ff27",
            isExecuting: "f30f1efa488d0595cc68004883b80002000000",
            kind: "f30f1efab804000000"),
        Build(
            name: "8.2 aarch64", machine: .aarch64, address: 0x363214, frameBytes: 64, hasFramePointer: true,
            currentFrame: 488,
            loop: "ff4302d1e10f009021c446f9fd7b04a9fd030191f35305a9f55b06a9220040f9e21f00f9020080d2fcef01a9"
                + "fb0300aa400100b4e10f0090215844f91c0040f92088089100fcdf081f1c0072c1440154800340f900001fd6",
            isExecuting: "201400d0005844f900f440f91f0000f1e0079f1ac0035fd6",
            kind: "80008052c0035fd61f2003d5"),
        Build(
            name: "8.4 aarch64", machine: .aarch64, address: 0x3c2980, frameBytes: 64, hasFramePointer: true,
            currentFrame: 488,
            loop: "3f2303d5ff4303d1611000b021ec42f9fd7b04a9fd030191f35305a9f55b06a9f76307a9f96b08a9e827096d"
                + "ea2f0a6dec370b6dee3f0c6d220040f9a2831ff8020080d2bcef3da9fb0300aac00100b4611000b021c443f9"
                + "1c0040f92098089100fcdf0880a50137731000b073c643f9602241f9bf0300ebc93c0654800340f900001fd6",
            isExecuting: "5f2403d58013009000c443f900f440f91f0000f1e0079f1a",
            kind: "5f2403d580008052c0035fd6"),
    ]

    @Test(arguments: builds) func framesOfTheLoopAreUnderstood(_ build: Build) throws {
        let code = Self.bytes(build.loop)
        let loop = try #require(PHPLoop(code: code, at: build.address, machine: build.machine))
        // The jump is the last instruction recorded.
        #expect(loop.dispatch == build.address + UInt64(code.count))
        #expect(loop.frameBytes == build.frameBytes)
        #expect(loop.hasFramePointer == build.hasFramePointer)
        #expect(PHPLoop(code: Array(code.dropLast()), at: build.address, machine: build.machine) == nil)
    }

    @Test(arguments: builds) func placeOfTheCurrentFrameIsUnderstood(_ build: Build) {
        let code = Self.bytes(build.isExecuting)
        let decoded = PHPGlobals.currentFrame(code: code, at: 0x1000, globals: 0x9000, machine: build.machine)
        #expect(decoded == build.currentFrame)
        #expect(PHPLoopKind(code: Self.bytes(build.kind), machine: build.machine) == .hybrid)
    }

    /// cmpq $0, disp(%rip): the structure's address and the offset in one.
    @Test func currentFrameRelativeToTheInstruction() {
        let code: [UInt8] = [0x48, 0x83, 0x3d, 0xe8, 0x01, 0, 0, 0, 0x0f, 0x95, 0xc0, 0xc3]
        #expect(PHPGlobals.currentFrame(code: code, at: 0x1000, globals: 0x1008, machine: .x86_64) == 488)
        #expect(PHPGlobals.currentFrame(code: code, at: 0x1000, globals: 0x9000, machine: .x86_64) == nil)
        #expect(PHPGlobals.currentFrame(code: code, at: 0x1000, globals: nil, machine: .x86_64) == nil)
    }

    @Test func keysOfThreadsAreFound() {
        // mov 0x1234(%rip), %edi; jmp pthread_getspecific.
        let x86: [UInt8] = [0x8b, 0x3d, 0x34, 0x12, 0, 0, 0xe9, 0, 0, 0, 0]
        #expect(PHPGlobals.keyAddress(code: x86, at: 0x4000, machine: .x86_64) == 0x4000 + 6 + 0x1234)
        // adrp x0, +0x2000; ldr w0, [x0, #0x10]; b pthread_getspecific.
        let arm: [UInt8] = [0x00, 0, 0, 0xd0, 0x00, 0x10, 0x40, 0xb9, 0, 0, 0, 0x14]
        #expect(PHPGlobals.keyAddress(code: arm, at: 0x4abc, machine: .aarch64) == 0x6010)
        // mov %fs:-16, %rax: a variable of the thread's own.
        let variable: [UInt8] = [0x64, 0x48, 0x8b, 0x04, 0x25, 0xf0, 0xff, 0xff, 0xff, 0xc3]
        #expect(PHPGlobals.keyAddress(code: variable, at: 0x4000, machine: .x86_64) == nil)
    }

    @Test func otherCodeIsNotUnderstood() {
        for machine in [ELFMachine.x86_64, .aarch64] {
            for code in [[], [UInt8](repeating: 0, count: 256), [UInt8](repeating: 0xff, count: 255)] {
                #expect(PHPLoop(code: code, at: .max - 8, machine: machine) == nil)
                #expect(PHPLoopKind(code: code, machine: machine) == nil)
                #expect(PHPGlobals.currentFrame(code: code, at: .max - 8, globals: 0, machine: machine) == nil)
                #expect(PHPGlobals.keyAddress(code: code, at: .max - 8, machine: machine) == nil)
            }
        }
    }
}
