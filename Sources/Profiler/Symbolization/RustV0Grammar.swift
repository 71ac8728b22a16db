/// The productions of RFC 2603, "Syntax of mangled names".
extension RustV0Demangler {
    /// - Parameter inValue: whether generic arguments need `::` before them.
    mutating func path(inValue: Bool) throws(Failure) {
        try nested { (demangler) throws(Failure) in try demangler.pathBody(inValue: inValue) }
    }

    private mutating func pathBody(inValue: Bool) throws(Failure) {
        switch try next() {
        case UInt8(ascii: "C"):
            _ = try optionalBase62("s")
            try write(try identifier())
        case UInt8(ascii: "N"):
            let namespace = try next()
            try path(inValue: inValue)
            let disambiguator = try optionalBase62("s")
            let name = try identifier()
            switch namespace {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                try write("::{")
                switch namespace {
                case UInt8(ascii: "C"): try write("closure")
                case UInt8(ascii: "S"): try write("shim")
                default: try write(CollectionOfOne(namespace))
                }
                if !name.isEmpty {
                    try write(":")
                    try write(name)
                }
                try write("#")
                try write(String(disambiguator).utf8)
                try write("}")
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                if !name.isEmpty {
                    try write("::")
                    try write(name)
                }
            default: throw Failure()
            }
        case UInt8(ascii: "M"):
            try implementationPath()
            try write("<")
            try type()
            try write(">")
        case UInt8(ascii: "X"):
            try implementationPath()
            try traitOfType()
        case UInt8(ascii: "Y"):
            try traitOfType()
        case UInt8(ascii: "I"):
            try path(inValue: inValue)
            if inValue { try write("::") }
            try write("<")
            try list { (demangler) throws(Failure) in try demangler.genericArgument() }
            try write(">")
        case UInt8(ascii: "B"):
            try backReference { (demangler) throws(Failure) in try demangler.path(inValue: inValue) }
        default: throw Failure()
        }
    }

    private mutating func traitOfType() throws(Failure) {
        try write("<")
        try type()
        try write(" as ")
        try path(inValue: false)
        try write(">")
    }

    /// Where the `impl` stands is not part of the name.
    private mutating func implementationPath() throws(Failure) {
        _ = try optionalBase62("s")
        try silently { (demangler) throws(Failure) in try demangler.path(inValue: false) }
    }

    /// Elements up to `E`, separated by commas.
    /// - Returns: how many there were.
    @discardableResult
    private mutating func list(
        separator: StaticString = ", ", _ element: (inout RustV0Demangler) throws(Failure) -> Void
    ) throws(Failure) -> Int {
        var count = 0
        while !accept("E") {
            if count > 0 { try write(separator) }
            try element(&self)
            count += 1
        }
        return count
    }

    private mutating func genericArgument() throws(Failure) {
        if accept("L") {
            try lifetime(try base62())
        } else if accept("K") {
            try constant(inValue: false)
        } else {
            try type()
        }
    }

    // MARK: - Types

    mutating func type() throws(Failure) {
        try nested { (demangler) throws(Failure) in try demangler.typeBody() }
    }

    private static func basicType(_ tag: UInt8) -> StaticString? {
        switch tag {
        case UInt8(ascii: "b"): "bool"
        case UInt8(ascii: "c"): "char"
        case UInt8(ascii: "e"): "str"
        case UInt8(ascii: "u"): "()"
        case UInt8(ascii: "a"): "i8"
        case UInt8(ascii: "s"): "i16"
        case UInt8(ascii: "l"): "i32"
        case UInt8(ascii: "x"): "i64"
        case UInt8(ascii: "n"): "i128"
        case UInt8(ascii: "i"): "isize"
        case UInt8(ascii: "h"): "u8"
        case UInt8(ascii: "t"): "u16"
        case UInt8(ascii: "m"): "u32"
        case UInt8(ascii: "y"): "u64"
        case UInt8(ascii: "o"): "u128"
        case UInt8(ascii: "j"): "usize"
        case UInt8(ascii: "f"): "f32"
        case UInt8(ascii: "d"): "f64"
        case UInt8(ascii: "z"): "!"
        case UInt8(ascii: "p"): "_"
        case UInt8(ascii: "v"): "..."
        default: nil
        }
    }

