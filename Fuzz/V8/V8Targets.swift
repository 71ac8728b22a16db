import CBPFInterface
import ObjectFiles
import Processes

@testable import V8Runtime

/// V8's objects, its code and what it says of both.
enum V8Targets {
    static let all = [
        // A heap of objects that lead to each other; the first bytes say which words a frame has.
        FuzzTarget("v8-objects", seeds: { versions.indices.map(seed) }) { bytes in
            var memory = RecordedMemory()
            memory.add(bytes, at: base)
            for (number, version) in versions.enumerated() {
                let machine: ELFMachine = number & 1 == 0 ? .x86_64 : .aarch64
                let attached = AttachedV8(
                    heap: V8Heap(memory: memory, layout: version.layout), builtins: nil, sizes: sizes, frameTypes: [5: "WasmFrame"],
                    registers: V8Registers(version.metadata, machine), machine: machine)
                for kind: UInt64 in 0...6 {
                    for place in [shared, code, instructions + 64] {
                        for isReturnAddress: UInt64 in [0, 1] {
                            let first = kind << UInt64(V8_FRAME_KIND_SHIFT)
                                | isReturnAddress << UInt64(V8_FRAME_RETURN_ADDRESS_SHIFT) | place
                            for identity in [0, 7 << 32 | 1, base | 1] as [UInt64] {
                                let object = kind == UInt64(V8_FRAME_STUB.rawValue) ? 5 : shared | 1
                                _ = attached.functions(of: [first, object, identity, bytecode | 1])
                            }
                        }
                    }
                }
            }
        },
        FuzzTarget("v8-positions", seeds: { [[2, 8, 6, 4, 9, 3], [0x80, 0x82, 3, 1], [4, 1, 1, 2, 3]] }) { bytes in
            for place in [-1, 0, 1, 7, 300, Int.max, .min] {
                for hasFlags in [false, true] { _ = V8Positions.position(in: bytes, at: place, hasFlags: hasFlags) }
                if let sizes {
                    _ = V8Positions.bytecodeOffset(in: bytes, at: place, bytecode: [0, 4, 5, 1, 4] + bytes, sizes: sizes)
                }
            }
            _ = V8BytecodeSizes(bytes)
        },
        // Ways back to bytecode, and the table that leads to them.
        FuzzTarget("v8-translations", seeds: { [[14, 0, 2, 2, 0, 4, 6, 8, 10, 12, 14], [15, 0, 4, 4, 1, 1, 2, 3, 4, 44, 2]] }) {
            bytes in
            for start in [0, 1, 7, bytes.count, .max] { _ = V8FrameTranslation.frames(in: bytes, at: start) }
            if let table = V8SafepointTable(bytes, codeBytes: 1 << 20) {
                for offset in [-1, 0, 9, Int.max] { _ = table.firstReturn(after: offset) }
            }
            for machine in [ELFMachine.x86_64, .aarch64] { _ = V8Checks.all(in: bytes, machine) }
        },
        FuzzTarget("v8-wasm-names", seeds: { [module] }) { bytes in
            var memory = RecordedMemory()
            memory.add(bytes, at: base)
            for count in [UInt64(bytes.count), 8, 1 << 30, .max] {
                guard let names = V8WebAssemblyNames(memory, at: base, count: count) else { continue }
                _ = names.name(ofFunction: 0)
            }
            for count in [1, 9, 1 << 20, .max, .min] {
                _ = V8JumpTable(memory, at: base, count: count)?.last(atMost: .max)
            }
        },
    ]

    private static let base: UInt64 = 0x10000
    /// Where the seeds have what.
    private static let shared = base + 256, script = base + 512, text = base + 768, bytecode = base + 1024
    private static let code = base + 1280, positions = base + 1536, data = base + 1664, instructions = base + 1920

    private static let sizes = V8BytecodeSizes([1, 1, 1, 1, 2, 3] + [1, 1, 1, 1, 3, 5] + [1, 1, 1, 1, 5, 9])

