/// Names that compilers gave code which they made of lambdas, local functions, iterators and asynchronous methods, put as
/// their authors would: Roslyn's (GeneratedNames.cs) and Mono's.
enum CompilerNames {
    private static let depthLimit = 8

    /// A type's name: nil for one that only holds what lambdas captured, which belongs to the type around it.
    static func type(_ name: String) -> String? {
        if name == "<>c" || name.hasPrefix("<>c__DisplayClass") { return nil }
        guard let parts = split(name), !parts.inner.isEmpty else { return name }
        // Captured variables of a lambda, by Mono.
        if parts.rest.hasPrefix("c__AnonStorey") { return nil }
        let isStateMachine =
            parts.rest.isEmpty || parts.rest.hasPrefix("d") || parts.rest.hasPrefix("c__async")
            || parts.rest.hasPrefix("c__Iterator")
        return isStateMachine ? method(parts.inner) : name
    }

    /// The function whose lambda captured what a type holds, where the type's name says it: Mono's do.
    static func function(ofCapturingType name: String) -> String? {
        guard let parts = split(name), !parts.inner.isEmpty, parts.rest.hasPrefix("c__AnonStorey") else { return nil }
        return parts.inner
    }

    static func method(_ name: String, capturedIn function: String? = nil, depth: Int = 0) -> String {
        guard depth < depthLimit, let parts = split(name) else { return name }
        guard !parts.inner.isEmpty || function != nil else { return name }
        let outer = method(parts.inner.isEmpty ? function ?? "" : parts.inner, depth: depth + 1)
        if parts.rest.isEmpty || parts.rest == "$" { return outer }
        for prefix in ["b__", "m__"] where parts.rest.hasPrefix(prefix) {
            return "\(outer).lambda_\(parts.rest.dropFirst(prefix.count))"
        }
        if parts.rest.hasPrefix("g__") {
            let local = parts.rest.dropFirst(3).prefix { $0 != "|" }
            return "\(outer).\(local)"
        }
        // Of an asynchronous lambda, the state machine.
        if parts.rest.hasPrefix("d") { return outer }
        return name
    }

    /// "<inner>rest".
    private static func split(_ name: String) -> (inner: String, rest: Substring)? {
        guard name.hasPrefix("<") else { return nil }
        var depth = 0
        for index in name.indices {
            if name[index] == "<" { depth += 1 }
            if name[index] == ">" { depth -= 1 }
            if depth == 0 {
                return (String(name[name.index(after: name.startIndex)..<index]), name[name.index(after: index)...])
            }
        }
        return nil
    }
}