    private mutating func typeBody() throws(Failure) {
        let tag = try next()
        if let name = Self.basicType(tag) { return try write(name) }
        switch tag {
        case UInt8(ascii: "R"), UInt8(ascii: "Q"):
            try write("&")
            if accept("L") {
                let index = try base62()
                if index != 0 {
                    try lifetime(index)
                    try write(" ")
                }
            }
            if tag == UInt8(ascii: "Q") { try write("mut ") }
            try type()
        case UInt8(ascii: "P"):
            try write("*const ")
            try type()
        case UInt8(ascii: "O"):
            try write("*mut ")
            try type()
        case UInt8(ascii: "A"), UInt8(ascii: "S"):
            try write("[")
            try type()
            if tag == UInt8(ascii: "A") {
                try write("; ")
                try constant(inValue: true)
            }
            try write("]")
        case UInt8(ascii: "T"):
            try write("(")
            let count = try list { (demangler) throws(Failure) in try demangler.type() }
            try write(count == 1 ? ",)" : ")")
        case UInt8(ascii: "F"):
            try withBinder { (demangler) throws(Failure) in try demangler.functionSignature() }
        case UInt8(ascii: "D"):
            try write("dyn ")
            try withBinder { (demangler) throws(Failure) in
                try demangler.list(separator: " + ") { (demangler) throws(Failure) in try demangler.dynamicTrait() }
            }
            guard accept("L") else { throw Failure() }
            let index = try base62()
            if index != 0 {
                try write(" + ")
                try lifetime(index)
            }
        case UInt8(ascii: "B"):
            try backReference { (demangler) throws(Failure) in try demangler.type() }
        default:
            // A named type is a path; its tag is read again.
            position -= 1
            try path(inValue: false)
        }
    }

