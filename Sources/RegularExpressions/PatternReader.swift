/// A pattern and a place in it.
struct PatternReader {
    private let scalars: [Unicode.Scalar]
    /// In scalars from the pattern's start.
    var index = 0

    init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

    var isAtEnd: Bool { index >= scalars.count }

    /// The scalar at the place, or so many behind it; nil beyond the end.
    func peek(_ distance: Int = 0) -> Unicode.Scalar? {
        index + distance < scalars.count ? scalars[index + distance] : nil
    }

    mutating func next() -> Unicode.Scalar? {
        guard let scalar = peek() else { return nil }
        index += 1
        return scalar
    }

    /// Whether the text follows here.
    func follows(_ text: String) -> Bool {
        var index = index
        for scalar in text.unicodeScalars {
            guard index < scalars.count, scalars[index] == scalar else { return false }
            index += 1
        }
        return true
    }

    /// Steps over the text if it follows here.
    mutating func accept(_ text: String) -> Bool {
        guard follows(text) else { return false }
        index += text.unicodeScalars.count
        return true
    }

    /// What lies before the next occurrence of `end`; the place is then behind it. nil, and no move, if there is none.
    mutating func read(until end: String) -> String? {
        var probe = self
        while !probe.isAtEnd {
            if probe.follows(end) {
                let text = text(from: index, to: probe.index)
                index = probe.index + end.unicodeScalars.count
                return text
            }
            probe.index += 1
        }
        return nil
    }

    func text(from start: Int, to end: Int) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[start..<end])
        return String(text)
    }

    /// An error at the scalar of that index.
    func error(_ message: String, at index: Int) -> RegularExpressionError {
        RegularExpressionError(
            message: message, offset: scalars.prefix(index).reduce(0) { $0 + UTF8.width($1) })
    }
}
