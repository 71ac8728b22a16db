/// Template arguments and their values.
extension DDemangler {
    mutating func templateArguments() throws(Malformed) {
        var count = 0
        while !take("Z") {
            if count > 0 { try append(", ") }
            count += 1
            // The parameter was specialised.
            _ = take("H")
            switch try next() {
            case UInt8(ascii: "T"): try type()
            case UInt8(ascii: "S"): try symbolArgument()
            case UInt8(ascii: "V"):
                // The kind of type decides how its value is written.
                var kind = peek()
                if kind == UInt8(ascii: "Q") { kind = bytes[try backReference().target] }
                let name = try captured { (demangler) throws(Malformed) in try demangler.type() }
                try value(kind, name)
            case UInt8(ascii: "X"):
                let length = try number()
                guard length <= bytes.count - position else { throw Malformed() }
                try append(bytes[position..<(position + length)])
                position += length
            default: throw Malformed()
            }
        }
    }

    private mutating func symbolArgument() throws(Malformed) {
        if hasPrefix("_D") {
            return try nested { (demangler) throws(Malformed) in try demangler.mangledName() }
        }
        if peek() == UInt8(ascii: "Q") { return try qualifiedName(withModifiers: false) }
        // Before 2.077 the whole name's length stood before it, and only the two together tell where one number ends.
        let before = (position, output.count)
        _ = try number()
        for end in stride(from: position, to: before.0, by: -1) {
            let prefix = bytes[before.0..<end].reduce(0) { $0 * 10 + Int($1 - 48) }
            guard prefix > 0, prefix <= bytes.count - end else { continue }
            position = end
            guard isAtSymbolName() || hasPrefix("_D") else { continue }
            do throws(Malformed) {
                if hasPrefix("_D") { try mangledName() } else { try qualifiedName(withModifiers: false) }
                if position == end + prefix { return }
            } catch {}
            truncate(to: before.1)
        }
        position = before.0
        truncate(to: before.1)
        try qualifiedName(withModifiers: false)
    }

    private mutating func value(_ kind: UInt8, _ typeName: [UInt8]) throws(Malformed) {
        try nested { (demangler) throws(Malformed) in try demangler.valueHere(kind, typeName) }
    }

    private mutating func valueHere(_ kind: UInt8, _ typeName: [UInt8]) throws(Malformed) {
        let code = peek()
        switch code {
        case UInt8(ascii: "n"):
            position += 1
            try append("null")
        case UInt8(ascii: "N"):
            position += 1
            try append("-")
            try integer(kind)
        case UInt8(ascii: "i"):
            position += 1
            try integer(kind)
        case 48...57: try integer(kind)
        case UInt8(ascii: "e"):
            position += 1
            try real()
        case UInt8(ascii: "c"):
            position += 1
            try real()
            guard take("c") else { throw Malformed() }
            try append("+")
            try real()
            try append("i")
        case UInt8(ascii: "a"), UInt8(ascii: "w"), UInt8(ascii: "d"):
            position += 1
            try string(code)
        case UInt8(ascii: "A"):
            position += 1
            try list("[", "]", isMap: kind == UInt8(ascii: "H"))
        case UInt8(ascii: "S"):
            position += 1
            try append(typeName)
            try list("(", ")", isMap: false)
        case UInt8(ascii: "f"):
            position += 1
            guard hasPrefix("_D") else { throw Malformed() }
            try mangledName()
        default: throw Malformed()
        }
    }

    private mutating func list(_ opening: String, _ closing: String, isMap: Bool) throws(Malformed) {
        let count = try number()
        try append(opening)
        for index in 0..<count {
            if index > 0 { try append(", ") }
            try value(0, [])
            guard isMap else { continue }
            try append(":")
            try value(0, [])
        }
        try append(closing)
    }

    private mutating func integer(_ kind: UInt8) throws(Malformed) {
        let start = position
        while Self.isDigit(peek()) { position += 1 }
        guard position > start else { throw Malformed() }
        let digits = bytes[start..<position]
        switch kind {
        case UInt8(ascii: "a"), UInt8(ascii: "u"), UInt8(ascii: "w"):
            guard let value = UInt32(String(decoding: digits, as: UTF8.self)) else { throw Malformed() }
            try append("'")
            if kind == UInt8(ascii: "a"), value >= 0x20, value < 0x7f {
                try append([UInt8(value)])
            } else {
                let (letter, width) = kind == UInt8(ascii: "a") ? ("x", 2) : kind == UInt8(ascii: "u") ? ("u", 4) : ("U", 8)
                let hex = String(value, radix: 16)
                try append("\\\(letter)" + String(repeating: "0", count: max(0, width - hex.utf8.count)) + hex)
            }
            try append("'")
        case UInt8(ascii: "b"):
            try append(digits.allSatisfy { $0 == 48 } ? "false" : "true")
        default:
            try append(digits)
            switch kind {
            case UInt8(ascii: "h"), UInt8(ascii: "t"), UInt8(ascii: "k"): try append("u")
            case UInt8(ascii: "l"): try append("L")
            case UInt8(ascii: "m"): try append("uL")
            default: break
            }
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    private mutating func real() throws(Malformed) {
        if hasPrefix("NAN") {
            position += 3
            return try append("NaN")
        }
        if hasPrefix("INF") {
            position += 3
            return try append("Inf")
        }
        if hasPrefix("NINF") {
            position += 4
            return try append("-Inf")
        }
        if take("N") { try append("-") }
        guard Self.isHexDigit(peek()) else { throw Malformed() }
        try append("0x")
        try append([try next()])
        try append(".")
        while Self.isHexDigit(peek()) { try append([try next()]) }
        guard take("P") else { throw Malformed() }
        try append("p")
        if take("N") { try append("-") }
        while Self.isDigit(peek()) { try append([try next()]) }
    }

    private mutating func string(_ kind: UInt8) throws(Malformed) {
        let count = try number()
        guard take("_"), count <= (bytes.count - position) / 2 else { throw Malformed() }
        try append("\"")
        for _ in 0..<count {
            let digits = [try next(), try next()]
            guard let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else { throw Malformed() }
            switch value {
            case 9: try append("\\t")
            case 10: try append("\\n")
            case 11: try append("\\v")
            case 12: try append("\\f")
            case 13: try append("\\r")
            case 0x20..<0x7f: try append([value])
            default:
                try append("\\x")
                try append(digits)
            }
        }
        try append("\"")
        if kind != UInt8(ascii: "a") { try append([kind]) }
    }
}