    private mutating func functionSignature() throws(Failure) {
        if accept("U") { try write("unsafe ") }
        if accept("K") {
            try write("extern \"")
            if accept("C") {
                try write("C")
            } else {
                try write(try identifier().map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 })
            }
            try write("\" ")
        }
        try write("fn(")
        try list { (demangler) throws(Failure) in try demangler.type() }
        try write(")")
        if accept("u") { return }
        try write(" -> ")
        try type()
    }

    private mutating func dynamicTrait() throws(Failure) {
        var isOpen = try pathWithOpenArguments()
        while accept("p") {
            try write(isOpen ? ", " : "<")
            isOpen = true
            try write(try identifier())
            try write(" = ")
            try type()
        }
        if isOpen { try write(">") }
    }

    /// A path whose generic arguments are not closed yet, so that associated types can follow.
    /// - Returns: whether arguments are open.
    private mutating func pathWithOpenArguments() throws(Failure) -> Bool {
        if accept("B") {
            var isOpen = false
            try backReference { (demangler) throws(Failure) in isOpen = try demangler.pathWithOpenArguments() }
            return isOpen
        }
        if accept("I") {
            try path(inValue: false)
            try write("<")
            try list { (demangler) throws(Failure) in try demangler.genericArgument() }
            return true
        }
        try path(inValue: false)
        return false
    }

    // MARK: - Lifetimes

    private mutating func lifetime(_ index: UInt64) throws(Failure) {
        try write("'")
        if index == 0 { return try write("_") }
        guard silence == 0 else { return }
        guard index <= boundLifetimes else { throw Failure() }
        let fromOutside = boundLifetimes - index
        if fromOutside < 26 {
            try write(CollectionOfOne(UInt8(97 + fromOutside)))
        } else {
            try write("_")
            try write(String(fromOutside).utf8)
        }
    }

    private mutating func withBinder(_ body: (inout RustV0Demangler) throws(Failure) -> Void) throws(Failure) {
        let count = try optionalBase62("G")
        if silence > 0 { return try body(&self) }
        guard count <= 256 else { throw Failure() }
        let outer = boundLifetimes
        if count > 0 {
            try write("for<")
            for index in 0..<count {
                if index > 0 { try write(", ") }
                boundLifetimes += 1
                try lifetime(1)
            }
            try write("> ")
        }
        defer { boundLifetimes = outer }
        try body(&self)
    }

    // MARK: - Constants

    private mutating func constant(inValue: Bool) throws(Failure) {
        try nested { (demangler) throws(Failure) in try demangler.constantBody(inValue: inValue) }
    }

    private mutating func constantBody(inValue: Bool) throws(Failure) {
        let tag = try next()
        switch tag {
        case UInt8(ascii: "p"): try write("_")
        case UInt8(ascii: "h"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "y"), UInt8(ascii: "o"),
            UInt8(ascii: "j"):
            try unsignedConstant()
        case UInt8(ascii: "a"), UInt8(ascii: "s"), UInt8(ascii: "l"), UInt8(ascii: "x"), UInt8(ascii: "n"),
            UInt8(ascii: "i"):
            if accept("n") { try write("-") }
            try unsignedConstant()
        case UInt8(ascii: "b"):
            let digits = try hexDigits()
            guard let value = Self.value(digits), value < 2 else { throw Failure() }
            try write(value == 1 ? "true" : "false")
        case UInt8(ascii: "c"):
            let digits = try hexDigits()
            guard let value = Self.value(digits), let code = UInt32(exactly: value), let scalar = Unicode.Scalar(code)
            else { throw Failure() }
            try write(Self.quoted(scalar).utf8)
        case UInt8(ascii: "e"):
            // A string by itself is its place in memory.
            try write("*")
            try stringConstant()
        case UInt8(ascii: "R"), UInt8(ascii: "Q"):
            if tag == UInt8(ascii: "R"), accept("e") { return try stringConstant() }
            try write(tag == UInt8(ascii: "R") ? "&" : "&mut ")
            try constant(inValue: true)
        case UInt8(ascii: "A"):
            try braced(inValue) { (demangler) throws(Failure) in
                try demangler.write("[")
                try demangler.list { (demangler) throws(Failure) in try demangler.constant(inValue: true) }
                try demangler.write("]")
            }
        case UInt8(ascii: "T"):
            try braced(inValue) { (demangler) throws(Failure) in
                try demangler.write("(")
                let count = try demangler.list { (demangler) throws(Failure) in try demangler.constant(inValue: true) }
                try demangler.write(count == 1 ? ",)" : ")")
            }
        case UInt8(ascii: "V"):
            try braced(inValue) { (demangler) throws(Failure) in try demangler.structureConstant() }
        case UInt8(ascii: "B"):
            try backReference { (demangler) throws(Failure) in try demangler.constant(inValue: inValue) }
        default: throw Failure()
        }
    }

    private mutating func structureConstant() throws(Failure) {
        try path(inValue: true)
        switch try next() {
        case UInt8(ascii: "U"): return
        case UInt8(ascii: "T"):
            try write("(")
            try list { (demangler) throws(Failure) in try demangler.constant(inValue: true) }
            try write(")")
        case UInt8(ascii: "S"):
            try write(" { ")
            try list { (demangler) throws(Failure) in
                _ = try demangler.optionalBase62("s")
                try demangler.write(try demangler.identifier())
                try demangler.write(": ")
                try demangler.constant(inValue: true)
            }
            try write(" }")
        default: throw Failure()
        }
    }

    /// Compound constants stand in braces where a type could stand.
    private mutating func braced(
        _ inValue: Bool, _ body: (inout RustV0Demangler) throws(Failure) -> Void
    ) throws(Failure) {
        if !inValue { try write("{") }
        try body(&self)
        if !inValue { try write("}") }
    }

    private mutating func hexDigits() throws(Failure) -> ArraySlice<UInt8> {
        let start = position
        while true {
            switch try next() {
            case 48...57, 97...102: continue
            case UInt8(ascii: "_"): return input[start..<(position - 1)]
            default: throw Failure()
            }
        }
    }

    private static func value(_ digits: ArraySlice<UInt8>) -> UInt64? {
        let significant = digits.drop { $0 == 48 }
        if significant.count > 16 { return nil }
        return significant.reduce(0) { $0 << 4 | UInt64($1 < 58 ? $1 - 48 : $1 - 87) }
    }

    private mutating func unsignedConstant() throws(Failure) {
        let digits = try hexDigits()
        if let value = Self.value(digits) { return try write(String(value).utf8) }
        try write("0x")
        try write(digits)
    }

    private mutating func stringConstant() throws(Failure) {
        let digits = try hexDigits()
        guard digits.count % 2 == 0 else { throw Failure() }
        let bytes = stride(from: digits.startIndex, to: digits.endIndex, by: 2).map { index in
            UInt8(truncatingIfNeeded: Self.value(digits[index..<(index + 2)]) ?? 0)
        }
        try write("\"")
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            try write((scalar == "'" ? "'" : Self.escaped(scalar)).utf8)
        }
        try write("\"")
    }

    private static func quoted(_ scalar: Unicode.Scalar) -> String {
        "'" + (scalar == "\"" ? "\"" : escaped(scalar)) + "'"
    }

    /// As Rust's `escape_debug` for the characters that matter in a one-line name.
    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\0": "\\0"
        case "\t": "\\t"
        case "\r": "\\r"
        case "\n": "\\n"
        case "\\", "'", "\"": "\\" + String(scalar)
        default:
            scalar.value < 32 || scalar.value == 127
                ? "\\u{" + String(scalar.value, radix: 16) + "}" : String(scalar)
        }
    }
}
