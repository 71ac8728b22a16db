import CBPFInterface
import Foundation
import LiveSupport
import ObjectFiles
import Testing

@testable import Unwinding

/// Rules of Go programs against readelf's account of `.debug_frame`, in which Go's linker tells the depth of the stack at
/// each instruction a second time.
@Suite(.enabled(if: ReadelfFrames.isAvailable && !GoToolChain.all.isEmpty, "no readelf, or no Go tool chain"))
struct GoFramesTests {
    private static let isExhaustive = getenv("OTELCOL_EXHAUSTIVE") != nil
    /// Go comes with compilers for both, but has to compile its library for the other one first.
    private static let architectures = isExhaustive ? ["amd64", "arm64"] : ["amd64"]
    private static let program = ((#filePath as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("../Live/Programs/go/chain.go")

    private static func build(_ go: String, _ architecture: String, _ options: [String], as path: String) throws {
        let command = ([go, "build", "-o", path] + options + [program]).joined(separator: " ")
        let text = try Command.runBlocking([
            "/bin/sh", "-c",
            "GOFLAGS= GOTOOLCHAIN=local GO111MODULE=off CGO_ENABLED=0 GOARCH=\(architecture) \(command) 2>&1 && echo built",
        ])
        try #require(text.hasSuffix("built\n"), "\(go): \(text)")
    }

    @Test(arguments: GoToolChain.all, architectures)
    func depthsAgreeWithCallFrameInformation(go: String, architecture: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.build(go, architecture, [], as: folder + "/full")
        try Self.build(go, architecture, ["-ldflags='-s -w'"], as: folder + "/stripped")
        let rules = RuleSet()
        let file = try ELFFile(FileReader(path: folder + "/full"))
        let table = try UnwindTable.load(from: file, into: rules)
        let isX86 = architecture == "amd64"
        let (stack, entryDepth) = isX86 ? ("rsp", 8) : ("sp", 0)
        var compared = 0
        var changes = 0
        var differences: [String] = []
        for function in ReadelfFrames(path: folder + "/full", framePointer: isX86 ? "rbp" : "x29").functions {
            for (index, row) in function.rows.enumerated() {
                let end = index + 1 < function.rows.count ? function.rows[index + 1].address : function.end
                guard end > row.address, let number = table.rule(at: row.address), let last = table.rule(at: end - 1),
                    let rule = rules.rule(number), let depth = Int(row.cfa.dropFirst(stack.count))
                else { continue }
                if unwind_kind(UInt32(rule.kind)) != UNWIND_CFA {
                    // Where stacks are changed, or begin.
                    changes += 1
                    continue
                }
                compared += 1
                let isOnStack = isX86 || depth > 0
                if Int(rule.cfa_offset) != depth || last != number
                    || (rule.return_address == UInt8(UNWIND_RA_ON_STACK.rawValue)) != isOnStack
                    || (isOnStack && Int(rule.return_address_offset) != (isX86 ? -entryDepth : -depth))
                {
                    differences.append("0x\(String(row.address, radix: 16)): \(row), not \(rule)")
                }
            }
        }
        print("\(go), \(architecture): \(compared) rows, \(changes) where stacks change")
        #expect(compared > 5_000)
        #expect(changes > 5 && changes < 120, "\(changes)")
        #expect(differences.isEmpty, "\(differences.count) of \(compared): \(differences.prefix(5))")

        // The same where nothing else is left, but at other addresses: the rules of the kinds that change stacks.
        let strippedRules = RuleSet()
        let stripped = try UnwindTable.load(
            from: ELFFile(FileReader(path: folder + "/stripped")), into: strippedRules)
        func kinds(_ rules: RuleSet) -> Set<UInt8> { Set(rules.rules().map(\.kind)) }
        #expect(kinds(rules) == kinds(strippedRules))
        for kind in [UNWIND_GO_SYSTEM_STACK, UNWIND_GO_MORE_STACK, UNWIND_GO_C_CALL, UNWIND_GO_KEPT_STACK] {
            #expect(kinds(rules).contains(UInt8(kind.rawValue)), "\(kind)")
        }
        #expect(stripped.goLabels.labels == table.goLabels.labels && table.goLabels.labels != 0)
        #expect(table.goLabels.goroutine == (isX86 ? -8 : 0))
    }

    /// Bytes of `runtime.stackcheck`, `systemstack`, `asmcgocall`, `crosscall2` and `nanotime1` as Go 1.15, 1.19, 1.21 and
    /// 1.27 have them, disassembled by objdump.
    @Test func codeIsReadRight() {
        #expect(X86GoCode.goroutine([0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff]) == -8)
        #expect(
            X86GoCode.goroutine([0x48, 0xc7, 0xc1, 0xf0, 0xff, 0xff, 0xff, 0x64, 0x48, 0x8b, 0x01]) == -16)
        // From a table of the dynamic linker's.
        #expect(X86GoCode.goroutine([0x48, 0x8b, 0x0d, 1, 2, 3, 4, 0x64, 0x48, 0x8b, 0x01]) == nil)
        #expect(X86GoCode.current([0x90, 0x48, 0x3b, 0x83, 0xc0, 0, 0, 0]) == 192)
        #expect(X86GoCode.current([0x48, 0x3b, 0x83, 0xb8, 0, 0, 0]) == 184)
        #expect(X86GoCode.current([0x48, 0x3b, 0x83, 0xb9, 0, 0, 0]) == nil)
        #expect(X86GoCode.current([0x48, 0x3b, 0x83, 0xb8, 0, 0]) == nil)
        // mov rsp, [rdx + 56]; mov rsp, [r14 + 56]; mov rsp, [rdx + 48]
        #expect(X86GoCode.changesStacks([0x90, 0x48, 0x8b, 0x62, 0x38]))
        #expect(X86GoCode.changesStacks([0x49, 0x8b, 0x66, 0x38]))
        #expect(!X86GoCode.changesStacks([0x48, 0x8b, 0x62, 0x30]) && !X86GoCode.changesStacks([]))
        let old = X86GoCode.kept([0x48, 0x89, 0x7c, 0x24, 0x30, 0x48, 0x89, 0x7c, 0x24, 0x28])
        #expect(old?.goroutine == 48 && old?.depth == 40)
        let new = X86GoCode.kept([0x48, 0x89, 0x7c, 0x24, 0x08, 0x48, 0x89, 0x3c, 0x24])
        #expect(new?.goroutine == 8 && new?.depth == 0)
        #expect(X86GoCode.kept([0x48, 0x89, 0x7c, 0x24]) == nil)
        // sub rsp, 0x118; mov [rsp + 0x110], rbp
        let rows: [(distance: UInt64, depth: Int32)] = [(0, 0), (7, 0x118)]
        #expect(
            X86GoCode.framePointerPlace(
                [0x48, 0x81, 0xec, 0x18, 1, 0, 0, 0x48, 0x89, 0xac, 0x24, 0x10, 1, 0, 0], rows) == -16)
        // mov [rsp + 16], rbp, 240 bytes deep
        #expect(X86GoCode.framePointerPlace([0x48, 0x89, 0x6c, 0x24, 0x10], [(0, 240)]) == -232)
        // push rbp; mov rbp, rsp; sub rsp, 16
        let pushed: [(distance: UInt64, depth: Int32)] = [(0, 0), (1, 8), (8, 24)]
        #expect(X86GoCode.framePointer([0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10], pushed) == 16)
        // sub rsp, 24; mov [rsp + 16], rbp; lea rbp, [rsp + 16]
        let made: [UInt8] = [0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0x6c, 0x24, 0x10, 0x48, 0x8d, 0x6c, 0x24, 0x10]
        #expect(X86GoCode.framePointer(made, [(0, 0), (4, 24)]) == 16)
        // … and mov rbp, rsp
        #expect(X86GoCode.framePointer(made + [0x48, 0x89, 0xe5], [(0, 0), (4, 24)]) == 32)
        func bytes(_ words: [UInt32]) -> [UInt8] { words.flatMap { w in (0..<4).map { UInt8(w >> ($0 * 8) & 0xff) } } }
        #expect(ARM64GoCode.goroutine(bytes([0xb400_0080, 0xd53b_d040, 0xd280_021b, 0xf87b_681c])) == 16)
        #expect(ARM64GoCode.goroutine(bytes([0xb400_0080])) == nil)
        #expect(ARM64GoCode.current(bytes([0xf940_1b84, 0xf940_2485, 0xf940_0085, 0xf940_5c86])) == 184)
    }
}
