/// What an optional section means when it is missing or null.
public enum OptionalSectionRule: Sendable {
    /// Missing or null: off. An empty map turns it on with defaults (`tls:` of a server).
    case offUnlessWritten
    /// Missing: off. Null or an empty map turns it on with defaults (`protocols::grpc:`).
    case onWhenNamed
    /// Missing or null: on with defaults (`sending_queue`). Only `enabled: false` turns it off.
    case onByDefault
}

/// Readers of sections, lists and maps.
extension ConfigurationSection {
    /// A section below; empty if it is missing or null, so that all defaults apply.
    public func section(_ key: String) -> ConfigurationSection {
        adopt(ConfigurationSection(path: childPath(key), node: entry(key)?.node, diagnostics: diagnostics))
    }

    /// A section that can be off; nil then. A key `enabled` in it decides if written.
    public func optionalSection(
        _ key: String, _ rule: OptionalSectionRule = .offUnlessWritten
    ) -> ConfigurationSection? {
        let entry = entry(key)
        let child = ConfigurationSection(path: childPath(key), node: entry?.node, diagnostics: diagnostics)
        let isOn: Bool
        if let enabled = child.optionalBoolean("enabled") {
            isOn = enabled
        } else {
            isOn =
                switch (rule, entry) {
                case (.onByDefault, _): true
                case (.offUnlessWritten, nil), (.onWhenNamed, nil): false
                case (.onWhenNamed, _?): true
                case (.offUnlessWritten, let entry?): !entry.node.isNull
                }
        }
        // What a section that is off holds is not checked: its reader never sees it.
        return isOn ? adopt(child) : nil
    }

    /// The sections of a list of maps, for example `- type: kprobe`.
    public func sections(_ key: String) -> [ConfigurationSection] {
        guard let entry = entry(key), !entry.node.isNull else { return [] }
        guard case .list(let nodes) = entry.node.value else {
            return mismatch(key, entry.node, "list") ?? []
        }
        return nodes.enumerated().map { index, node in
            adopt(
                ConfigurationSection(
                    path: "\(childPath(entry.key))::\(index)", node: node, diagnostics: diagnostics))
        }
    }

    /// The sections of a map whose keys the user chooses, in the order written.
    public func namedSections(_ key: String) -> [(name: String, section: ConfigurationSection)] {
        let parent = section(key)
        parent.acceptAnyKeys()
        return parent.keys.map { ($0, parent.section($0)) }
    }

    /// A list of strings; one plain string is split at commas. Null keeps the default, `[]` empties it.
    public func strings(_ key: String, default fallback: [String] = []) -> [String] {
        guard let entry = entry(key) else { return fallback }
        switch entry.node.value {
        case .null: return fallback
        case .list(let nodes):
            return nodes.enumerated().compactMap { index, node in
                if case .null = node.value, node.originalText == nil {
                    error(key, "item \(index) is null; expected a string")
                    return nil
                }
                return text(of: node, key: key)
            }
        case .string(let text):
            let whole = entry.node.originalText ?? text
            return whole.isEmpty ? [] : whole.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        case .boolean, .integer, .floatingPoint, .map:
            return mismatch(key, entry.node, "list of strings") ?? fallback
        }
    }

    /// A list of secrets; none of them is ever printed.
    public func opaqueStrings(_ key: String) -> [OpaqueString] {
        guard let entry = entry(key), !entry.node.isNull else { return [] }
        diagnostics.markOpaque(childPath(entry.key))
        guard case .list(let nodes) = entry.node.value else {
            error(key, "expected type list of strings, got \(entry.node.kindName)")
            return []
        }
        return nodes.compactMap { text(of: $0, key: key, isOpaque: true).map(OpaqueString.init) }
    }

    /// A map from strings to strings.
    public func stringMap(_ key: String) -> [String: String] {
        guard let entry = entry(key), !entry.node.isNull else { return [:] }
        guard case .map(let map) = entry.node.value else { return mismatch(key, entry.node, "map") ?? [:] }
        let child = adopt(ConfigurationSection(path: childPath(entry.key), node: entry.node, diagnostics: diagnostics))
        var result: [String: String] = [:]
        for name in map.keys { result[name] = child.string(name) }
        return result
    }

    /// Header names and secret values: a map, or a list of `{name, value}`; a name given twice is an error. In the
    /// order written.
    public func headers(_ key: String) -> [(name: String, value: OpaqueString)] {
        guard let entry = entry(key), !entry.node.isNull else { return [] }
        var result: [(name: String, value: OpaqueString)] = []
        var seen: Set<String> = []
        func add(_ name: String, _ value: OpaqueString?) {
            guard seen.insert(name).inserted else {
                error(key, "header \"\(name)\" is given twice")
                return
            }
            result.append((name, value ?? OpaqueString("")))
        }
        switch entry.node.value {
        case .map(let map):
            let child = adopt(
                ConfigurationSection(path: childPath(entry.key), node: entry.node, diagnostics: diagnostics))
            for name in map.keys { add(name, child.opaqueString(name)) }
        case .list:
            for item in sections(key) { add(item.requiredString("name"), item.opaqueString("value")) }
        case .null, .boolean, .integer, .floatingPoint, .string:
            return mismatch(key, entry.node, "map or list of {name, value}") ?? []
        }
        return result
    }
}
