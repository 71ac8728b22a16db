/// Reads JSON (RFC 8259) that a server sent, value by value and without building a tree: answers to bulk requests have
/// tens of thousands of items. Bounded: nesting deeper than 64 levels is an error, and nothing is read past the end.
struct JSONReader {
    enum Failure: Error, Equatable, CustomStringConvertible {
        case unexpectedEnd
        case unexpectedByte(position: Int)
        case nestedTooDeeply(position: Int)

        var description: String {
            switch self {
            case .unexpectedEnd: "the JSON ends too early"
            case .unexpectedByte(let position): "no valid JSON at byte \(position)"
            case .nestedTooDeeply(let position): "JSON nested too deeply at byte \(position)"
            }
        }
    }

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    // MARK: - Structure

    /// Calls `member` with each key; it must read the value, or `skip` it.
    mutating func object(_ member: (inout JSONReader, String) throws -> Void) throws {
        try open(UInt8(ascii: "{"))
        if try closes(UInt8(ascii: "}")) { return }
        while true {
            let key = try string()
            try expect(UInt8(ascii: ":"))
            try member(&self, key)
            if try closes(UInt8(ascii: "}")) { return }
            try expect(UInt8(ascii: ","))
        }
    }

    /// Calls `element` at each element; it must read the value, or `skip` it.
    mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
        try open(UInt8(ascii: "["))
        if try closes(UInt8(ascii: "]")) { return }
        while true {
            try element(&self)
            if try closes(UInt8(ascii: "]")) { return }
            try expect(UInt8(ascii: ","))
        }
    }

    /// An object is read by `member`, anything else is skipped.
    mutating func objectOrSkip(_ member: (inout JSONReader, String) throws -> Void) throws {
        if try peek() == UInt8(ascii: "{") { try object(member) } else { try skip() }
    }

    mutating func arrayOrSkip(_ element: (inout JSONReader) throws -> Void) throws {
        if try peek() == UInt8(ascii: "[") { try array(element) } else { try skip() }
    }

    // MARK: - Values

    /// Escapes of surrogates that form no pair become U+FFFD, as does what is no UTF-8.
    mutating func string() throws -> String {
        try expect(UInt8(ascii: "\""))
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                defer { position += 1 }
                return String(decoding: bytes[start..<position], as: UTF8.self)
            case UInt8(ascii: "\\"): return try escapedString(prefix: start..<position)
            default: position += 1
            }
        }
        throw Failure.unexpectedEnd
    }

    /// A string, or nil for any other value.
    mutating func optionalString() throws -> String? {
        if try peek() == UInt8(ascii: "\"") { return try string() }
        try skip()
        return nil
    }

    /// A whole number that fits, or nil for any other value.
    mutating func optionalInteger() throws -> Int? {
        let first = try peek()
        guard first == UInt8(ascii: "-") || isDigit(first) else {
            try skip()
            return nil
        }
        return Int(String(decoding: try number(), as: UTF8.self))
    }

    /// True or false, or nil for any other value.
    mutating func optionalBoolean() throws -> Bool? {
        let first = try peek()
        try skip()
        switch first {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: return nil
        }
    }

    /// Passes over one value of any kind.
    mutating func skip() throws {
        switch try peek() {
        case UInt8(ascii: "{"): try object { reader, _ in try reader.skip() }
        case UInt8(ascii: "["): try array { try $0.skip() }
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: _ = try number()
        }
    }

    // MARK: - Bytes

    private mutating func peek() throws -> UInt8 {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): position += 1
            default: return bytes[position]
            }
        }
        throw Failure.unexpectedEnd
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard try peek() == byte else { throw Failure.unexpectedByte(position: position) }
        position += 1
    }

    private mutating func open(_ byte: UInt8) throws {
        try expect(byte)
        depth += 1
        if depth > 64 { throw Failure.nestedTooDeeply(position: position) }
    }

    private mutating func closes(_ byte: UInt8) throws -> Bool {
        guard try peek() == byte else { return false }
        position += 1
        depth -= 1
        return true
    }

    private mutating func literal(_ text: StaticString) throws {
        for offset in 0..<text.utf8CodeUnitCount {
            guard position < bytes.count else { throw Failure.unexpectedEnd }
            guard bytes[position] == text.utf8Start[offset] else { throw Failure.unexpectedByte(position: position) }
            position += 1
        }
    }

    /// Without making a string of it.
    private mutating func skipString() throws {
        try expect(UInt8(ascii: "\""))
        while position < bytes.count {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        throw Failure.unexpectedEnd
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private mutating func number() throws -> ArraySlice<UInt8> {
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                position += 1
            default:
                guard position > start else { throw Failure.unexpectedByte(position: position) }
                return bytes[start..<position]
            }
        }
        guard position > start else { throw Failure.unexpectedEnd }
        return bytes[start..<position]
    }

    private mutating func escapedString(prefix: Range<Int>) throws -> String {
        var units = Array(bytes[prefix])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: units, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                units.append(byte)
                continue
            }
            guard position < bytes.count else { throw Failure.unexpectedEnd }
            let escape = bytes[position]
            position += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(escape)
            case UInt8(ascii: "b"): units.append(8)
            case UInt8(ascii: "f"): units.append(12)
            case UInt8(ascii: "n"): units.append(10)
            case UInt8(ascii: "r"): units.append(13)
            case UInt8(ascii: "t"): units.append(9)
            case UInt8(ascii: "u"): units.append(contentsOf: try escapedScalar().utf8)
            default: throw Failure.unexpectedByte(position: position - 1)
            }
        }
        throw Failure.unexpectedEnd
    }

    /// The four digits after `\u`, and a second escape where two make one character.
    private mutating func escapedScalar() throws -> String {
        let first = try codeUnit()
        guard (0xD800..<0xDC00).contains(first), position + 1 < bytes.count,
            bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
        else { return String(decoding: [first], as: UTF16.self) }
        position += 2
        return String(decoding: [first, try codeUnit()], as: UTF16.self)
    }

    private mutating func codeUnit() throws -> UInt16 {
        guard bytes.count - position >= 4 else { throw Failure.unexpectedEnd }
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Hexadecimal.value(of: bytes[position]) else {
                throw Failure.unexpectedByte(position: position)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