    /// The custom section "name" and one of each that comes before it: an import, a function.
    private static let module: [UInt8] =
        [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, 7, 1, 1, 0x61, 1, 0x62, 0, 0, 3, 2, 1, 0]
        + [0, 14, 4, 0x6e, 0x61, 0x6d, 0x65, 1, 7, 2, 0, 1, 0x66, 1, 1, 0x67]

    /// As the tests have them of Node.js 14 to 26.
    private static let versions: [(metadata: V8Metadata, layout: V8Layout)] = [14, 16, 18, 20, 22, 24, 26].compactMap { number in
        let path = "\(Corpus.folder)/../../Tests/V8RuntimeTests/Recorded/node-\(number).txt"
        var version = V8Version(0, 0)
        var numbers: [String: Int32] = [:]
        for line in String(decoding: Corpus.file(path) ?? [], as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 2 else { continue }
            if fields[0] == "version" {
                let parts = fields[1].split(separator: ".").compactMap { UInt32($0) }
                if parts.count == 3 { version = V8Version(parts[0], parts[1], parts[2]) }
            } else {
                numbers[String(fields[0])] = Int32(fields[1])
            }
        }
        let metadata = V8Metadata(version: version, numbers: numbers)
        return V8Layout(metadata).map { (metadata, $0) }
    }

    /// A function with its script, bytecode, and optimised code that it is the outermost function of.
    private static func seed(_ version: Int) -> [UInt8] {
        let layout = versions[version].layout
        var bytes = [UInt8](repeating: 0, count: 4096)
        func put(_ value: UInt64, _ count: Int = 8, at address: UInt64) {
            let position = Int(address - base)
            for index in 0..<count { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        func word(_ value: UInt64, _ object: UInt64, _ offset: Int) { put(value, at: object + UInt64(offset)) }
        func small(_ value: UInt64) -> UInt64 { value << 32 }
        // A map for each object, 16 bytes before it.
        func object(_ address: UInt64, type: UInt16, map: UInt64) {
            put(UInt64(type), 2, at: base + map + 12)
            put(base + map | 1, at: address)
        }
        object(shared, type: layout.types.shared, map: 0)
        object(script, type: layout.types.script, map: 16)
        object(text, type: 8, map: 32)
        object(bytecode, type: layout.types.bytecodeArray, map: 48)
        object(code, type: layout.types.code, map: 64)
        object(positions, type: 200, map: 80)
        object(data, type: 201, map: 96)
        object(instructions, type: layout.types.instructions, map: 112)
        word(text | 1, shared, layout.sharedNameOrScopeInfo)
        word(script | 1, shared, layout.sharedScript)
        put(1, 4, at: shared + UInt64(layout.sharedNumber))
        word(text | 1, script, layout.scriptName)
        word(text | 1, script, layout.scriptSource)
        word(small(7), script, layout.scriptNumber)
        put(9, 4, at: text + 12)
        for (index, byte) in "/w/a\nb.js".utf8.enumerated() { put(UInt64(byte), 1, at: text + 16 + UInt64(index)) }
        word(small(4), bytecode, layout.bytecodeLength)
        word(positions | 1, bytecode, layout.bytecodePositions)
        word(small(6), positions, 8)
        for (index, byte) in [2, 8, 6, 4, 9, 3].enumerated() { put(UInt64(byte), 1, at: positions + 16 + UInt64(index)) }
        word(small(16), data, 8)
        word(shared | 1, data, 16 + layout.deoptimizationShared * 8)
        word(data | 1, data, 16 + layout.deoptimizationLiterals * 8)
        word(positions | 1, data, 16 + layout.deoptimizationInlining * 8)
        let holder = layout.codeOfInstructions == nil ? instructions : code
        if layout.codeOfInstructions != nil {
            word(code | 1, instructions, layout.codeOfInstructions ?? 8)
            word(instructions + 32, code, layout.codeStart)
        }
        put(256, 4, at: holder + UInt64(layout.codeSize))
        put(UInt64(layout.baselineKind ?? 3), 4, at: holder + UInt64(layout.codeFlags))
        word(data | 1, holder, layout.codeDeoptimization)
        word(positions | 1, holder, layout.codePositions)
        return bytes
    }
}
