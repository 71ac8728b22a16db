import Processes

@testable import PythonRuntime

/// CPython's objects and tables, as its processes have them in their memory.
enum PythonTargets {
    static let all = lineTables + [
        // An input is the memory around a code object: the object at its beginning, what it refers to behind it.
        FuzzTarget("python-code", seeds: { layouts.map { seed($0.layout) } }) { bytes in
            var memory = RecordedMemory()
            memory.add(bytes, at: base)
            for (version, layout) in layouts {
                let python = AttachedPython(
                    memory: memory, version: version, layout: layout, threadState: .init(offsets: [0]))
                // Without a checksum: the kernel side could not read the object.
                for instruction: UInt64 in [0, 200, 216, 1 << 20, .max >> 32] {
                    _ = python.functions(of: [base, instruction << 32])
                }
            }
        },
        // `_PyRuntime`, whose offsets are then used on what follows it.
        FuzzTarget("python-offsets", seeds: { [13, 14, 15].map { runtime($0) + [UInt8](repeating: 1, count: 1024) } }) {
            bytes in
            guard let table = PythonDebugOffsets(bytes), var layout = PythonLayout(table.version),
                table.apply(to: &layout)
            else { return }
            var memory = RecordedMemory()
            memory.add(bytes, at: base)
            // asyncio's description, in place of what the end of the input is otherwise.
            let python = AttachedPython(
                memory: memory, version: table.version, layout: layout, threadState: .init(offsets: [0]),
                tasks: PythonTasks(table, asyncio: Array(bytes.suffix(104)), coroutineType: base))
            _ = python.facts(attachment: 1)
            _ = python.functions(of: [base + UInt64(PythonDebugOffsets.sizeBytes), 200 << 32])
        },
    ]

    private static let lineTables: [FuzzTarget] = [6, 10, 11].map { minor in
        FuzzTarget("python-lines-3.\(minor)", seeds: { [table(minor)] }) { bytes in
            let lines = PythonLineTable(PythonVersion(major: 3, minor: minor))
            for instruction in [-1, 0, 1, 7, 1000, Int(Int32.max), .max, .min] { _ = lines.line(of: instruction, in: bytes) }
        }
    }

    private static let base: UInt64 = 0x10000

    private static let layouts: [(version: PythonVersion, layout: PythonLayout)] = (6...15).flatMap { minor in
        [false, true].compactMap { isFreeThreaded in
            if isFreeThreaded, minor < 13 { return nil }
            let version = PythonVersion(major: 3, minor: minor, isFreeThreaded: isFreeThreaded)
            return PythonLayout(version).map { (version, $0) }
        }
    }

    /// Addresses and sizes of three instructions, one line each.
    private static func table(_ minor: Int) -> [UInt8] {
        minor < 11 ? [2, 1, 4, 1, 2, 0xff, 6, 5] : [0xd8, 0x04, 0x05, 0xd0, 0x0a, 0x1f, 0xe8, 0x02, 0xf0, 4, 2, 1, 1]
    }

    /// A code object whose name and file are of one and two bytes a character.
    private static func seed(_ layout: PythonLayout) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1024)
        func put(_ value: UInt64, _ count: Int = 8, at position: Int) {
            for index in 0..<count { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        func string(_ kind: UInt64, _ isASCII: Bool, _ text: [UInt8], at position: Int) {
            put(UInt64(text.count) / kind, at: position + layout.stringLength)
            let bits = kind | 8 | (isASCII ? 16 : 0)
            put(bits << (layout.stringState == 48 ? 8 : 2), 4, at: position + layout.stringState)
            let data = position + (isASCII ? layout.asciiSize : layout.compactSize)
            bytes.replaceSubrange(data..<(data + text.count), with: text)
        }
        put(1, at: 0)
        put(base + 256, at: layout.codeName)
        if let qualified = layout.codeQualifiedName { put(base + 256, at: qualified) }
        put(base + 512, at: layout.codeFileName)
        put(base + 768, at: layout.codeLineTable)
        put(7, 4, at: layout.codeFirstLine)
        string(1, true, Array("K.leaf".utf8), at: 256)
        string(2, false, [0x4b, 0x6d, 0xcf, 0x91], at: 512)
        put(8, at: 768 + layout.bytesSize)
        bytes.replaceSubrange((768 + layout.bytesData)..<(768 + layout.bytesData + 8), with: table(6))
        return bytes
    }

    private static func runtime(_ minor: UInt8) -> [UInt8] {
        var bytes = PythonDebugOffsets.cookie + [0xf0, 1, minor, 3, 0, 0, 0, 0]
        for word in 2..<(PythonDebugOffsets.sizeBytes / 8) { bytes += [UInt8(word), 0, 0, 0, 0, 0, 0, 0] }
        return bytes
    }
}
