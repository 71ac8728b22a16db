import ObjectFiles
import Processes

@testable import RubyRuntime

/// CRuby's code, objects and tables, as its processes have them in their memory.
enum RubyTargets {
    static let all = [
        // The body of an instruction sequence at the input's beginning, objects and tables behind it.
        FuzzTarget("ruby-code", seeds: { layouts.map(seed) }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let objects = RubyObjects(memory: memory, layout: layout)
                let reader = RubyCodeReader(objects: objects)
                if let body = reader.bytes(at: base) {
                    _ = reader.checksum(body)
                    _ = reader.code(body, at: base)
                    for place: UInt32 in [0, 1, 40, .max] { _ = reader.line(at: place, body) }
                }
                _ = RubyMethod(at: base + 512, objects)?.runs(base)
            }
        },
        // Objects at the input's beginning and at 256.
        FuzzTarget("ruby-objects", seeds: { layouts.map(seed) }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let objects = RubyObjects(memory: memory, layout: layout)
                for object in [base, base + 256, base + 1024] {
                    _ = objects.string(at: object, limit: 1024)
                    _ = objects.path(object, limit: 1024)
                    _ = objects.classPrefix(object, limit: 1024)
                    if objects.isArray(object, atLeast: 2) { _ = objects.element(1, of: object) }
                }
            }
        },
        // The table of names: the array of arrays at the input's beginning.
        FuzzTarget("ruby-symbols", seeds: { [symbols] }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let table = RubySymbolTable(objects: RubyObjects(memory: memory, layout: layout), arrays: base)
                for identifier: UInt64 in [0, 43, 199, 200, 511 << 4, 512 << 4, .max] { _ = table.name(of: identifier) }
            }
        },
        // `rb_during_gc`: the function's code, and what it leads to.
        FuzzTarget("ruby-collector", seeds: { [collector] }) { bytes in
            let memory = recorded(bytes)
            for machine in [ELFMachine.x86_64, .aarch64] {
                _ = RubyCollector.find(code: bytes, at: base, machine: machine, bias: 0, memory: memory)
            }
        },
    ]

    private static let base: UInt64 = 0x10000
    private static let layouts: [RubyLayout] = ["2.5.0", "2.7.4", "3.0.0", "3.1.2", "3.3.8", "3.4.1"].compactMap {
        RubyVersion($0).flatMap { RubyLayout($0) }
    }

    private static func recorded(_ bytes: [UInt8]) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(bytes, at: base)
        return memory
    }

    /// An array with one array in it, in which every place holds the same string.
    private static let symbols: [UInt8] = {
        // T_ARRAY with its elements elsewhere; T_STRING of one byte in the object.
        var words: [UInt64] = [7, 0, 1, 0, base + 40, base + 48, 7, 0, 1024, 0, base + 128, 0, 5 | 1 << 14, 0, 1, 43]
        words += Array(repeating: base + 96, count: 1024)
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
    }()

    /// mov 0x100(%rip), %rax; mov 8(%rax), %rax; mov 16(%rax), %eax; shr $5, %eax; ret; and one word that leads to itself.
    private static let collector: [UInt8] = {
        var bytes: [UInt8] = [0x48, 0x8b, 0x05, 0, 1, 0, 0, 0x48, 0x8b, 0x40, 8, 0x8b, 0x40, 16, 0xc1, 0xe8, 5, 0xc3]
        bytes += [UInt8](repeating: 0, count: 0x107 - bytes.count)
        for _ in 0..<8 { bytes += [0x07, 0x01, 0x01, 0, 0, 0, 0, 0] }
        return bytes
    }()

    /// Every word leads to an object in the memory: strings at each multiple of 256.
    private static func seed(_ layout: RubyLayout) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in 0..<256 as Range<UInt64> {
            let value: UInt64 =
                switch word % 32 {
                case 0: 5 | 4 << 14
                case 2: 4
                case 3: 0x6661_656c
                case 5: 3
                default: base + 256 * (word % 8)
                }
            for index in 0..<8 as Range<UInt64> { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
        }
        return bytes
    }
}
