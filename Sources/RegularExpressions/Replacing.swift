extension RegularExpression {
    /// Replaces every match by a template in which `$1`, `${1}`, `$name` and `${name}` stand for what the groups
    /// matched, and `$$` for `$`. Matches do not overlap; an empty one right behind another does not count, as in Go.
    /// - Parameters:
    ///   - limit: Of the work, in visited instructions. One search is linear in the text, but a text can make each of
    ///     many searches go to its end.
    ///   - change: What becomes of each expanded template.
    /// - Returns: nil if the limit was met.
    public func replacingMatches(
        in text: String, with template: String, limit: Int = 50_000_000,
        change: (String) throws -> String = { $0 }
    ) rethrows -> String? {
        guard matches(text) else { return text }
        let bytes = Array(text.utf8)
        let template = Array(template.utf8)
        var machine = PikeVM(matcher.program)
        var result: [UInt8] = []
        var (copied, start, lastEnd) = (0, 0, -1)
        while start <= bytes.count {
            guard let slots = bytes.withUnsafeBufferPointer({ machine.firstMatch($0, from: start) }) else { break }
            guard machine.steps <= limit else { return nil }
            let match = Match(slots: slots, names: groupNames)
            let range = match.range
            if !range.isEmpty || range.lowerBound != lastEnd {
                result += bytes[copied..<range.lowerBound]
                var expanded: [UInt8] = []
                match.expand(template, in: bytes, into: &expanded)
                result += try change(String(decoding: expanded, as: UTF8.self)).utf8
                (copied, lastEnd) = (range.upperBound, range.upperBound)
            }
            start = range.upperBound
            if range.isEmpty {
                // On by one character.
                guard start < bytes.count else { break }
                start += bytes.withUnsafeBufferPointer { $0.decodeScalar(at: start).width }
            }
        }
        result += bytes[copied...]
        return String(decoding: result, as: UTF8.self)
    }
}

extension RegularExpression.Match {
    /// Replaces `$1`, `${1}`, `$name` and `${name}` by what the groups matched, `$$` by `$`. A name without braces is
    /// as long as it can be; what names no group is replaced by nothing.
    public func expand(_ template: String, in text: String) -> String {
        var result: [UInt8] = []
        expand(Array(template.utf8), in: Array(text.utf8), into: &result)
        return String(decoding: result, as: UTF8.self)
    }

    func expand(_ template: [UInt8], in text: [UInt8], into result: inout [UInt8]) {
        var rest = template[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$"), let next = rest.first else {
                result.append(byte)
                continue
            }
            if next == UInt8(ascii: "$") {
                rest.removeFirst()
                result.append(byte)
                continue
            }
            var name = rest.prefix(while: Self.isWordByte)
            if next == UInt8(ascii: "{") {
                let inner = rest.dropFirst()
                name = inner.prefix(while: Self.isWordByte)
                guard inner.dropFirst(name.count).first == UInt8(ascii: "}") else {
                    result.append(byte)
                    continue
                }
                rest = inner.dropFirst(name.count + 1)
            } else {
                rest = rest.dropFirst(name.count)
            }
            guard !name.isEmpty else {
                result.append(byte)
                continue
            }
            let word = String(decoding: name, as: UTF8.self)
            let range = Int(word).map { ranges.indices.contains($0) ? ranges[$0] : nil } ?? self[word]
            if let range, range.lowerBound >= 0, range.upperBound <= text.count { result += text[range] }
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
