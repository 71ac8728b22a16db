import CBPFInterface
import Foundation
import ObjectFiles
import Testing

@testable import Unwinding

/// Following the stack's depth through code, compared with what others say of the same code.
struct CodeSweepTests {
    private static let names = ["libz.so.1", "libselinux.so.1", "libm.so.6", "libc.so.6"]
    private static let libraries = names.map { (name: String) -> String in
        "/usr/lib/x86_64-linux-gnu/" + name
    }.filter { access($0, R_OK) == 0 }

    private func text(of path: String) throws -> (code: [UInt8], start: UInt64) {
        let file = try ELFFile(FileReader(path: path))
        let section = try #require(file.section(".text"))
        return (try file.read(atAddress: section.address, count: Int(section.size)), section.address)
    }

    /// The lengths of all instructions are those that binutils' disassembler finds.
    @Test(
        .enabled(if: access("/usr/bin/objdump", X_OK) == 0, "objdump is not installed"),
        arguments: libraries.prefix(3))
    func instructionsAreAsLongAsTheDisassemblerSays(path: String) throws {
        let (code, start) = try text(of: path)
        let pipe = try #require(popen("objdump -d -j .text --no-show-raw-insn '\(path)'", "r"))
        defer { pclose(pipe) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        var last: UInt64?
        var count = 0, wrong = 0
        while getline(&line, &capacity, pipe) > 0, let line {
            let words = String(cString: line).split(whereSeparator: \.isWhitespace)
            guard words.count > 1, words[0].hasSuffix(":"), let address = UInt64(words[0].dropLast(), radix: 16) else {
                continue
            }
            if let last {
                count += 1
                let found = code.withUnsafeBufferPointer { X86Instruction($0, at: Int(last - start)) }
                // The disassembler joins fwait with the next one.
                if UInt64(found?.length ?? 0) != address - last, code[Int(last - start)] != 0x9b {
                    wrong += 1
                }
            }
            last = words.contains("(bad)") ? nil : address
        }
        #expect(count > 10_000)
        // Tables of constants among the code are disassembled as if they were code.
        #expect(wrong * 10_000 <= count, "\(wrong) of \(count)")
    }

    /// Compilers state the depths that are found without them.
    @Test(.enabled(if: ReadelfFrames.isAvailable, "readelf is not installed"), arguments: libraries)
    func depthsAreThoseOfTheCallFrameInformation(path: String) throws {
        let (code, start) = try text(of: path)
        let sweep = CodeSweep(code, at: start)
        let isTrusted = sweep.isTrusted
        #expect(isTrusted)
        var row = 0
        var count = 0, wrong = 0
        let functions = ReadelfFrames(path: path, framePointer: "rbp").functions.sorted { $0.start < $1.start }
        for function in functions where function.start >= start && function.end <= start + UInt64(code.count) {
            for expected in function.rows where expected.address >= sweep.rows[row].address {
                while row + 1 < sweep.rows.count, sweep.rows[row + 1].address <= expected.address { row += 1 }
                let rule = sweep.rows[row].rule
                guard expected.cfa.hasPrefix("rsp+") || expected.cfa.hasPrefix("rbp+") else { continue }
                count += 1
                // A frame that can be found by either register.
                let isByFramePointer =
                    UInt32(rule.kind) == UNWIND_FRAME_POINTER.rawValue && expected.framePointer == "c-16"
                let base = rule.cfa_register == UInt8(X86_RSP) ? "rsp" : "rbp"
                // Once it was popped, compilers still tell the place below the stack pointer where it was saved.
                let isSaved =
                    expected.framePointer.hasPrefix("c-")
                    && (Int32(expected.framePointer.dropFirst(2)) ?? 0) <= rule.cfa_offset
                let saved =
                    UInt32(rule.frame_pointer) == UNWIND_FP_ON_STACK.rawValue
                    ? "c\(rule.frame_pointer_offset)" : "u"
                if !isByFramePointer,
                    expected.cfa != "\(base)+\(rule.cfa_offset)" || (isSaved ? expected.framePointer : "u") != saved
                {
                    wrong += 1
                }
            }
        }
        #expect(count > 100)
        // Measured: 1 to 4 % differ. Nothing in the code tells what a table of jumps leads to, or that a function
        // begins behind a call that does not return.
        #expect(wrong * 20 <= count, "\(wrong) of \(count)")
    }

    @Test func anInterpretersPiecesAreNotTrusted() {
        // mov rcx, [r15]; jmp rcx: what other pieces jump to.
        let piece: [UInt8] = [0x49, 0x8b, 0x0f, 0xff, 0xe1]
        let code = [[UInt8]](repeating: piece, count: 100).flatMap(\.self) + [0xc3]
        #expect(!CodeSweep(code, at: 0x1000).isTrusted)
    }

    /// push rbp; jmp rbx; xor rdi, rdi; call; hlt: what Boost's `make_fcontext` lets a context's function return to.
    @Test func contextsOfBoostEnd() {
        let code: [UInt8] = [0xc3, 0x55, 0xff, 0xe3, 0x48, 0x31, 0xff, 0xe8, 1, 2, 3, 4, 0xf4, 0x90, 0x90, 0x90]
        #expect(CodeSweep(code, at: 0x1000).contextRoots == [0x1003..<0x100d])
        for count in 0..<13 { #expect(CodeSweep(Array(code.prefix(count)), at: 0x1000).contextRoots.isEmpty) }
    }

    @Test func anyBytesAreSwept() {
        var seed: UInt64 = 7
        for count in [0, 1, 2, 15, 16, 17, 100, 3000] {
            for _ in 0..<50 {
                let code = (0..<count).map { _ in
                    seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(truncatingIfNeeded: seed >> 33)
                }
                for start in [0, 0x1008, UInt64.max - 100] {
                    let rows = CodeSweep(code, at: start).rows
                    #expect(rows.count <= count)
                }
            }
        }
    }
}
