/// Names as people write them, from those that class files have (Java Virtual Machine Specification §4.2, §4.3).
enum JVMNames {
    /// Text of a class file: UTF-8 but for NUL and for characters beyond 16 bits, which are two halves (§4.4.7).
    static func text(_ bytes: [UInt8]) -> String {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return String(decoding: bytes, as: UTF8.self) }
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count)
        var index = 0
        func tail(_ offset: Int) -> UInt16? {
            guard index + offset < bytes.count, bytes[index + offset] & 0xc0 == 0x80 else { return nil }
            return UInt16(bytes[index + offset] & 0x3f)
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                units.append(UInt16(byte))
                index += 1
            } else if byte & 0xe0 == 0xc0, let low = tail(1) {
                units.append(UInt16(byte & 0x1f) << 6 | low)
                index += 2
            } else if byte & 0xf0 == 0xe0, let middle = tail(1), let low = tail(2) {
                units.append(UInt16(byte & 0x0f) << 12 | middle << 6 | low)
                index += 3
            } else {
                units.append(0xfffd)
                index += 1
            }
        }
        return String(decoding: units, as: UTF16.self)
    }

    /// "Busy$$Lambda+0x00007f1b58000a00", a hidden class, has an address in its name, other in each run:
    /// "Busy$$Lambda+<hidden>".
    static func className(_ name: String) -> String {
        var result = ""
        var rest = Substring(name)
        while let plus = rest.firstIndex(of: "+") {
            let behind = rest[rest.index(after: plus)...]
            let digits = behind.dropFirst(2).prefix { $0.isHexDigit }
            result += rest[..<plus].replacing("/", with: ".")
            if behind.hasPrefix("0x"), digits.count == 16 {
                result += "+<hidden>"
                rest = rest[digits.endIndex...]
            } else {
                result += "+"
                rest = behind
            }
        }
        return result + rest.replacing("/", with: ".")
    }

    /// "long Busy.rec(int, int)"; without types when the descriptor is none.
    static func method(className: String, name: String, descriptor: String) -> String {
        guard let (parameters, result) = types(descriptor) else { return "\(className).\(name)" }
        return "\(result) \(className).\(name)(\(parameters.joined(separator: ", ")))"
    }

    /// Types of parameters, and of the result, of a descriptor like "(I[Ljava/lang/String;)V".
    static func types(_ descriptor: String) -> (parameters: [String], result: String)? {
        var rest = Substring(descriptor)
        guard rest.popFirst() == "(" else { return nil }
        var parameters: [String] = []
        while let next = rest.first, next != ")" {
            // §4.3.3: 255 at most.
            guard parameters.count < 255, let type = type(&rest) else { return nil }
            parameters.append(type)
        }
        guard rest.popFirst() == ")", let result = type(&rest), rest.isEmpty else { return nil }
        return (parameters, result)
    }

    private static func type(_ rest: inout Substring) -> String? {
        var dimensions = 0
        while rest.first == "[" {
            rest.removeFirst()
            dimensions += 1
            if dimensions > 255 { return nil }
        }
        let name: String
        switch rest.popFirst() {
        case "B": name = "byte"
        case "C": name = "char"
        case "D": name = "double"
        case "F": name = "float"
        case "I": name = "int"
        case "J": name = "long"
        case "S": name = "short"
        case "V": name = "void"
        case "Z": name = "boolean"
        case "L":
            guard let end = rest.firstIndex(of: ";") else { return nil }
            name = className(String(rest[..<end]))
            rest = rest[rest.index(after: end)...]
        default: return nil
        }
        return name + String(repeating: "[]", count: dimensions)
    }
}
