/// Rust's v0 names (RFC 2603), written as rustc's own demangler writes them in its short form: without hashes of
/// crates and without types of constants.
struct RustV0Demangler {
    /// A name is invalid, or beyond a limit; no caller needs to know which.
    struct Failure: Error {}

    static let depthLimit = 200
    static let stepLimit = 50_000

    let input: [UInt8]
    var position = 0
    var output: [UInt8] = []
    /// Above 0, what is parsed is not written.
    var silence = 0
    var depth = 0
    var steps = 0
    var boundLifetimes: UInt64 = 0

    static func demangle(_ symbol: String) -> String? {
        let bytes = Array(symbol.utf8)
        let start = bytes.starts(with: "__R".utf8) ? 3 : 2
        // An upper-case letter follows; a digit would be the version of a future encoding. All is ASCII.
        guard bytes.count > start, (65...90).contains(bytes[start]), bytes.allSatisfy({ $0 < 0x80 }) else { return nil }
        var demangler = RustV0Demangler(input: Array(bytes[start...].prefix { $0 != UInt8(ascii: ".") }))
        do {
            try demangler.path(inValue: true)
            if demangler.position < demangler.input.count {
                // The crate in which a generic function was made concrete.
                try demangler.silently { (demangler) throws(Failure) in try demangler.path(inValue: false) }
            }
            guard demangler.position == demangler.input.count else { return nil }
        } catch {
            return nil
        }
        return String(decoding: demangler.output, as: UTF8.self)
    }

    init(input: [UInt8]) {
        self.input = input
    }

    // MARK: - Reading

    var peek: UInt8? { position < input.count ? input[position] : nil }

    mutating func next() throws(Failure) -> UInt8 {
        guard position < input.count else { throw Failure() }
        position += 1
        return input[position - 1]
    }

    mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard let peek, peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// `_` is 0, `0_` is 1, …
    mutating func base62() throws(Failure) -> UInt64 {
        if accept("_") { return 0 }
        var value: UInt64 = 0
        while true {
            let byte = try next()
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - 48
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - 97 + 10
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - 65 + 36
            case UInt8(ascii: "_"):
                let (result, overflow) = value.addingReportingOverflow(1)
                if overflow { throw Failure() }
                return result
            default: throw Failure()
            }
            let (product, overflow) = value.multipliedReportingOverflow(by: 62)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { throw Failure() }
            value = sum
        }
    }

    /// A base-62 number after `tag`, plus one; 0 without the tag.
    mutating func optionalBase62(_ tag: Unicode.Scalar) throws(Failure) -> UInt64 {
        guard accept(tag) else { return 0 }
        let (value, overflow) = try base62().addingReportingOverflow(1)
        if overflow { throw Failure() }
        return value
    }

    mutating func decimal() throws(Failure) -> Int {
        let first = try next()
        guard (48...57).contains(first) else { throw Failure() }
        var value = Int(first - 48)
        if value == 0 { return 0 }
        while let peek, (48...57).contains(peek) {
            value = value * 10 + Int(peek - 48)
            if value > input.count { throw Failure() }
            position += 1
        }
        return value
    }

    /// An identifier without its disambiguator, decoded to UTF-8.
    mutating func identifier() throws(Failure) -> [UInt8] {
        let isPunycode = accept("u")
        let length = try decimal()
        // Divides the length from a name that begins with a digit or an underscore.
        _ = accept("_")
        guard length <= input.count - position else { throw Failure() }
        let bytes = input[position..<(position + length)]
        position += length
        guard isPunycode else { return Array(bytes) }
        guard let decoded = Punycode.decode(bytes) else { throw Failure() }
        return decoded
    }

    // MARK: - Writing and limits

    mutating func write(_ text: StaticString) throws(Failure) {
        if silence > 0 { return }
        text.withUTF8Buffer { output.append(contentsOf: $0) }
        if output.count > Demangler.outputLimitBytes { throw Failure() }
    }

    mutating func write(_ bytes: some Sequence<UInt8>) throws(Failure) {
        if silence > 0 { return }
        output.append(contentsOf: bytes)
        if output.count > Demangler.outputLimitBytes { throw Failure() }
    }

    mutating func silently(_ body: (inout RustV0Demangler) throws(Failure) -> Void) throws(Failure) {
        silence += 1
        defer { silence -= 1 }
        try body(&self)
    }

    mutating func nested(_ body: (inout RustV0Demangler) throws(Failure) -> Void) throws(Failure) {
        steps += 1
        depth += 1
        defer { depth -= 1 }
        if depth > Self.depthLimit || steps > Self.stepLimit { throw Failure() }
        try body(&self)
    }

    /// Continues at the earlier place that a back reference names, then returns behind it.
    mutating func backReference(_ body: (inout RustV0Demangler) throws(Failure) -> Void) throws(Failure) {
        let tag = position - 1
        let target = try base62()
        guard target < UInt64(tag) else { throw Failure() }
        // Where nothing is written, there is no need to look.
        if silence > 0 { return }
        let saved = position
        position = Int(target)
        try nested(body)
        position = saved
    }
}

/// Punycode (RFC 3492) with `_` for the delimiter, as Rust's names have it.
enum Punycode {
    private static let lengthLimit = 512

    static func decode(_ input: ArraySlice<UInt8>) -> [UInt8]? {
        var scalars: [Unicode.Scalar] = []
        var rest = input
        if let delimiter = input.lastIndex(of: UInt8(ascii: "_")) {
            scalars = input[..<delimiter].map { Unicode.Scalar($0) }
            rest = input[(delimiter + 1)...]
        }
        guard !rest.isEmpty, input.count <= lengthLimit else { return nil }
        var code = 0x80
        var index = 0
        var bias = 72
        var isFirst = true
        while !rest.isEmpty {
            var delta = 0
            var weight = 1
            var threshold = 36
            while true {
                guard let byte = rest.popFirst() else { return nil }
                let digit: Int
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = Int(byte) - 97
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = Int(byte) - 65
                case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int(byte) - 48 + 26
                default: return nil
                }
                delta += digit * weight
                if delta > 1 << 30 { return nil }
                let limit = max(1, min(26, threshold - bias))
                if digit < limit { break }
                weight *= 36 - limit
                if weight > 1 << 30 { return nil }
                threshold += 36
            }
            index += delta
            let count = scalars.count + 1
            code += index / count
            index %= count
            guard code <= 0x10ffff, let scalar = Unicode.Scalar(UInt32(code)) else { return nil }
            scalars.insert(scalar, at: index)
            index += 1
            // Adaptation of the bias (RFC 3492 §6.1).
            delta /= isFirst ? 700 : 2
            isFirst = false
            delta += delta / count
            var adapted = 0
            while delta > 455 {
                delta /= 35
                adapted += 36
            }
            bias = adapted + 36 * delta / (delta + 38)
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return Array(String(text).utf8)
    }
}
