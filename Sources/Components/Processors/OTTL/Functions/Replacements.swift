import OTLP
import RegularExpressions

/// Editors that replace text that matches.
extension FunctionTable {
    static let replacements: [Function] = [
        .editor("replace_pattern", ["target", "regex", "replacement", "function?", "replacementFormat?"]) {
            (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let pattern = try arguments.pattern(1)
            let replacement = try Replacement(arguments, from: 2)
            return { evaluation in
                let template = try replacement.template(evaluation)
                try update(evaluation) { value in
                    // What is not there, or is no text, is left alone.
                    guard case .string(let text) = value else { return }
                    value = .string(try replacement.replace(pattern, in: text, with: template))
                }
            }
        },
        .editor("replace_match", ["target", "pattern", "replacement", "function?", "replacementFormat?"]) {
            (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let pattern = try glob(arguments, 1)
            let replacement = try Replacement(arguments, from: 2)
            return { evaluation in
                let text = try replacement.finish(try replacement.template(evaluation))
                try update(evaluation) { value in
                    if case .string(let old) = value, pattern.matches(old) { value = .string(text) }
                }
            }
        },
        .editor(
            "replace_all_patterns", ["target", "mode", "regex", "replacement", "function?", "replacementFormat?"]
        ) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let isKey = try arguments.choice(1, ["key", "value"]) == "key"
            let pattern = try arguments.pattern(2)
            let replacement = try Replacement(arguments, from: 3)
            return { evaluation in
                let template = try replacement.template(evaluation)
                try updateMap(update, evaluation) { items in
                    var result: [OTLPKeyValue] = []
                    for var item in items {
                        if isKey {
                            item.key = try replacement.replace(pattern, in: item.key, with: template)
                            result[item.key] = item.value
                        } else {
                            if case .stringValue(let text) = item.value.value {
                                item.value = .string(try replacement.replace(pattern, in: text, with: template))
                            }
                            result.append(item)
                        }
                    }
                    items = result
                }
            }
        },
        .editor("replace_all_matches", ["target", "pattern", "replacement", "function?", "replacementFormat?"]) {
            (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let pattern = try glob(arguments, 1)
            let replacement = try Replacement(arguments, from: 2)
            return { evaluation in
                let text = try replacement.finish(try replacement.template(evaluation))
                try updateMap(update, evaluation) { items in
                    for index in items.indices {
                        if case .stringValue(let old) = items[index].value.value, pattern.matches(old) {
                            items[index].value = .string(text)
                        }
                    }
                }
            }
        },
    ]

    /// A pattern of file names (https://pkg.go.dev/path/filepath#Match): `*` and `?` do not match `/`.
    private static func glob(_ arguments: Arguments, _ index: Int) throws(PlacedError) -> RegularExpression {
        let text = try arguments.literalString(index)
        var pattern = "^(?s:"
        var rest = Array(text)[...]
        while let character = rest.popFirst() {
            switch character {
            case "*": pattern += "[^/]*"
            case "?": pattern += "[^/]"
            case "[":
                guard let end = rest.dropFirst().firstIndex(of: "]") else { break }
                pattern += "[" + String(rest[rest.startIndex..<end]) + "]"
                rest = rest[(end + 1)...]
                continue
            case "\\": pattern += quote(rest.popFirst() ?? "\\")
            default: pattern += quote(character)
            }
            if character == "[" {
                throw PlacedError(
                    offset: try arguments.syntax(index).offset, message: "the pattern has \"[\" without \"]\"")
            }
        }
        do {
            return try RegularExpression(pattern + ")$")
        } catch {
            throw PlacedError(offset: try arguments.syntax(index).offset, message: "\(error)")
        }
    }

    private static func quote(_ character: Character) -> String {
        "\\.+*?()|[]{}^$".contains(character) ? "\\\(character)" : String(character)
    }
}

/// What takes the place of a match.
private struct Replacement: Sendable {
    private let value: Expression
    private let function: TextFunction?
    /// What stands before and behind the text.
    private let format: (before: String, after: String)

    /// - Parameter index: Of the replacement; the function and the format follow it.
    init(_ arguments: Arguments, from index: Int) throws(PlacedError) {
        value = try arguments.expression(index)
        function = try arguments.textFunction(index + 1)
        guard arguments.isGiven(index + 2) else {
            format = ("", "")
            return
        }
        let text = try arguments.literalString(index + 2)
        let parts = text.split(separator: "%s", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw PlacedError(
                offset: try arguments.syntax(index + 2).offset, message: "the format needs exactly one %s")
        }
        format = (String(parts[0]), String(parts[1]))
    }

    func template(_ evaluation: Evaluation) throws -> String {
        try value(evaluation).requireString()
    }

    func finish(_ text: String) throws -> String {
        format.before + (try function?(text) ?? text) + format.after
    }

    func replace(_ pattern: RegularExpression, in text: String, with template: String) throws -> String {
        guard let result = try pattern.replacingMatches(in: text, with: template, change: finish) else {
            throw EvaluationError("replacing \"\(pattern)\" takes too long in a text of \(text.utf8.count) bytes")
        }
        return result
    }
}
