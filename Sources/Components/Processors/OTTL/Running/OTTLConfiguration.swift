import Collector

/// Reading the keys that the processors `filter` and `transform` have in common.
extension ConfigurationSection {
    public func errorMode(default fallback: OTTLErrorMode) -> OTTLErrorMode {
        enumeration("error_mode", default: fallback, ignoringCase: true)
    }

    /// A key `context`; nil if it is not written, or is no context of the signal, which is reported.
    public func ottlContext(of signal: Signal) -> OTTLContext? {
        guard let name = optionalString("context"), !name.isEmpty else { return nil }
        let valid = OTTLContext.contexts(of: signal)
        guard let context = OTTLContext(name: name), valid.contains(context) else {
            let names = valid.map(\.rawValue)
            let nearest = nearestSpelling(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
            error("context", "unknown context \"\(name)\" (valid values: [\(names.joined(separator: ", "))])\(nearest)")
            return nil
        }
        return context
    }

    /// Divides a list that has texts and maps: texts that follow each other belong together.
    public func textsAndSections(_ key: String) -> [TextsOrSection] {
        guard let node = node(key), !node.isNull else { return [] }
        guard case .list(let items) = node.value else {
            error(key, "expected a list")
            return []
        }
        let hasMaps = items.contains { if case .map = $0.value { true } else { false } }
        guard hasMaps else { return [.texts(strings(key))] }
        var texts: [String] = []
        for item in items {
            if case .string(let text) = item.value { texts.append(text) }
        }
        guard texts.isEmpty else {
            error(key, "has both statements and groups; put the statements into a group: \"- statements: [...]\"")
            return []
        }
        return sections(key).map { .section($0) }
    }
}

/// What a list of statements is made of.
public enum TextsOrSection {
    case texts([String])
    case section(ConfigurationSection)
}
