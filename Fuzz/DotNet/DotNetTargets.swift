import ObjectFiles
import Processes

@testable import DotNetRuntime

/// .NET's assemblies and its records of methods, as its processes have them in their memory.
enum DotNetTargets {
    static let all = [
        // An assembly as it is in its file: headers, metadata, precompiled code.
        FuzzTarget("dotnet-assembly") { bytes in
            let memory = recorded(bytes)
            guard let image = AssemblyImage(memory, at: base) ?? AssemblyImage.containing(base + 8192, memory) else { return }
            _ = PrecompiledCode(image, functionBytes: 12)?.row(at: 0x2050)
            _ = DebugDirectory(image).paths(besides: "/w/a.dll")
            guard let root = image.address(of: image.metadata.address),
                let metadata = Metadata(memory, at: root, size: UInt64(image.metadata.size))
            else { return }
            let names = MethodNames(metadata: metadata)
            for row: UInt32 in [0, 1, 2, 3, 5, 8, 9, 0xffff, 0xff_ffff, .max] {
                _ = names.name(ofMethod: row)
                _ = names.name(ofReference: row)
                _ = names.typeName(row: row)
            }
        },
        // Arrays and hash tables of precompiled code.
        FuzzTarget("dotnet-native-format", seeds: { [[0x0a, 0, 2, 8, 7, 7], [0x08, 2, 4, 0x11, 2, 3, 4]] }) { bytes in
            let format = NativeFormat(bytes: bytes)
            var entries = 0
            format.forEachArrayEntry(limit: 4096) { _, place in
                entries += 1
                _ = format.functionIndex(at: place)
            }
            format.forEachTableEntry(limit: 4096) { place in
                entries += 1
                _ = format.functionIndex(at: place)
            }
        },
        // A method's header at the beginning, its description and the ranges of code behind it.
        FuzzTarget("dotnet-methods", seeds: { [seed] }) { bytes in
            let memory = recorded(bytes)
            for layout in layouts {
                let reader = MethodReader(memory: memory, layout: layout)
                if let header = reader.header(at: base), let method = reader.description(header.bytes) {
                    _ = reader.dynamicName(method)
                    _ = reader.simpleName(ofModule: method.module)
                }
                let sections = CodeSections(memory: memory, layout: layout, root: base + 1024)
                for section in ((try? sections.all()) ?? []).prefix(8) {
                    _ = try? sections.methodStarts(in: section, limit: 16)
                }
            }
        },
        // A portable PDB as it is in its file.
        FuzzTarget("dotnet-symbols") { bytes in
            let file = FileMemory(source: MemorySource(bytes))
            guard let symbols = PortableSymbols(file, size: UInt64(bytes.count), id: nil),
                let map = InstructionMap([0x33, 0x11, 0x34, 0x11, 0x36, 0x11])
            else { return }
            for row: UInt32 in [0, 1, 2, 3, 5, 7, 9, 0xff_ffff, .max] {
                _ = symbols.points(ofMethod: row)
                _ = symbols.documentName(row)
                _ = symbols.lines(ofMethod: row, map)?.place(at: 3)
            }
        },
        // The compiler's notes of a method, as the runtime keeps them, and their main part by itself.
        FuzzTarget("dotnet-instructions", seeds: { [[0, 0x03, 0x03, 0x11, 0x34, 0x11, 0x36, 0x11], [2, 1, 0, 0, 0, 7, 2, 0, 1, 3, 1]] }) {
            bytes in
            if let map = InstructionMap(bytes) { _ = map.rows.count }
            let memory = recorded(bytes)
            for layout in layouts { _ = InstructionMap(memory, at: base, layout) }
        },
        FuzzTarget("dotnet-contracts", seeds: { [Array(contracts.utf8)] }) { bytes in
            guard let descriptor = ContractDescriptor(bytes) else { return }
            for major in 9...10 {
                guard let version = DotNetVersion("\(major).0.0"), var layout = DotNetLayout(version, isArm64: false) else { continue }
                layout.apply(descriptor)
                guard layout.isUsable else { continue }
                // What it says is then used.
                let memory = recorded(seed)
                let reader = MethodReader(memory: memory, layout: layout)
                _ = reader.header(at: base).flatMap { reader.description($0.bytes) }
                _ = try? CodeSections(memory: memory, layout: layout, root: base + 1024).all()
            }
        },
    ]

    static let base: UInt64 = 0x10000

    private static func recorded(_ bytes: [UInt8]) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(bytes, at: base)
        // Whoever reads a page of headers gets one.
        memory.add([UInt8](repeating: 0, count: 4096), at: base + UInt64(bytes.count))
        return memory
    }

    private static let layouts: [DotNetLayout] = (6...10).compactMap { major in
        DotNetVersion("\(major).0.0").flatMap { DotNetLayout($0, isArm64: false) }
    }

    private static let contracts = """
        {"version": 0, "types": {"RangeSection": {"!": 56, "RangeBegin": 0, "Flags": [16, "uint32"]},
         "MethodDesc": {"ChunkIndex": 2}}, "globals": {"MethodDescAlignment": ["0x8", "uint64"], "A": [[1], "b"]},
         "contracts": {"ExecutionManager": 2}}
        """

    private static let seed: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: 24 << 10)
        func put(_ value: UInt64, at position: Int) {
            for index in 0..<8 { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        // Header; method at 256, its chunk before it; class at 512, module at 640, its name at 0x400 above that.
        put(base + 256, at: 24)
        put(base + 1024, at: 0)
        put(base + 512, at: 256 - 24)
        put(base + 640, at: 512 + 24)
        put(base + 2048, at: 256 + 24)
        for offset in [8, 0x100, 0x108] { put(base + 2048, at: 640 + offset) }
        // A list's head, or a tree of five levels of 2 KiB; fragments and sections behind it.
        for level in 0..<5 { put(base + 4096 + UInt64(level) * 2048, at: level == 0 ? 1024 : 4096 + (level - 1) * 2048) }
        put(base + 16384, at: 4096 + 4 * 2048)
        put(base + 16640, at: 16384 + 24)
        put(0x7f00_0000_0000, at: 16640)
        put(0x7f00_0001_0000, at: 16648)
        put(2, at: 16656)
        put(base + 17000, at: 16640 + 0x28)
        put(0x7f00_0000_0000, at: 17000 + 0x20)
        put(base + 18000, at: 17000 + 0x28)
        return bytes
    }()
}
