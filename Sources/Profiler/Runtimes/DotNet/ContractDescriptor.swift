import Processes
import RuntimeSupport

/// What the runtime tells debuggers of its structs since .NET 9 (docs/design/datacontracts of dotnet/runtime): an exported
/// struct leads to a text in JSON with types, their fields' offsets, global values and versions of contracts.
struct ContractDescriptor: Sendable {
    private static let magic: UInt64 = 0x0043_4144_4343_4e44  // "DNCCDAC\0"
    private static let limitBytes: UInt32 = 1 << 18

    private let types: [String: JSONValue]
    private let globals: [String: JSONValue]
    private let contracts: [String: JSONValue]

    /// - Parameter address: process address of `DotNetRuntimeContractDescriptor`.
    init?(_ memory: some MemoryReader, at address: UInt64) {
        guard (try? memory.read(at: address, as: UInt64.self)) == Self.magic,
            let size = try? memory.read(at: address &+ 12, as: UInt32.self), size <= Self.limitBytes,
            let text = try? memory.read(at: address &+ 16, as: UInt64.self),
            let bytes = try? memory.readBytes(at: text, count: Int(size))
        else { return nil }
        self.init(bytes)
    }

    init?(_ text: [UInt8]) {
        guard case .object(let root)? = JSONValue(text) else { return nil }
        func object(_ name: String) -> [String: JSONValue] {
            if case .object(let members)? = root[name] { members } else { [:] }
        }
        types = object("types")
        globals = object("globals")
        contracts = object("contracts")
    }

    /// A field is its offset, or a list of its offset and its type.
    func offset(_ type: String, _ field: String) -> Int? {
        guard case .object(let fields)? = types[type] else { return nil }
        return fields[field].flatMap(Self.first)
    }

    func size(_ type: String) -> Int? { offset(type, "!") }

    func number(_ global: String) -> Int? { globals[global].flatMap(Self.first) }

    func contractVersion(_ name: String) -> Int? { contracts[name].flatMap(Self.first) }

    private static func first(_ value: JSONValue) -> Int? {
        switch value {
        case .number(let number): number
        case .string(let text):
            text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
        // A list in a list is an index into other data, not a value.
        case .array(let values):
            if case .array? = values.first { nil } else { values.first.flatMap(first) }
        case .object, .other: nil
        }
    }
}

/// As much of JSON (RFC 8259) as descriptors have: whole numbers, and texts without escapes of Unicode.
indirect enum JSONValue: Sendable, Equatable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number(Int)
    /// true, false, null, or a number that is not whole.
    case other

    private static let depthLimit = 16

    /// Nil for what is not JSON.
    init?(_ text: [UInt8]) {
        var position = 0
        guard let value = Self.parse(text, &position, 0) else { return nil }
        self = value
    }

    private static func parse(_ text: [UInt8], _ position: inout Int, _ depth: Int) -> JSONValue? {
        guard depth < depthLimit else { return nil }
        switch next(text, &position) {
        case UInt8(ascii: "{"):
            position += 1
            var members: [String: JSONValue] = [:]
            while let byte = next(text, &position), byte != UInt8(ascii: "}") {
                guard let name = string(text, &position), next(text, &position) == UInt8(ascii: ":") else { return nil }
                position += 1
                guard let value = parse(text, &position, depth + 1) else { return nil }
                members[name] = value
                if next(text, &position) == UInt8(ascii: ",") { position += 1 }
            }
            guard text[safe: position] != nil else { return nil }
            position += 1
            return .object(members)
        case UInt8(ascii: "["):
            position += 1
            var values: [JSONValue] = []
            while let byte = next(text, &position), byte != UInt8(ascii: "]") {
                guard let value = parse(text, &position, depth + 1) else { return nil }
                values.append(value)
                if next(text, &position) == UInt8(ascii: ",") { position += 1 }
            }
            guard text[safe: position] != nil else { return nil }
            position += 1
            return .array(values)
        case UInt8(ascii: "\""): return string(text, &position).map { .string($0) }
        case nil: return nil
        default:
            let start = position
            while let byte = text[safe: position], !" \t\r\n,:]}[{\"".utf8.contains(byte) { position += 1 }
            guard position > start else { return nil }
            let word = String(decoding: text[start..<position], as: UTF8.self)
            if word.hasPrefix("0x") { return Int(word.dropFirst(2), radix: 16).map { .number($0) } ?? .other }
            return Int(word).map { .number($0) } ?? .other
        }
    }

    private static func next(_ text: [UInt8], _ position: inout Int) -> UInt8? {
        while let byte = text[safe: position], " \t\r\n".utf8.contains(byte) { position += 1 }
        return text[safe: position]
    }

    private static func string(_ text: [UInt8], _ position: inout Int) -> String? {
        guard text[safe: position] == UInt8(ascii: "\"") else { return nil }
        var bytes: [UInt8] = []
        position += 1
        while let byte = text[safe: position] {
            position += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), let escaped = text[safe: position] {
                bytes.append(escaped)
                position += 1
            } else {
                bytes.append(byte)
            }
        }
        return nil
    }
}
