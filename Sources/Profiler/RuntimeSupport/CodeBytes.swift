/// Looking for instructions in the code of a function, within bounds.
public enum CodeBytes {
    /// Where the bytes lie first, from `start` on.
    public static func find(_ pattern: [UInt8], in code: [UInt8], from start: Int = 0) -> Int? {
        guard !pattern.isEmpty, start >= 0, code.count - pattern.count >= start else { return nil }
        return (start...(code.count - pattern.count)).first { code[$0..<($0 + pattern.count)].elementsEqual(pattern) }
    }

    /// Four bytes as a signed number; 0 where there are fewer.
    public static func signed32(_ code: [UInt8], at index: Int) -> Int32 { Int32(bitPattern: word(code, at: index)) }

    /// Four bytes; 0 where there are fewer.
    public static func word(_ code: [UInt8], at index: Int) -> UInt32 {
        guard index >= 0, code.count >= 4, index <= code.count - 4 else { return 0 }
        return code[index..<(index + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

extension Array {
    /// Nil outside of the bounds.
    public subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
