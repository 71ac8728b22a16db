import CBPFInterface
import Processes
import RuntimeSupport
import Testing

@testable import V8Runtime

/// Memory in which everything refers to something, and nothing is what it seems.
@Suite struct V8HostileMemoryTests {
    private static let start: UInt64 = 0x7f00_0000_0000
    private static let wordCount = 4096

    /// Words that are objects' addresses, small integers, types or noise.
    private static func memory(_ generator: inout some RandomNumberGenerator, _ types: [UInt16]) -> RecordedMemory {
        var bytes: [UInt8] = []
        for _ in 0..<wordCount {
            let place = start + UInt64.random(in: 0..<UInt64(wordCount), using: &generator) * 8
            let word: UInt64 =
                switch Int.random(in: 0..<8, using: &generator) {
                case 0...3: place | 1
                case 4: place | 3
                case 5: UInt64.random(in: 0..<300, using: &generator) << 32
                // What a map may have, at the place of its instance type.
                case 6: UInt64(types.randomElement(using: &generator) ?? 0) << 32 | .random(in: 0...0xffff, using: &generator)
                default: .random(in: .min ... .max, using: &generator)
                }
            withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
        }
        var memory = RecordedMemory()
        memory.add(bytes, at: start)
        return memory
    }

    @Test(arguments: Recording.names)
    func whateverMemoryHoldsNothingTraps(_ name: String) throws {
        let layout = try #require(V8Layout(Recording.metadata(name)))
        let types = [
            layout.types.shared, layout.types.scopeInfo, layout.types.script, layout.types.code,
            layout.types.bytecodeArray, layout.types.instructions, 0, 1, 2, 3, 5, 8, 9, 10, 11, 13,
        ]
        var generator = SystemRandomNumberGenerator()
        let sizes = V8BytecodeSizes([1, 1, 1, 1, 2, 3] + [1, 1, 1, 1, 3, 5] + [1, 1, 1, 1, 5, 9])
        for _ in 0..<40 {
            let attached = AttachedV8(
                heap: V8Heap(memory: Self.memory(&generator, types), layout: layout), builtins: nil, sizes: sizes,
                frameTypes: [:], registers: V8Registers(try Recording.metadata(name), .x86_64), machine: .x86_64)
            for kind in 0...6 {
                for _ in 0..<20 {
                    let object = { Self.start + UInt64.random(in: 0..<UInt64(Self.wordCount)) * 8 | 1 }
                    let number = Bool.random() ? object() : UInt64.random(in: 0..<1 << 59)
                    let words = [UInt64(kind) << 60 | number, object(), Bool.random() ? 0 : 7, object()]
                    #expect(attached.functions(of: words).count <= 65)
                }
            }
            #expect(attached.functions(of: []).isEmpty)
        }
    }
}
