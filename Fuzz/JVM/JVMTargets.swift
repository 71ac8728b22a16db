import CBPFInterface
import ObjectFiles
import Processes

@testable import JVMRuntime

/// HotSpot's tables, its code and what it says of methods, as its processes have them in their memory.
enum JVMTargets {
    static let all = [
        // An nmethod at the input's beginning, its tables and the methods that it was made of behind it.
        FuzzTarget("jvm-compiled", seeds: { layouts.map(seed) }) { bytes in
            let memory = recorded(bytes)
            for (number, layout) in layouts.enumerated() {
                let machine: ELFMachine = number & 1 == 0 ? .x86_64 : .aarch64
                let jvm = attached(memory, layout, machine)
                for place: UInt64 in [0, 1, 16, 33, 63, 0x7fff_ffff, 0xffff_ffff] {
                    _ = jvm.functions(of: [base | UInt64(JVM_FRAME_COMPILED.rawValue), place << 32 | 7, base + 1024])
                }
                // Given up before it was named.
                _ = jvm.functions(of: [base | UInt64(JVM_FRAME_COMPILED.rawValue), 8, base + 1024])
            }
        },
        FuzzTarget("jvm-methods", seeds: { layouts.map(seed) }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let jvm = attached(memory, layout, .x86_64)
                for place: UInt64 in [0, 3, 0xfffe, 0xffff, 0xffff_ffff] {
                    let word = place << 32
                    _ = jvm.functions(of: [(base + 1024) | UInt64(JVM_FRAME_INTERPRETED.rawValue), word, base + 1088])
                    _ = jvm.functions(of: [base | UInt64(JVM_FRAME_STUB.rawValue), word, base + 1344])
                }
            }
        },
        // The variables that lead to HotSpot's tables, and the tables behind them; with what they say its heaps are read.
        FuzzTarget("jvm-tables", seeds: { [tables()] }) { bytes in
            let memory = recorded(bytes)
            var variables: [VMStructs.Variable: UInt64] = [:]
            for (index, variable) in VMStructs.Variable.allCases.enumerated() {
                variables[variable] = base + UInt64(index) * 8
            }
            if let entry = VMStructs.entry(variables, bias: 0, memory: memory), let file = try? ELFFile(MemorySource(data)) {
                _ = JVMCITable.stubVariables(file.segments, bias: base, entry: entry, memory: memory)
            }
            guard let structs = try? VMStructs(variables: variables, bias: 0, memory: memory) else { return }
            _ = try? CodeHeaps(structs, bias: 0, memory: memory)
            for major in [8, 11, 21, 25] { _ = try? JVMLayout(structs, major: major, machine: .x86_64) }
        },
        FuzzTarget("jvm-lines", seeds: { [[0xff, 1, 37, 0x21, 0xff, 255, 6, 6, 0], [0x21, 0x0a, 0]] }) { bytes in
            for excludesZeroByte in [false, true] {
                guard let table = JVMLineTable(bytes, excludesZeroByte: excludesZeroByte) else { continue }
                for place in [-1, 0, 7, 65535, Int.max, .min] { _ = table.line(at: place) }
                _ = table.firstLine
            }
        },
        // A class, a method and a descriptor, each ended by a zero.
        FuzzTarget(
            "jvm-names",
            seeds: {
                ["Busy$$Lambda+0x00007f1b58000a00\0rec\0(I[[Ljava/lang/String;J)V", "a/B+\0<init>\0()[[[D"].map { Array($0.utf8) }
                    + [[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, 0xc0, 0x80, 0, 0x6d, 0, 0x28, 0x29, 0x56]]
            }
        ) { bytes in
            let texts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map {
                JVMNames.text(Array($0))
            }
            guard texts.count == 3 else { return }
            _ = JVMNames.method(className: JVMNames.className(texts[0]), name: texts[1], descriptor: texts[2])
        },
    ]

    private static let base: UInt64 = 0x10000

    /// A library whose only segment is data, 4 KiB from address 0 on.
    private static let data: [UInt8] = {
        var image = ELFImage.build([])
        // p_flags: readable; p_filesz.
        image[68] = 4
        image.replaceSubrange((64 + 32)..<(64 + 40), with: [0, 16, 0, 0, 0, 0, 0, 0])
        return image
    }()

    private static func recorded(_ bytes: [UInt8]) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(bytes, at: base)
        return memory
    }

    private static func attached(
        _ memory: RecordedMemory, _ layout: JVMLayout, _ machine: ELFMachine
    ) -> AttachedJVM<RecordedMemory> {
        let heaps = CodeHeaps(heaps: [.init(code: base..<(base + 4096), segments: base)], segmentShift: 7, interpreter: 0..<0)
        return AttachedJVM(
            memory: memory, layout: layout, heaps: heaps,
            stubs: JVMStubs([("arraycopy", base + 1400), ("crc", base + 1408)], bias: 0, heaps: heaps), machine: machine)
    }

    /// Of the four ways in which HotSpot has kept what it knows of its code: JDK 8, 17, 24 and 25.
    private static let layouts: [JVMLayout] = [8, 17, 24, 25].compactMap { major in
        try? JVMLayout(structs(major), major: major, machine: .x86_64)
    }

    private static func structs(_ major: Int) -> VMStructs {
        var offsets = [
            "HeapBlock::Header._used": 4, "CodeBlob._name": 8, "CodeBlob._size": 16, "CodeBlob._frame_complete_offset": 20,
            "CodeBlob._frame_size": 28, "nmethod._compile_id": 120, "nmethod._orig_pc_offset": 124, "PcDesc._pc_offset": 0,
            "PcDesc._scope_decode_offset": 4, "Method._constMethod": 8, "ConstMethod._constants": 8,
            "ConstMethod._flags": 28, "ConstMethod._code_size": 32, "ConstMethod._name_index": 34,
            "ConstMethod._signature_index": 36, "ConstantPool._pool_holder": 24,
            "ConstantPool._source_file_name_index": 54, "Klass._name": 24, "Symbol._length": 4, "Symbol._body": 6,
            "nmethod._scopes_pcs_offset": 128, "nmethod._dependencies_offset": 132, "nmethod._metadata_offset": 136,
        ]
        var statics: [String: UInt64] = [:]
        if major == 17 {
            offsets["CodeBlob._code_begin"] = 32
            offsets["CodeBlob._code_end"] = 40
            offsets["CompiledMethod._method"] = 112
            offsets["CompiledMethod._scopes_data_begin"] = 144
        } else {
            offsets["CodeBlob._code_offset"] = 32
            offsets["CodeBlob._data_offset"] = 36
            offsets["nmethod._method"] = 112
            offsets["nmethod._scopes_data_offset"] = 140
        }
        if major >= 24 {
            offsets["nmethod._immutable_data"] = 152
            offsets["nmethod._immutable_data_size"] = 160
        }
        if major >= 25 {
            offsets["CodeBlob._mutable_data"] = 168
            offsets["CodeBlob._mutable_data_size"] = 176
            offsets["CodeBlob._relocation_size"] = 180
        }
        if major >= 9 { statics["CodeCache._heaps"] = base }
        return VMStructs(
            offsets: offsets, statics: statics,
            sizes: ["HeapBlock": 16, "nmethod": 256, "PcDesc": 16, "ConstMethod": 48, "ConstantPool": 72])
    }

    /// An nmethod with the tables of one layout; methods, classes and texts are the same in all.
    private static func seed(_ layout: JVMLayout) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 2048)
        func put(_ value: UInt64, _ count: Int = 8, at position: Int) {
            for index in 0..<count { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        func text(_ value: String, at position: Int) {
            put(UInt64(value.utf8.count), 2, at: position + 4)
            bytes.replaceSubrange((position + 6)..<(position + 6 + value.utf8.count), with: value.utf8)
        }
        put(7, 4, at: 120)
        put(base + 1024, at: 112)
        if layout.hasCodeOffsets {
            put(256, 4, at: 32)
            put(320, 4, at: 36)
        } else {
            put(base + 256, at: 32)
            put(base + 320, at: 40)
        }
        // A loop: nop, then a jump back to it; a return.
        bytes.replaceSubrange(256..<260, with: [0x90, 0xeb, 0xfd, 0xc3])
        switch layout.debugInformation {
        case .within(_, let isPointer, _, _, _):
            // Methods at 512, scopes at 544, places at 576.
            put(512, 4, at: 136)
            if isPointer { put(base + 544, at: 144) } else { put(544, 4, at: 140) }
            put(576, 4, at: 128)
            put(640, 4, at: 132)
        case .apart(_, _, _, _, _, let metadata):
            // Places at 576, scopes at 640, both from 512 on; methods at 512.
            put(base + 512, at: 152)
            put(192, 4, at: 160)
            put(64, 4, at: 128)
            put(128, 4, at: 140)
            switch metadata {
            case .inBlob:
                put(512, 4, at: 36)
                put(0, 2, at: 136)
                put(528, 4, at: 16)
            case .apart:
                put(base + 512, at: 168)
                put(16, 4, at: 176)
            }
        }
        put(base + 1024, at: 512)
        put(base + 1024, at: 520)
        let scopes = layout.excludesZeroByte ? [0xff, 1, 2, 5, 2, 3, 8] : [0xff, 0, 1, 4, 1, 2, 7] as [UInt8]
        for position in [544, 640] { bytes.replaceSubrange(position..<(position + scopes.count), with: scopes) }
        for (index, place) in [(0, 0), (16, 1), (32, 4)].enumerated() {
            put(UInt64(place.0), 4, at: 576 + index * 16)
            put(UInt64(place.1), 4, at: 580 + index * 16)
        }
        // Method, ConstMethod with its lines, ConstantPool, class; texts.
        put(base + 1088, at: 1024 + 8)
        put(base + 1216, at: 1088 + 8)
        put(1, 2, at: 1088 + 28)
        put(8, 2, at: 1088 + 32)
        put(1, 2, at: 1088 + 34)
        put(2, 2, at: 1088 + 36)
        bytes.replaceSubrange((1088 + 56)..<(1088 + 59), with: [0x0a, 0x29, 0])
        put(base + 1312, at: 1216 + 24)
        put(3, 2, at: 1216 + 54)
        for (index, place) in [1536, 1600, 1664].enumerated() { put(base + UInt64(place), at: 1216 + 72 + 8 * (index + 1)) }
        put(base + 1728, at: 1312 + 24)
        text("rec", at: 1536)
        text("(ILjava/lang/String;)J", at: 1600)
        text("Busy.java", at: 1664)
        text("demo/Busy$$Lambda+0x00007f1b58000a00", at: 1728)
        bytes.replaceSubrange(1344..<1361, with: Array("StubRoutines (1)".utf8) + [0])
        put(base + 256, at: 1400)
        return bytes
    }

    /// Variables, one table of fields and one of types, and the texts that they name.
    private static func tables() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        var free = 2560
        func put(_ value: UInt64, at position: Int) {
            for index in 0..<8 { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        func text(_ value: String) -> UInt64 {
            defer { free += value.utf8.count + 1 }
            bytes.replaceSubrange(free..<(free + value.utf8.count), with: value.utf8)
            return base + UInt64(free)
        }
        let fields: [(String, String, UInt64, UInt64)] = [
            ("CodeCache", "_heaps", 0, base + 2400), ("CodeHeap", "_memory", 0, 0), ("CodeHeap", "_segmap", 112, 0),
            ("CodeHeap", "_log2_segment_size", 248, 0), ("VirtualSpace", "_low_boundary", 0, 0),
            ("VirtualSpace", "_high_boundary", 8, 0), ("GrowableArrayBase", "_len", 0, 0),
            ("GrowableArray<int>", "_data", 8, 0), ("StubRoutines", "_crc32", 0, base + 2408),
        ]
        // Fields of 40 bytes from 128 on, types of 16 bytes from 1024 on.
        let values: [UInt64] = [base + 128, 40, 0, 8, 16, 24, base + 1024, 16, 0, 8]
        for (index, value) in values.enumerated() { put(value, at: index * 8) }
        for (index, field) in fields.enumerated() {
            put(text(field.0), at: 128 + index * 40)
            put(text(field.1), at: 128 + index * 40 + 8)
            put(field.2, at: 128 + index * 40 + 16)
            put(field.3, at: 128 + index * 40 + 24)
        }
        for (index, type) in ["HeapBlock", "nmethod"].enumerated() {
            put(text(type), at: 1024 + index * 16)
            put(UInt64(16 << (index * 4)), at: 1024 + index * 16 + 8)
        }
        // HotSpot's other table, found by the name of its first field; its fields are as in the first one.
        bytes.replaceSubrange(3585..<3610, with: "Klass_vtable_start_offset".utf8)
        put(base + 3585, at: 3648 + 8)
        put(text("StubRoutines"), at: 3648)
        put(text("StubRoutines"), at: 3688)
        put(text("_sha1_implCompress"), at: 3696)
        put(base + 2408, at: 3712)
        // One heap, whose map has 7 bits of shift.
        put(base + 2416, at: 2400)
        put(1, at: 2416)
        put(base + 2432, at: 2424)
        put(base + 2048, at: 2432)
        put(0x7f00_0000_0000, at: 2048)
        put(0x7f00_0100_0000, at: 2056)
        put(0x7f00_0200_0000, at: 2048 + 112)
        put(7, at: 2048 + 248)
        return bytes
    }
}
