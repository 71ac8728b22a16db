import ObjectFiles
import Processes
import Testing

@testable import BEAMRuntime

/// The code of `process_main`, as recorded (and disassembled with objdump), and as an assembler makes it for arm64.
@Suite struct SchedulerTests {
    @Test(arguments: Recording.all)
    func theRecordedCodeIsUnderstood(_ recording: Recording) throws {
        let scheduler = try BEAMScheduler(recording.scheduler, .x86_64, recording.memory)
        #expect(scheduler.frameBytes == (recording.release == 25 ? 0x4110 : 0x40d0))
        #expect(scheduler.registers == (recording.release == 25 ? 0x80 : 0x40))
        #expect(scheduler.stop == 0x58)
        // By `nm`, where the emulator exports both: from __jit_debug_descriptor to the_active_code_index.
        let distance = try #require(scheduler.codeIndex) &- recording.descriptor
        if let expected = [25: 0x3fca44 - 0x3e68c0, 27: 0xa17344 - 0xa008e0][recording.release] {
            #expect(distance == UInt64(expected))
        }
        // It lies right behind the tables that it chooses from, and the one that is loaded into.
        #expect(try #require(scheduler.codeIndex) &- recording.ranges < 4096)
    }

    /// stp; mov x9, sp; sub x9, x9, #4, lsl 12; sub x9, x9, #0xd0; and x9, x9, #-64; mov sp, x9; mov x29, sp; str x9, [x0];
    /// mov x19, sp; movz, movk, movk x9; ldr x10, [x9]; movz, movk, movk x9, #0x55f632217344; ldr w9, [x9]; mov x10, #3;
    /// cmp x0, xzr; csel x25, x9, x10, eq; ldr x20, [x21, #0x58]; ldr x22, [x21, #0x50]; br x0
    private static let arm64: [UInt8] = [
        0xfd, 0x7b, 0xbf, 0xa9, 0xe9, 0x03, 0x00, 0x91, 0x29, 0x11, 0x40, 0xd1, 0x29, 0x41, 0x03, 0xd1,
        0x29, 0xe5, 0x7a, 0x92, 0x3f, 0x01, 0x00, 0x91, 0xfd, 0x03, 0x00, 0x91, 0x09, 0x00, 0x00, 0xf9,
        0xf3, 0x03, 0x00, 0x91, 0x09, 0x1a, 0x8c, 0xd2, 0x29, 0x44, 0xa6, 0xf2, 0xc9, 0xbe, 0xca, 0xf2,
        0x2a, 0x01, 0x40, 0xf9, 0x89, 0x68, 0x8e, 0xd2, 0x29, 0x44, 0xa6, 0xf2, 0xc9, 0xbe, 0xca, 0xf2,
        0x29, 0x01, 0x40, 0xb9, 0x6a, 0x00, 0x80, 0xd2, 0x1f, 0x00, 0x1f, 0xeb, 0x39, 0x01, 0x8a, 0x9a,
        0xb4, 0x2e, 0x40, 0xf9, 0xb6, 0x2a, 0x40, 0xf9, 0x00, 0x00, 0x1f, 0xd6,
    ]

    @Test func theCodeOfArm64IsUnderstood() throws {
        let scheduler = try #require(BEAMScheduler(arm64: Self.arm64))
        #expect(scheduler.frameBytes == 0x40d0)
        #expect(scheduler.stop == 0x58)
        #expect(scheduler.codeIndex == 0x55f6_3221_7344)
    }

    @Test func codeThatIsCutOrDamagedIsRefused() {
        for count in 0..<84 { #expect(BEAMScheduler(arm64: Array(Self.arm64.prefix(count))) == nil) }
        for recording in Recording.all {
            let start = recording.scheduler.lowerBound
            guard let code = recording.segments.first(where: { $0.address == start })?.bytes else { continue }
            for count in 0..<64 { #expect(BEAMScheduler(x86: Array(code.prefix(count))) == nil) }
            for index in 0..<16 {
                var damaged = code
                damaged[index] ^= 0xff
                _ = BEAMScheduler(x86: damaged)
            }
        }
    }

    /// `enif_thread_type` of Debian's builds: of OTP 25 and 29 for x86_64, and as an assembler makes it for arm64.
    @Test func theAccessorIsUnderstood() throws {
        let old = BEAMCurrentProcess.x86(
            [
                0x48, 0x83, 0xec, 0x08, 0xe8, 0x97, 0x15, 0xe4, 0xff, 0x48, 0x85, 0xc0, 0x74, 0x18, 0x8b, 0x80, 0xb0, 0,
                0, 0, 0x83,
            ], at: 0x238230)
        #expect(old?.getter == 0x797d0)
        #expect(old?.type == 0xb0)
        let new = BEAMCurrentProcess.x86(
            [
                0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x83, 0xec, 0x08, 0xe8, 0xa3, 0xb7, 0xdb, 0xff, 0x48, 0x85, 0xc0, 0x74,
                0x16, 0x8b, 0x80, 0xb0, 0, 0, 0, 0x83, 0xf8, 0x02,
            ], at: 0x45d1a0)
        #expect(new?.getter == 0x218950)
        #expect(new?.type == 0xb0)
        // stp; mov x29, sp; bl getter; cbz x0; ldr w0, [x0, #0xb0]; cmp w0, #2; ret; nop; getter: ret
        let arm64 = BEAMCurrentProcess.arm64(
            [
                0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x06, 0x00, 0x00, 0x94, 0x60, 0x00, 0x00, 0xb4,
                0x00, 0xb0, 0x40, 0xb9, 0x1f, 0x08, 0x00, 0x71, 0xc0, 0x03, 0x5f, 0xd6, 0x1f, 0x20, 0x03, 0xd5,
            ], at: 0x1000)
        #expect(arm64?.getter == 0x1020)
        #expect(arm64?.type == 0xb0)
        #expect(BEAMCurrentProcess.x86([0xe8], at: 0) == nil)
        #expect(BEAMCurrentProcess.x86([], at: 0) == nil)
        #expect(BEAMCurrentProcess.arm64([1, 2, 3], at: 0) == nil)
    }
}
