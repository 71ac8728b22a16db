/// Types and functions' parameters.
extension DDemangler {
    private static let basicTypes: [UInt8: String] = [
        "v": "void", "g": "byte", "h": "ubyte", "s": "short", "t": "ushort", "i": "int", "k": "uint", "l": "long",
        "m": "ulong", "f": "float", "d": "double", "e": "real", "o": "ifloat", "p": "idouble", "j": "ireal",
        "q": "cfloat", "r": "cdouble", "c": "creal", "b": "bool", "a": "char", "u": "wchar", "w": "dchar",
        "n": "typeof(null)",
    ].reduce(into: [:]) { table, pair in table[pair.key.utf8.first ?? 0] = pair.value }

    mutating func type() throws(Malformed) {
        try nested { (demangler) throws(Malformed) in try demangler.typeHere() }
    }

    private mutating func wrapped(_ opening: String) throws(Malformed) {
        try append(opening)
        try type()
        try append(")")
    }

    private mutating func typeHere() throws(Malformed) {
        if peek() == UInt8(ascii: "Q") {
            return try following { (demangler) throws(Malformed) in try demangler.type() }
        }
        let code = try next()
        switch code {
        case UInt8(ascii: "O"): try wrapped("shared(")
        case UInt8(ascii: "x"): try wrapped("const(")
        case UInt8(ascii: "y"): try wrapped("immutable(")
        case UInt8(ascii: "N"):
            switch try next() {
            case UInt8(ascii: "g"): try wrapped("inout(")
            case UInt8(ascii: "h"): try wrapped("__vector(")
            case UInt8(ascii: "n"): try append("typeof(*null)")
            default: throw Malformed()
            }
        case UInt8(ascii: "A"):
            try type()
            try append("[]")
        case UInt8(ascii: "G"):
            let count = try number()
            try type()
            try append("[\(count)]")
        case UInt8(ascii: "H"):
            let key = try captured { (demangler) throws(Malformed) in try demangler.type() }
            try type()
            try append([UInt8(ascii: "[")] + key + [UInt8(ascii: "]")])
        case UInt8(ascii: "P"):
            if "FUWVRY".utf8.contains(peek()) {
                try functionType()
                try append("function")
            } else {
                try type()
                try append("*")
            }
        case UInt8(ascii: "F"), UInt8(ascii: "U"), UInt8(ascii: "W"), UInt8(ascii: "V"), UInt8(ascii: "R"),
            UInt8(ascii: "Y"):
            position -= 1
            try functionType()
            try append("function")
        case UInt8(ascii: "D"):
            let modifiers = try captured { (demangler) throws(Malformed) in try demangler.typeModifiers() }
            if peek() == UInt8(ascii: "Q") {
                try following { (demangler) throws(Malformed) in try demangler.functionType() }
            } else {
                try functionType()
            }
            try append("delegate")
            try append(modifiers)
        case UInt8(ascii: "C"), UInt8(ascii: "S"), UInt8(ascii: "E"), UInt8(ascii: "T"), UInt8(ascii: "I"):
            try qualifiedName(withModifiers: false)
        case UInt8(ascii: "B"):
            try append("tuple(")
            let count = try number()
            for index in 0..<count {
                if index > 0 { try append(", ") }
                try type()
            }
            try append(")")
        case UInt8(ascii: "z"):
            switch try next() {
            case UInt8(ascii: "i"): try append("cent")
            case UInt8(ascii: "k"): try append("ucent")
            default: throw Malformed()
            }
        default:
            guard let name = Self.basicTypes[code] else { throw Malformed() }
            try append(name)
        }
    }

    /// What `this` is, or what a delegate carries: behind the type, not around it.
    mutating func typeModifiers() throws(Malformed) {
        while true {
            if take("x") {
                return try append(" const")
            } else if take("y") {
                return try append(" immutable")
            } else if take("O") {
                try append(" shared")
            } else if hasPrefix("Ng") {
                position += 2
                try append(" inout")
            } else {
                return
            }
        }
    }

    // MARK: - Functions

    private static let conventions: [UInt8: String] = [
        UInt8(ascii: "F"): "", UInt8(ascii: "U"): "extern(C) ", UInt8(ascii: "W"): "extern(Windows) ",
        UInt8(ascii: "V"): "extern(Pascal) ", UInt8(ascii: "R"): "extern(C++) ",
        UInt8(ascii: "Y"): "extern(Objective-C) ",
    ]

    private static let attributes: [UInt8: String] = [
        UInt8(ascii: "a"): "pure", UInt8(ascii: "b"): "nothrow", UInt8(ascii: "c"): "ref",
        UInt8(ascii: "d"): "@property", UInt8(ascii: "e"): "@trusted", UInt8(ascii: "f"): "@safe",
        UInt8(ascii: "i"): "@nogc", UInt8(ascii: "j"): "return", UInt8(ascii: "l"): "scope", UInt8(ascii: "m"): "@live",
    ]

    /// Result, parameters, attributes.
    private mutating func functionType() throws(Malformed) {
        guard let convention = Self.conventions[peek()] else { throw Malformed() }
        var attributes = ""
        let parameters = try captured { (demangler) throws(Malformed) in
            attributes = try demangler.functionWithoutResult()
        }
        try append(convention)
        try type()
        try append(parameters)
        try append(" \(attributes)")
    }

    /// Writes the parameters in parentheses.
    /// - Returns: the attributes, each with a space behind it.
    mutating func functionWithoutResult() throws(Malformed) -> String {
        guard Self.conventions[try next()] != nil else { throw Malformed() }
        var attributes = ""
        // "Ng", "Nh", "Nk" and "Nn" begin the first parameter.
        while peek() == UInt8(ascii: "N"), let attribute = Self.attributes[peek(1)] {
            attributes += "\(attribute) "
            position += 2
        }
        try append("(")
        try parameters()
        try append(")")
        return attributes
    }

    private mutating func parameters() throws(Malformed) {
        var count = 0
        while true {
            if take("Z") { return }
            if take("X") { return try append("...") }
            if take("Y") { return try append(count == 0 ? "..." : ", ...") }
            if count > 0 { try append(", ") }
            count += 1
            if take("M") { try append("scope ") }
            if hasPrefix("Nk") {
                position += 2
                try append("return ")
            }
            if take("I") {
                try append("in ")
                if take("K") { try append("ref ") }
            } else if take("J") {
                try append("out ")
            } else if take("K") {
                try append("ref ")
            } else if take("L") {
                try append("lazy ")
            }
            try type()
        }
    }
}
