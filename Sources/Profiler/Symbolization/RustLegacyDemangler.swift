/// Names of rustc before v0: Itanium nested names whose last part is a hash `h<16 hex digits>`.
enum RustLegacyDemangler {
    /// The path without the hash; nil for all that is not such a name.
    static func demangle(_ symbol: String) -> String? {
        let bytes = Array(symbol.utf8)
        guard bytes.starts(with: "_ZN".utf8) else { return nil }
        var position = 3
        var parts: [ArraySlice<UInt8>] = []
        while position < bytes.count, bytes[position] != UInt8(ascii: "E") {
            var length = 0
            let digits = position
            while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57, length < 1 << 16 {
                length = length * 10 + Int(bytes[position] - 48)
                position += 1
            }
            guard position > digits, length > 0, length <= bytes.count - position else { return nil }
            parts.append(bytes[position..<(position + length)])
            position += length
        }
        guard position == bytes.count - 1, parts.count >= 2, let hash = parts.popLast(), isHash(hash) else {
            return nil
        }
        return parts.map(unescape).joined(separator: "::")
    }

    private static func isHash(_ part: ArraySlice<UInt8>) -> Bool {
        part.count == 17 && part.first == UInt8(ascii: "h")
            && part.dropFirst().allSatisfy { ($0 >= 48 && $0 <= 57) || ($0 >= 97 && $0 <= 102) }
    }

    private static let escapes: [String: String] = [
        "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
    ]

    private static func unescape(_ part: ArraySlice<UInt8>) -> String {
        var rest = part
        // A part may not begin with `$`, so rustc puts an underscore before it.
        if rest.starts(with: "_$".utf8) { rest = rest.dropFirst() }
        var output: [UInt8] = []
        while let byte = rest.first {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: "."), rest.first == byte {
                rest = rest.dropFirst()
                output += "::".utf8
            } else if byte == UInt8(ascii: ".") {
                output.append(byte)
            } else if byte == UInt8(ascii: "$"), let end = rest.firstIndex(of: byte) {
                let code = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
                if let text = escapes[code] {
                    output += text.utf8
                } else if code.hasPrefix("u"), let value = UInt32(code.dropFirst(), radix: 16),
                    let scalar = Unicode.Scalar(value), value >= 32
                {
                    output += String(scalar).utf8
                } else {
                    return String(decoding: part, as: UTF8.self)
                }
                rest = rest[(end + 1)...]
            } else {
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
