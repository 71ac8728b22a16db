import LiveSupport
import ObjectFiles
import RuntimeSupport
import Testing

@testable import JVMRuntime

struct CodeFlowTests {
    /// C1's code of `static long rec(int d, int n) { return d == 0 ? deepest(n) : rec(d - 1, n) + 1; }` of JDK 21, with
    /// `deepest` inlined twice, as `-XX:CompileCommand=print` prints it. Described are the polls of both loops, and the call.
    private static let code: [UInt8] = bytes(
        """
        8984 2400 c0fe ff55 4881 ec90 0000 0090 4181 7f20 0000 0000 7405 e8e1 e9f0 ff85 f60f 854a 0000 0048 63f2 bf00
        0000 0048 c7c3 0000 0000 e928 0000 000f 1f44 0000 4863 c748 c7c1 1f00 0000 480f afc1 4833 c648 03c3 ffc7 4d8b
        9758 0400 0041 8502 488b d881 ffd0 0700 000f 8d7c 0000 00eb cfff ce85 f60f 8546 0000 0048 63f2 bf00 0000 0048
        c7c3 0000 0000 e924 0000 0090 4863 c748 c7c1 1f00 0000 480f afc1 4833 c648 03c3 ffc7 4d8b 9758 0400 0041 8502
        488b d881 ffd0 0700 000f 8d22 0000 00eb cfff ce0f 1f40 00e8 148e f2ff 0f1f 8400 5c02 0002 49c7 c201 0000 0049
        03c2 488b d849 c7c2 0100 0000 4903 da48 8bc3 4881 c490 0000 005d 493b a750 0400 000f 8701 0000 00c3
        """)
    private static let described: Set<Int> = [0x5d, 0xad, 0xcc]

    private static func bytes(_ text: String) -> [UInt8] {
        let digits = text.filter(\.isHexDigit).compactMap { UInt8(String($0), radix: 16) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Behind a poll the loop goes on: what runs there is still of the loop, though another loop's poll lies next.
    @Test(arguments: [
        (0x40, 0x5d), (0x56, 0x5d), (0x5d, 0x5d), (0x60, 0x5d), (0x63, 0x5d), (0x6f, 0x5d), (0x90, 0xad), (0xb0, 0xad),
        (0xbf, 0xad), (0xc1, 0xcc),
    ])
    func whatRunsNext(_ from: Int, _ place: Int) {
        let flow = CodeFlow(code: Self.code, machine: .x86_64)
        #expect(flow.next(from: from) { Self.described.contains($0) } == .place(place))
    }

    @Test func codeThatReturns() {
        let flow = CodeFlow(code: Self.code, machine: .x86_64)
        #expect(flow.next(from: 0xd4) { Self.described.contains($0) } == .return)
    }

    /// Bytes at random, and code that ends anywhere: an answer, in bounded time.
    @Test func hostileCode() {
        var random = SystemRandomNumberGenerator()
        for machine in [.x86_64, .aarch64] as [ELFMachine] {
            for _ in 0..<2000 {
                let count = Int.random(in: 0...64, using: &random)
                let code = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                let start = Int.random(in: 0...64, using: &random)
                _ = CodeFlow(code: code, machine: machine).next(from: start) { _ in false }
            }
        }
        #expect(CodeFlow(code: [0xeb, 0xfe], machine: .x86_64).next(from: 0) { _ in false } == .unknown)
    }

    /// b.ne back; b onwards; ret. From an assembler.
    @Test func arm64() {
        let words: [UInt32] = [0xd503_201f, 0x54ff_ffe1, 0x1400_0002, 0xd503_201f, 0xd65f_03c0]
        let code = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
        let flow = CodeFlow(code: code, machine: .aarch64)
        #expect(flow.next(from: 4) { $0 == 0 } == .place(0))
        #expect(flow.next(from: 8) { $0 == 12 } == .return)
        #expect(flow.next(from: 4) { $0 == 16 } == .place(16))
    }

    /// Lengths of instructions are those that LLVM's disassembler tells of the C library.
    @Test func lengthsOfInstructions() throws {
        let text = try Command.runBlocking(
            ["llvm-objdump", "-d", "--no-leading-headers", "/usr/lib/x86_64-linux-gnu/libm.so.6"],
            includingStandardError: false)
        var count = 0
        for line in text.split(separator: "\n").prefix(30_000) {
            let parts = line.split(separator: "\t")
            guard parts.count >= 2, let colon = parts[0].firstIndex(of: ":"), !parts[1].hasPrefix("<unknown>") else {
                continue
            }
            let bytes = Self.bytes(String(parts[0][parts[0].index(after: colon)...]))
            guard !bytes.isEmpty else { continue }
            count += 1
            #expect(Instruction(bytes + [0x90, 0x90], at: 0, machine: .x86_64)?.bytes == bytes.count, "\(line)")
        }
        #expect(count > 10_000)
    }
}
