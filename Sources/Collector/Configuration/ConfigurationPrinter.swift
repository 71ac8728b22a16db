import Yams

extension ConfigurationNode {
    /// The tree as YAML text that reads back as the same tree.
    public func yaml() throws -> String {
        try Yams.serialize(node: yamsNode, width: -1, allowUnicode: true)
    }

    private var yamsNode: Node {
        switch value {
        case .null: Node.scalar(.init("null", .implicit, .plain))
        case .boolean(let value): Node.scalar(.init("\(value)", .implicit, .plain))
        case .integer(let value): Node.scalar(.init("\(value)", .implicit, .plain))
        case .floatingPoint(let value): Node.scalar(.init(Self.yamlNumber(value), .implicit, .plain))
        case .string(let text): Self.yamsString(text)
        case .list(let items): Node.sequence(.init(items.map(\.yamsNode), .implicit, items.isEmpty ? .flow : .block))
        case .map(let map):
            Node.mapping(
                .init(
                    map.entries.map { (Self.yamsString($0.key), $0.node.yamsNode) }, .implicit,
                    map.isEmpty ? .flow : .block))
        }
    }

    /// Quoted where the plain word would read back as something else.
    private static func yamsString(_ text: String) -> Node {
        let isPlain = if case .string = YAMLDocument.plainScalar(text) { true } else { false }
        let style: Node.Scalar.Style = text.contains("\n") ? .literal : isPlain ? .any : .doubleQuoted
        return Node.scalar(.init(text, Tag(.implicit), style))
    }

    private static func yamlNumber(_ value: Double) -> String {
        if value.isNaN { return ".nan" }
        if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
        return "\(value)"
    }

    /// The tree as JSON text on one line.
    public func json() -> String {
        var text = ""
        appendJSON(to: &text)
        return text
    }

    private func appendJSON(to text: inout String) {
        switch value {
        case .null: text += "null"
        case .boolean(let value): text += "\(value)"
        case .integer(let value): text += "\(value)"
        case .floatingPoint(let value):
            if value.isFinite {
                text += "\(value)"
            } else {
                LogRecordEncoder.append(string: Self.yamlNumber(value), to: &text)
            }
        case .string(let value): LogRecordEncoder.append(string: value, to: &text)
        case .list(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += "," }
                item.appendJSON(to: &text)
            }
            text += "]"
        case .map(let map):
            text += "{"
            for (index, entry) in map.entries.enumerated() {
                if index > 0 { text += "," }
                LogRecordEncoder.append(string: entry.key, to: &text)
                text += ":"
                entry.node.appendJSON(to: &text)
            }
            text += "}"
        }
    }

    /// With the values at the given paths, and everything below them, replaced by `[REDACTED]`.
    func redacted(at paths: Set<String>, path: String = "") -> ConfigurationNode {
        if paths.contains(path), !isNull { return ConfigurationNode(.string("[REDACTED]"), location: location) }
        func child(_ key: String) -> String { path.isEmpty ? key : "\(path)::\(key)" }
        var result = self
        switch value {
        case .null, .boolean, .integer, .floatingPoint, .string: break
        case .list(let items):
            result.value = .list(
                items.enumerated().map { $0.element.redacted(at: paths, path: child("\($0.offset)")) })
        case .map(var map):
            map.updateNodes { key, node in node = node.redacted(at: paths, path: child(key)) }
            result.value = .map(map)
        }
        return result
    }
}

extension CollectorRun {
    /// The configuration after merging and expansion. Without secrets, unless asked for.
    public func resolvedRoot(printsSecrets: Bool) async throws -> ConfigurationNode {
        let root = try await resolve().root
        if printsSecrets { return root }
        return root.redacted(at: decoder.opaquePaths(root))
    }
}
