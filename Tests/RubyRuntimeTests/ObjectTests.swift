import Processes
import Testing

@testable import RubyRuntime

/// Objects as the headers of Ruby lay them out, made in memory.
@Suite struct ObjectTests {
    private static func layout(_ text: String) throws -> RubyLayout {
        try #require(RubyVersion(text).flatMap { RubyLayout($0) })
    }

    private static func words(_ values: [UInt64]) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    /// Text of an object itself, padded to 24 bytes.
    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return bytes + [UInt8](repeating: 0, count: max(0, 24 - bytes.count))
    }

    @Test func stringsOfThreeOneHaveTheirLengthInTheFlags() throws {
        var memory = RecordedMemory()
        memory.add(Self.words([5 | 5 << 14, 0]) + Self.text("größ"), at: 0x1000)
        memory.add(Self.words([5 | 1 << 13, 0, 3, 0x3000]), at: 0x2000)
        memory.add(Array("abcd".utf8), at: 0x3000)
        let objects = RubyObjects(memory: memory, layout: try Self.layout("3.1.2"))
        #expect(objects.string(at: 0x1000, limit: 100) == "grö\u{FFFD}")
        #expect(objects.string(at: 0x2000, limit: 100) == "abc")
        #expect(objects.string(at: 0x2000, limit: 2) == nil)
        #expect(objects.string(at: 0x3000, limit: 100) == nil)
        #expect(objects.string(at: 8, limit: 100) == nil)
    }

    @Test func stringsOfThreeThreeHaveAField() throws {
        var memory = RecordedMemory()
        memory.add(Self.words([5, 0, 6]) + Self.text("größ"), at: 0x1000)
        memory.add(Self.words([5, 0, .max]), at: 0x2000)
        let objects = RubyObjects(memory: memory, layout: try Self.layout("3.3.8"))
        #expect(objects.string(at: 0x1000, limit: 100) == "größ")
        #expect(objects.string(at: 0x2000, limit: 100) == nil)
    }

    @Test func pathsAreRealOnesWhereThereAreSuch() throws {
        var memory = RecordedMemory()
        memory.add(Self.words([5, 0, 4]) + Self.text("a.rb"), at: 0x1000)
        memory.add(Self.words([5, 0, 7]) + Self.text("/x/a.rb"), at: 0x1100)
        // Two elements in the array itself; elsewhere; the second one nil (4 or 8).
        memory.add(Self.words([7 | 1 << 13 | 2 << 15, 0, 0x1000, 0x1100]), at: 0x2000)
        memory.add(Self.words([7, 0, 2, 2, 0x3000]), at: 0x2100)
        memory.add(Self.words([0x1000, 8]), at: 0x3000)
        let objects = RubyObjects(memory: memory, layout: try Self.layout("3.3.8"))
        #expect(objects.path(0x1000, limit: 100) == "a.rb")
        #expect(objects.path(0x2000, limit: 100) == "/x/a.rb")
        #expect(objects.path(0x2100, limit: 100) == "a.rb")
        #expect(objects.path(0x3000, limit: 100) == nil)
    }

    @Test(arguments: [("3.3.8", 12 as UInt64, 32 as UInt64, 120 as UInt64, 96 as UInt64), ("4.0.6", 13, 24, 128, 112)])
    func classesStandBeforeTheirMethods(
        _ version: String, _ singletonBit: UInt64, _ extensionAt: UInt64, _ path: UInt64, _ attached: UInt64
    ) throws {
        var memory = RecordedMemory()
        let size = 200
        func object(_ head: [UInt64], _ fields: [UInt64: UInt64]) -> [UInt8] {
            var bytes = Self.words(head) + [UInt8](repeating: 0, count: size - head.count * 8)
            for (offset, value) in fields {
                bytes.replaceSubrange(Int(offset)..<(Int(offset) + 8), with: Self.words([value]))
            }
            return bytes
        }
        memory.add(Self.words([5, 0, 5]) + Self.text("A::Ab"), at: 0x1000)
        memory.add(object([2, 0], [extensionAt + path: 0x1000]), at: 0x2000)
        memory.add(object([2 | 1 << singletonBit, 0], [extensionAt + attached: 0x2000]), at: 0x3000)
        memory.add(Self.words([0x1c, 0x2000]), at: 0x4000)
        // Without a name; an object's own class.
        memory.add(object([3, 0], [extensionAt + path: 8]), at: 0x5000)
        memory.add(object([2 | 1 << singletonBit, 0], [extensionAt + attached: 0x1000]), at: 0x6000)
        let objects = RubyObjects(memory: memory, layout: try Self.layout(version))
        #expect(objects.classPrefix(0x2000, limit: 100) == "A::Ab#")
        #expect(objects.classPrefix(0x3000, limit: 100) == "A::Ab.")
        #expect(objects.classPrefix(0x4000, limit: 100) == "A::Ab#")
        #expect(objects.classPrefix(0x5000, limit: 100) == "")
        #expect(objects.classPrefix(0x6000, limit: 100) == "")
        let old = RubyObjects(memory: memory, layout: try Self.layout("3.2.2"))
        #expect(old.classPrefix(0x2000, limit: 100) == "")
    }

    @Test func namesTakeTheirClassBeforeTheMethod() {
        func name(_ label: String, _ base: String, _ prefix: String) -> String {
            RubyCode(checksum: 0, label: label, baseLabel: base, fileName: "", firstLine: 0, methodBody: 0)
                .name(classPrefix: prefix)
        }
        #expect(name("each", "each", "Array#") == "Array#each")
        #expect(name("block (2 levels) in c", "c", "Foo.") == "block (2 levels) in Foo.c")
        #expect(name("<main>", "<main>", "") == "<main>")
        #expect(name("<compiled>", "c", "Foo#") == "<compiled>")
    }

    /// Whatever memory holds, reading it ends, and what is read is bounded.
    @Test(arguments: ["2.5.9", "2.7.4", "3.1.2", "3.3.8", "4.0.6"]) func anyMemoryIsSafe(_ version: String) throws {
        var random = SystemRandomNumberGenerator()
        let layout = try Self.layout(version)
        for _ in 0..<300 {
            // Words that lead to each other, and some that are numbers of any size.
            let values = (0..<256).map { _ -> UInt64 in
                switch UInt64.random(in: 0..<4, using: &random) {
                case 0: UInt64.random(in: 0...UInt64.max, using: &random)
                case 1: UInt64.random(in: 0..<64, using: &random)
                case 2: 0x10000 + UInt64.random(in: 0..<256, using: &random) * 8
                default: [0x5, 0x7, 0x1a | 6 << 12, 0x2 | 3 << 12, 0x1c, 5 | 1 << 13].randomElement(using: &random) ?? 5
                }
            }
            var memory = RecordedMemory()
            memory.add(Self.words(values), at: 0x10000)
            let reader = RubyCodeReader(objects: RubyObjects(memory: memory, layout: layout))
            for address in stride(from: UInt64(0x10000), to: 0x10700, by: 56) {
                if let body = reader.bytes(at: address) {
                    _ = reader.code(body, at: address)
                    for place in [0, 1, 60, 5000, UInt32.max - 1] { _ = reader.line(at: place, body) }
                }
                _ = RubyMethod(at: address, reader.objects)?.classPrefix
                _ = RubyMethod(at: address, reader.objects)?.runs(address)
                let table = RubySymbolTable(objects: reader.objects, arrays: address)
                for identifier in [0, 43, 3000, 1 << 40, UInt64.max] { _ = table.name(of: identifier) }
            }
        }
    }
}
