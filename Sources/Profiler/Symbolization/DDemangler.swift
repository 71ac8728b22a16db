/// Names of D functions as its compilers (DMD, GDC, LDC) write them, before and since back references (2.077).
///
/// Source of the grammar: https://dlang.org/spec/abi.html#name_mangling. The text is that of `c++filt --format=dlang`:
/// qualified names with template arguments and parameters, without the result and attributes of the function itself.
///
/// Names are hostile: nesting, steps and output are bounded, and what is no name of D gives nil.
struct DDemangler {
    /// Back references can stand for themselves, and for text without end.
    static let depthLimit = 64
    static let stepLimit = 20_000

    struct Malformed: Error {}

    let bytes: [UInt8]
    var position = 0
    private(set) var output: [UInt8] = []
    private var depth = 0
    private var steps = 0

    /// Nil for what is no mangled name of D.
    static func demangle(_ symbol: String) -> String? {
        if symbol == "_Dmain" { return "D main" }
        guard symbol.hasPrefix("_D") else { return nil }
        var demangler = DDemangler(bytes: Array(symbol.utf8))
        do throws(Malformed) {
            try demangler.mangledName()
        } catch {
            return nil
        }
        guard demangler.position == demangler.bytes.count else { return nil }
        return String(validating: demangler.output, as: UTF8.self)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    // MARK: - Reading and writing

    var isAtEnd: Bool { position >= bytes.count }

    func peek(_ ahead: Int = 0) -> UInt8 { position + ahead < bytes.count ? bytes[position + ahead] : 0 }

    func hasPrefix(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { text in
            text.count <= bytes.count - position
                && text.indices.allSatisfy { bytes[position + $0] == text[$0] }
        }
    }

    mutating func next() throws(Malformed) -> UInt8 {
        guard position < bytes.count else { throw Malformed() }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func take(_ byte: Character) -> Bool {
        guard let value = byte.asciiValue, peek() == value else { return false }
        position += 1
        return true
    }

    mutating func append(_ text: some Sequence<UInt8>) throws(Malformed) {
        output.append(contentsOf: text)
        if output.count > Demangler.outputLimitBytes { throw Malformed() }
    }

    mutating func append(_ text: String) throws(Malformed) { try append(text.utf8) }

    /// What `body` writes, taken out of the output.
    mutating func captured(_ body: (inout DDemangler) throws(Malformed) -> Void) throws(Malformed) -> [UInt8] {
        let start = output.count
        try body(&self)
        let text = Array(output[start...])
        output.removeSubrange(start...)
        return text
    }

    mutating func insert(_ text: String, at place: Int) throws(Malformed) {
        output.insert(contentsOf: text.utf8, at: place)
        if output.count > Demangler.outputLimitBytes { throw Malformed() }
    }

    mutating func truncate(to count: Int) { output.removeSubrange(count...) }

    mutating func nested(_ body: (inout DDemangler) throws(Malformed) -> Void) throws(Malformed) {
        depth += 1
        steps += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit, steps <= Self.stepLimit else { throw Malformed() }
        try body(&self)
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

    mutating func number() throws(Malformed) -> Int {
        guard Self.isDigit(peek()) else { throw Malformed() }
        var value = 0
        while Self.isDigit(peek()) {
            value = value * 10 + Int(try next() - 48)
            if value > 1 << 30 { throw Malformed() }
        }
        return value
    }

    /// Where a back reference ("Q" and a number of base 26, upper-case letters but the last) at the position leads to,
    /// and where it ends.
    func backReference() throws(Malformed) -> (target: Int, end: Int) {
        var distance = 0
        var index = position + 1
        while index < bytes.count {
            let letter = bytes[index]
            index += 1
            switch letter {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): distance = distance * 26 + Int(letter - 65)
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                distance = distance * 26 + Int(letter - 97)
                guard distance > 0, distance <= position else { throw Malformed() }
                return (position - distance, index)
            default: throw Malformed()
            }
            if distance > bytes.count { throw Malformed() }
        }
        throw Malformed()
    }

    /// Reads what a back reference stands for.
    mutating func following(_ body: (inout DDemangler) throws(Malformed) -> Void) throws(Malformed) {
        let reference = try backReference()
        position = reference.target
        try nested(body)
        position = reference.end
    }

    // MARK: - Names

    /// `_D QualifiedName Type`, or `Z` in place of the type for what the compiler made.
    mutating func mangledName() throws(Malformed) {
        guard hasPrefix("_D") else { throw Malformed() }
        position += 2
        try qualifiedName(withModifiers: true)
        if take("Z") { return }
        _ = try captured { (demangler) throws(Malformed) in try demangler.type() }
    }

    func isAtSymbolName() -> Bool {
        if Self.isDigit(peek()) || hasPrefix("__T") || hasPrefix("__U") { return true }
        guard peek() == UInt8(ascii: "Q"), let reference = try? backReference() else { return false }
        return Self.isDigit(bytes[reference.target])
    }

    private func isAtCallConvention() -> Bool { "FUWVRY".utf8.contains(peek()) }

    /// - Parameter withModifiers: whether what a method's `this` is (`const`, `shared`) is written behind it.
    mutating func qualifiedName(withModifiers: Bool) throws(Malformed) {
        try nested { (demangler) throws(Malformed) in
            let start = demangler.output.count
            var isFirst = true
            repeat {
                // Names that people did not give.
                while demangler.peek() == UInt8(ascii: "0") { demangler.position += 1 }
                if !isFirst { try demangler.append(".") }
                isFirst = false
                try demangler.identifier(qualifiedFrom: start)
                if demangler.peek() == UInt8(ascii: "M") || demangler.isAtCallConvention() {
                    demangler.parametersOfScope(withModifiers)
                }
            } while demangler.isAtSymbolName()
        }
    }

    /// The parameters of a function that a name belongs to; nothing where what follows is the name's type instead.
    private mutating func parametersOfScope(_ withModifiers: Bool) {
        let before = (position, output.count)
        do throws(Malformed) {
            var modifiers: [UInt8] = []
            if take("M") {
                modifiers = try captured { (demangler) throws(Malformed) in try demangler.typeModifiers() }
            }
            _ = try functionWithoutResult()
            if withModifiers { try append(modifiers) }
            if !isAtEnd { return }
        } catch {}
        position = before.0
        truncate(to: before.1)
    }

    private mutating func identifier(qualifiedFrom start: Int) throws(Malformed) {
        if peek() == UInt8(ascii: "Q") {
            return try following { (demangler) throws(Malformed) in
                let length = try demangler.number()
                try demangler.plainName(length, qualifiedFrom: start)
            }
        }
        if hasPrefix("__T") || hasPrefix("__U") { return try templateInstance(end: nil) }
        let length = try number()
        guard length > 0, length <= bytes.count - position else { throw Malformed() }
        if length >= 5, hasPrefix("__T") || hasPrefix("__U") { return try templateInstance(end: position + length) }
        // `__Sddd`: a scope of its own within a function.
        if length >= 4, hasPrefix("__S"), bytes[(position + 3)..<(position + length)].allSatisfy(Self.isDigit) {
            position += length
            return try nested { (demangler) throws(Malformed) in try demangler.identifier(qualifiedFrom: start) }
        }
        try plainName(length, qualifiedFrom: start)
    }

    /// Of what the compiler made for a type or module; the type `Z` follows them.
    private static let specialNames: [(name: StaticString, length: Int, prefix: String)] = [
        ("__init", 6, "initializer for "), ("__vtbl", 6, "vtable for "), ("__Class", 7, "ClassInfo for "),
        ("__Interface", 11, "Interface for "), ("__ModuleInfo", 12, "ModuleInfo for "),
    ]

    private mutating func plainName(_ length: Int, qualifiedFrom start: Int) throws(Malformed) {
        guard length > 0, length <= bytes.count - position else { throw Malformed() }
        let name = bytes[position..<(position + length)]
        for special in Self.specialNames where length == special.length && hasPrefix(special.name) {
            guard position + length < bytes.count, bytes[position + length] == UInt8(ascii: "Z"), output.count > start
            else { continue }
            // The dot before it goes.
            if output.last == UInt8(ascii: ".") { output.removeLast() }
            try insert(special.prefix, at: start)
            position += length
            return
        }
        position += length
        switch String(decoding: name, as: UTF8.self) {
        case "__ctor": try append("this")
        case "__dtor": try append("~this")
        case "__postblit" where hasPrefix("MFZ"):
            try append("this(this)")
            position += 3
        default: try append(name)
        }
    }

    /// `__T name arguments Z`.
    private mutating func templateInstance(end: Int?) throws(Malformed) {
        try nested { (demangler) throws(Malformed) in
            demangler.position += 3
            guard demangler.isAtSymbolName() else { throw Malformed() }
            try demangler.identifier(qualifiedFrom: demangler.output.count)
            try demangler.append("!(")
            try demangler.templateArguments()
            try demangler.append(")")
            if let end, demangler.position != end { throw Malformed() }
        }
    }
}
