import Processes
import RuntimeSupport

/// The functions of an assembly that was compiled ahead of time ("ReadyToRun format" of dotnet/runtime's documentation).
struct PrecompiledCode: Sendable {
    private enum Method: Sendable {
        /// Row of the table of methods.
        case definition(UInt32)
        /// A generic method with its arguments; row of the table of references to members.
        case reference(UInt32)
    }

    /// Where functions begin, relative to the image, ascending.
    private var begins: [UInt32] = []
    /// The methods' first functions, by number.
    private var functions: [UInt32] = []
    private var methods: [Method] = []

    private static let signature: UInt32 = 0x0052_5452  // "RTR"
    private static let tableLimitBytes: UInt32 = 16 << 20
    private static let methodsLimit = 1 << 20

    /// What it takes in a cache.
    var sizeBytes: Int { begins.count * 4 + functions.count * 4 + methods.count * 8 }

    /// - Parameter functionBytes: of an entry in the table of functions: 12 on x86_64, 8 on arm64.
    init?<Memory: MemoryReader>(_ image: AssemblyImage<Memory>, functionBytes: Int) {
        guard let start = image.address(of: image.managedNative.address),
            let header = try? image.memory.readBytes(at: start, count: 16),
            CodeBytes.word(header, at: 0) == Self.signature
        else { return nil }
        let count = min(CodeBytes.word(header, at: 12), 64)
        guard let entries = try? image.memory.readBytes(at: start &+ 16, count: Int(count) * 12) else { return nil }
        func section(_ type: UInt32) -> [UInt8]? {
            for index in 0..<Int(count) where CodeBytes.word(entries, at: index * 12) == type {
                let size = CodeBytes.word(entries, at: index * 12 + 8)
                guard size <= Self.tableLimitBytes,
                    let address = image.address(of: CodeBytes.word(entries, at: index * 12 + 4))
                else { return nil }
                return try? image.memory.readBytes(at: address, count: Int(size))
            }
            return nil
        }
        guard let table = section(102), let definitions = section(103) else { return nil }
        begins = stride(from: 0, to: table.count - functionBytes + 1, by: functionBytes).map {
            CodeBytes.word(table, at: $0)
        }
        var found: [(function: UInt32, method: Method)] = []
        let array = NativeFormat(bytes: definitions)
        array.forEachArrayEntry(limit: Self.methodsLimit) { index, place in
            guard let function = array.functionIndex(at: place) else { return }
            found.append((function, .definition(UInt32(index + 1))))
        }
        if let instances = section(109) {
            let hashTable = NativeFormat(bytes: instances)
            hashTable.forEachTableEntry(limit: Self.methodsLimit) { place in
                guard place >= 0, place < instances.count else { return }
                var signature = InstanceSignature(instances, at: place)
                guard let token = signature.method(), let function = hashTable.functionIndex(at: signature.position)
                else { return }
                found.append((function, token.isReference ? .reference(token.row) : .definition(token.row)))
            }
        }
        found.sort { $0.function < $1.function }
        functions = found.map(\.function)
        methods = found.map(\.method)
    }

    /// The function at an address relative to the image; its method's other parts, such as handlers of exceptions, follow the
    /// first one.
    private func method(at relative: UInt32) -> Method? {
        guard let function = Self.last(begins, atMost: relative),
            let method = Self.last(functions, atMost: UInt32(function))
        else { return nil }
        return methods[method]
    }

    private static func last(_ values: [UInt32], atMost value: UInt32) -> Int? {
        var low = 0, high = values.count
        while low < high {
            let middle = (low + high) / 2
            if values[middle] <= value { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    func row(at relative: UInt32) -> UInt32? {
        guard case .definition(let row)? = method(at: relative) else { return nil }
        return row
    }

    func name<Memory: MemoryReader>(at relative: UInt32, _ names: MethodNames<Memory>) -> String? {
        switch method(at: relative) {
        case .definition(let row)?: names.name(ofMethod: row)
        case .reference(let row)?: names.name(ofReference: row)
        case nil: nil
        }
    }
}

/// What tells an instance of a generic method (ZapSig of dotnet/runtime): flags, perhaps the type, the method, perhaps its
/// arguments.
private struct InstanceSignature {
    private var reader: SignatureReader
    private let start: Int

    private static let argumentsLimit: UInt32 = 64
    private static let depthLimit = 16

    init(_ bytes: [UInt8], at start: Int) {
        // Signatures are short; the number of the function follows.
        reader = SignatureReader(Array(bytes[start..<min(bytes.count, start + 4096)]))
        self.start = start
    }

    var position: Int { start + reader.position }

    mutating func method() -> (row: UInt32, isReference: Bool)? {
        guard let flags = reader.number() else { return nil }
        if flags & 0x80 != 0, reader.number() == nil { return nil }  // another module's context
        if flags & 0x40 != 0, !skipType(0) { return nil }
        guard flags & 0x08 == 0, let row = reader.number() else { return nil }
        if flags & 0x04 != 0 {
            guard let count = reader.number(), count <= Self.argumentsLimit else { return nil }
            for _ in 0..<count where !skipType(0) { return nil }
        }
        if flags & 0x20 != 0, !skipType(0) { return nil }
        return (row, flags & 0x10 != 0)
    }

    private mutating func skipType(_ depth: Int) -> Bool {
        guard depth < Self.depthLimit, let element = reader.byte() else { return false }
        switch element {
        case 0x01...0x0e, 0x16, 0x18, 0x19, 0x1c, 0x3e: return true  // simple ones; 0x3e: any reference type
        case 0x0f, 0x10, 0x1d, 0x3d, 0x41, 0x45: return skipType(depth + 1)
        case 0x11, 0x12, 0x13, 0x1e, 0x3b: return reader.number() != nil
        case 0x3f: return reader.number() != nil && skipType(depth + 1)  // another module's
        case 0x1f, 0x20: return reader.number() != nil && skipType(depth + 1)
        case 0x15:
            guard skipType(depth + 1), let count = reader.number(), count <= Self.argumentsLimit else { return false }
            for _ in 0..<count where !skipType(depth + 1) { return false }
            return true
        case 0x14:
            guard skipType(depth + 1), reader.number() != nil else { return false }
            for _ in 0..<2 {
                guard let count = reader.number(), count <= 32 else { return false }
                for _ in 0..<count where reader.number() == nil { return false }
            }
            return true
        default: return false
        }
    }
}

extension MethodNames {
    /// - Parameter row: of the table of references to members.
    func name(ofReference row: UInt32) -> String? {
        guard let member = metadata.row(MetadataSchema.memberRef, row), let name = metadata.string(member[1]) else {
            return nil
        }
        let parent = member[0] >> 3
        let type: String?
        switch member[0] & 7 {
        case 0: type = typeName(row: parent)?.text
        case 1: type = referredTypeName(parent)
        case 4: type = genericTypeName(parent)
        default: type = nil
        }
        let text = CompilerNames.method(name)
        return type.map { "\($0).\(text)" } ?? text
    }

    /// - Parameter row: of the table of types' signatures; that of a generic type with its arguments.
    private func genericTypeName(_ row: UInt32) -> String? {
        guard let blob = metadata.value(MetadataSchema.typeSpec, row, 0).flatMap(metadata.blob) else { return nil }
        var reader = SignatureReader(blob)
        guard reader.byte() == 0x15, reader.byte() != nil, let coded = reader.number() else { return nil }
        switch coded & 3 {
        case 0: return typeName(row: coded >> 2)?.text
        case 1: return referredTypeName(coded >> 2)
        default: return nil
        }
    }
}
