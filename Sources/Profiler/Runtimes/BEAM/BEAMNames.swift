/// Functions' names.
enum BEAMNames {
    private static let elixir = "Elixir."

    /// From the emulator's name for a range of code, in which atoms are quoted where Erlang needs it, to
    /// `module:function/arity`, and for modules of Elixir to `Module.function/arity`. Other names stay as they are.
    static func function(_ text: String) -> String {
        // What precedes a function's code counts as part of it.
        let name = text.hasSuffix(BEAMModule.prologue) ? text.dropLast(BEAMModule.prologue.count) : text[...]
        guard let module = Atom(name), module.rest.first == ":", let function = Atom(module.rest.dropFirst()),
            function.rest.first == "/", function.rest.dropFirst().allSatisfy(\.isNumber)
        else { return String(name) }
        if module.text.hasPrefix(elixir) {
            return "\(module.text.dropFirst(elixir.count)).\(function.text)\(function.rest)"
        }
        return "\(module.text):\(function.text)\(function.rest)"
    }

    /// An atom at the start of a text.
    private struct Atom {
        var text: String
        var rest: Substring

        init?(_ source: Substring) {
            guard source.first == "'" else {
                // Operators are quoted, so neither is part of an atom.
                let end = source.firstIndex { $0 == ":" || $0 == "/" } ?? source.endIndex
                guard end > source.startIndex else { return nil }
                text = String(source[..<end])
                rest = source[end...]
                return
            }
            text = ""
            var position = source.index(after: source.startIndex)
            while position < source.endIndex, source[position] != "'" {
                if source[position] == "\\" {
                    position = source.index(after: position)
                    guard position < source.endIndex else { return nil }
                }
                text.append(source[position])
                position = source.index(after: position)
            }
            guard position < source.endIndex else { return nil }
            rest = source[source.index(after: position)...]
        }
    }
}
