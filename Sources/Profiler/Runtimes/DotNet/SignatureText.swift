import Processes

/// The types of a method's parameters as C# writes them (ECMA-335 II.23.2).
struct SignatureText<Memory: MemoryReader> {
    private var reader: SignatureReader
    private let names: MethodNames<Memory>
    private let typeParameters: [String]
    private let methodParameters: [String]

    private static var parametersLimit: Int { 64 }
    private static var depthLimit: Int { 12 }

    init(_ blob: [UInt8], _ names: MethodNames<Memory>, typeParameters: [String], methodParameters: [String]) {
        reader = SignatureReader(blob)
        self.names = names
        self.typeParameters = typeParameters
        self.methodParameters = methodParameters
    }

    /// "(int, string)"; nil for what is no method's signature.
    mutating func parameters() -> String? {
        guard let convention = reader.byte() else { return nil }
        if convention & 0x10 != 0 { _ = reader.number() }
        guard let count = reader.number(), Int(count) <= Self.parametersLimit, type(0) != nil else { return nil }
        var texts: [String] = []
        for _ in 0..<Int(count) {
            guard let text = type(0) else { return nil }
            texts.append(text)
        }
        return "(\(texts.joined(separator: ", ")))"
    }

    private static var simple: [UInt8: String] {
        [
            0x01: "void", 0x02: "bool", 0x03: "char", 0x04: "sbyte", 0x05: "byte", 0x06: "short", 0x07: "ushort",
            0x08: "int", 0x09: "uint", 0x0a: "long", 0x0b: "ulong", 0x0c: "float", 0x0d: "double", 0x0e: "string",
            0x16: "TypedReference", 0x18: "nint", 0x19: "nuint", 0x1c: "object",
        ]
    }

    private mutating func type(_ depth: Int) -> String? {
        guard depth < Self.depthLimit, let element = reader.byte() else { return nil }
        if let name = Self.simple[element] { return name }
        switch element {
        case 0x0f: return type(depth + 1).map { "\($0)*" }
        case 0x10: return type(depth + 1).map { "ref \($0)" }
        case 0x11, 0x12: return reader.number().map(names.shortName)
        case 0x13: return parameter(typeParameters)
        case 0x1e: return parameter(methodParameters)
        case 0x14:
            guard let item = type(depth + 1), let rank = reader.number(), rank <= 32, skipBounds() else { return nil }
            return "\(item)[\(String(repeating: ",", count: Int(max(rank, 1)) - 1))]"
        case 0x15:
            guard let generic = type(depth + 1), let count = reader.number(), Int(count) <= Self.parametersLimit else {
                return nil
            }
            var arguments: [String] = []
            for _ in 0..<Int(count) {
                guard let argument = type(depth + 1) else { return nil }
                arguments.append(argument)
            }
            return "\(generic)<\(arguments.joined(separator: ", "))>"
        case 0x1b: return parameterOfFunction(depth)
        case 0x1d: return type(depth + 1).map { "\($0)[]" }
        case 0x1f, 0x20:  // modifiers: a type, then what is modified
            guard reader.number() != nil else { return nil }
            return type(depth + 1)
        case 0x41, 0x45: return type(depth + 1)  // sentinel, pinned
        default: return nil
        }
    }

    private mutating func parameter(_ parameters: [String]) -> String? {
        guard let index = reader.number() else { return nil }
        return Int(index) < parameters.count ? parameters[Int(index)] : "T\(index)"
    }

    private mutating func skipBounds() -> Bool {
        for _ in 0..<2 {
            guard let count = reader.number(), count <= 32 else { return false }
            for _ in 0..<Int(count) where reader.number() == nil { return false }
        }
        return true
    }

    private mutating func parameterOfFunction(_ depth: Int) -> String? {
        guard let convention = reader.byte() else { return nil }
        if convention & 0x10 != 0 { _ = reader.number() }
        guard let count = reader.number(), Int(count) <= Self.parametersLimit else { return nil }
        for _ in 0...Int(count) where type(depth + 1) == nil { return nil }
        return "delegate*"
    }
}
