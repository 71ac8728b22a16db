import Processes
import RuntimeSupport
import Testing

@testable import V8Runtime

@Suite struct V8WebAssemblyTests {
    private static let start: UInt64 = 0x7f00_0000_0000

    /// As a compiler writes one: types, an import, two functions, an export, code, names of functions and of locals.
    private static let module: [UInt8] = {
        func text(_ name: String) -> [UInt8] { [UInt8(name.utf8.count)] + Array(name.utf8) }
        func section(_ kind: UInt8, _ content: [UInt8]) -> [UInt8] { [kind, UInt8(content.count)] + content }
        var bytes: [UInt8] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
        bytes += section(1, [2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0])
        bytes += section(
            2,
            [3] + text("env") + text("memory") + [2, 1, 1, 16] + text("env") + text("unused") + [0, 1]
                + text("env") + text("table") + [1, 0x70, 0, 4])
        bytes += section(3, [3, 0, 0, 0])
        bytes += section(0, text("producers") + [0])
        bytes += section(
            0, text("name") + section(0, text("whole")) + section(1, [2, 1] + text("inner") + [3] + text("größe")))
        return bytes
    }()

    private static func memory(_ bytes: [UInt8]) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(bytes + [UInt8](repeating: 0, count: 64), at: start)
        return memory
    }

    @Test func namesOfFunctions() throws {
        let names = try #require(
            V8WebAssemblyNames(Self.memory(Self.module), at: Self.start, count: UInt64(Self.module.count)))
        #expect(names.importCount == 1)
        #expect(names.functionCount == 3)
        #expect(names.name(ofFunction: 1) == "inner")
        #expect(names.name(ofFunction: 2) == "wasm-function[2]")
        #expect(names.name(ofFunction: 3) == "größe")
    }

    @Test func anyModuleIsRead() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<4000 {
            var bytes = Self.module
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                bytes[.random(in: 8..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let names = V8WebAssemblyNames(
                Self.memory(bytes), at: Self.start, count: UInt64.random(in: 0...UInt64(bytes.count) + 9, using: &generator))
            #expect((names?.memoryBytes ?? 0) <= V8WebAssemblyNames.limitBytes + 1024)
        }
    }

    /// The tables of Node 14 and 24, from their memory, and one as arm64 has it.
    @Test func jumpsLeadToFunctions() throws {
        let narrow: [UInt8] = [0xe9, 0x7b, 0x05, 0, 0, 0xe9, 0x16, 0x05, 0, 0] + [UInt8](repeating: 0xcc, count: 54)
        let wide: [UInt8] =
            [0xe9, 0x7b, 0x09, 0, 0, 0xcc, 0xcc, 0xcc, 0xe9, 0x33, 0x08, 0, 0, 0xcc, 0xcc, 0xcc]
            + [UInt8](repeating: 0, count: 48)
        for (bytes, targets) in [(narrow, [0x580, 0x520]), (wide, [0x980, 0x840])] as [([UInt8], [UInt64])] {
            let table = try #require(V8JumpTable(Self.memory(bytes), at: Self.start, count: 2))
            let first = try #require(table.last(atMost: Self.start + targets[0] + 5))
            #expect(first.index == 0)
            #expect(first.target == Self.start + targets[0])
            #expect(table.last(atMost: Self.start + targets[0] - 1)?.index == 1)
            #expect(table.last(atMost: Self.start + targets[1] - 1) == nil)
        }
        // b +0x100; b +0x80
        let arm: [UInt8] = [0x40, 0, 0, 0x14, 0x20, 0, 0, 0x14]
        let table = try #require(V8JumpTable(Self.memory(arm), at: Self.start, count: 2))
        #expect(table.last(atMost: Self.start + 0x100)?.index == 0)
        #expect(table.last(atMost: Self.start + 0xff)?.target == Self.start + 0x84)
    }
}
