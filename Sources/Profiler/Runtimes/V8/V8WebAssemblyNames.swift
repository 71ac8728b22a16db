import Processes

/// What a module of WebAssembly says of its functions, in its binary format (WebAssembly Core Specification, 5.5 and 7.4).
struct V8WebAssemblyNames: Sendable {
    static let limitBytes = 4 << 20

    /// Of the module.
    let sizeBytes: UInt64
    private(set) var importCount = 0
    /// Of its own.
    private(set) var functionCount = 0
    private var names: [UInt64: String] = [:]
    private(set) var memoryBytes = 256

    private static let sectionLimit = 1024
    private static let importsLimitBytes: UInt64 = 4 << 20
    private static let namesLimitBytes: UInt64 = 16 << 20
    private static let nameLimit: UInt64 = 512

    static func isModule<Memory: MemoryReader>(_ memory: Memory, at address: UInt64) -> Bool {
        guard address > 0xffff, address < 1 << 47 else { return false }
        return (try? memory.readBytes(at: address, count: 8)) == [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
    }

    /// Nil when no module is there, or it is not to be understood.
    init?<Memory: MemoryReader>(_ memory: Memory, at address: UInt64, count: UInt64) {
        guard Self.isModule(memory, at: address) else { return nil }
        sizeBytes = count
        var position: UInt64 = 8
        for _ in 0..<Self.sectionLimit {
            guard position < count,
                let head = try? memory.readBytes(at: address &+ position, count: Int(min(16, count - position)))
            else { break }
            var reader = Numbers(head[...])
            guard let kind = reader.byte(), let size = reader.number() else { break }
            let start = position + UInt64(reader.position)
            guard size <= count, start <= count - size else { break }
            position = start + size
            let limit: UInt64 = kind == 2 ? Self.importsLimitBytes : kind == 3 ? 16 : kind == 0 ? Self.namesLimitBytes : 0
            guard limit > 0 else { continue }
            // Of custom sections all but the names are of no use, and can be large.
            if kind == 0 {
                guard let mark = try? memory.readBytes(at: address &+ start, count: Int(min(5, size))),
                    mark == [4] + Array("name".utf8)
                else { continue }
            }
            guard kind == 3 || size <= limit,
                let bytes = try? memory.readBytes(at: address &+ start, count: Int(min(size, limit)))
            else { continue }
            var content = Numbers(bytes[...])
            switch kind {
            case 2:
                guard let count = Self.importedFunctions(&content) else { return nil }
                importCount = count
            case 3: functionCount = content.number().map { Int(min($0, 1 << 20)) } ?? 0
            default: readNames(&content)
            }
        }
    }

    /// As V8 calls functions that have no name.
    func name(ofFunction number: UInt64) -> String { names[number] ?? "wasm-function[\(number)]" }

    private static func importedFunctions(_ reader: inout Numbers) -> Int? {
        guard let count = reader.number(), count <= 1 << 20 else { return nil }
        var functions = 0
        for _ in 0..<count {
            guard reader.skipText(), reader.skipText(), let kind = reader.byte() else { return nil }
            switch kind {
            case 0:
                functions += 1
                guard reader.number() != nil else { return nil }
            case 1: guard reader.skipReferenceType(), reader.skipLimits() else { return nil }
            case 2: guard reader.skipLimits() else { return nil }
            case 3: guard reader.skipReferenceType(), reader.byte() != nil else { return nil }
            case 4: guard reader.byte() != nil, reader.number() != nil else { return nil }
            default: return nil
            }
        }
        return functions
    }

    private mutating func readNames(_ reader: inout Numbers) {
        guard reader.skipText() else { return }
        while let kind = reader.byte(), let size = reader.number() {
            if kind != 1 {
                guard reader.skip(size) else { return }
                continue
            }
            guard let count = reader.number() else { return }
            for _ in 0..<min(count, 1 << 20) {
                guard let number = reader.number(), let length = reader.number(), let text = reader.bytes(length),
                    memoryBytes < Self.limitBytes
                else { return }
                guard length > 0, length <= Self.nameLimit else { continue }
                names[number] = String(decoding: text, as: UTF8.self)
                memoryBytes += 64 + text.count
            }
            return
        }
    }

    /// Reads numbers of 7 bits a byte, and texts with their length.
    private struct Numbers {
        private let content: ArraySlice<UInt8>
        private(set) var position: Int

        init(_ content: ArraySlice<UInt8>) {
            self.content = content
            position = content.startIndex
        }

        mutating func byte() -> UInt8? {
            guard position < content.endIndex else { return nil }
            position += 1
            return content[position - 1]
        }

        mutating func number() -> UInt64? {
            var result: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                guard let byte = byte() else { return nil }
                if shift < 64 { result |= UInt64(byte & 0x7f) << shift }
                if byte & 0x80 == 0 { return result }
            }
            return nil
        }

        mutating func skip(_ count: UInt64) -> Bool { bytes(count) != nil }

        mutating func bytes(_ count: UInt64) -> ArraySlice<UInt8>? {
            guard count <= UInt64(content.endIndex - position) else { return nil }
            position += Int(count)
            return content[(position - Int(count))..<position]
        }

        mutating func skipText() -> Bool { number().map { skip($0) } ?? false }

        /// One byte, or `ref` and a type.
        mutating func skipReferenceType() -> Bool {
            guard let byte = byte() else { return false }
            return byte == 0x63 || byte == 0x64 ? number() != nil : true
        }

        mutating func skipLimits() -> Bool {
            guard let flags = byte(), number() != nil else { return false }
            return flags & 1 == 0 || number() != nil
        }
    }
}
