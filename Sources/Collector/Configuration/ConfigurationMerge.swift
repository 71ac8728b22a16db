extension ConfigurationNode {
    /// This configuration with a later one laid over it: maps merge key by key, everything else is replaced, lists
    /// included; a null replaces a whole map, an empty map changes nothing.
    ///
    /// - Parameter appendingLists: The lists that grow by what the later one adds, instead of being replaced: the
    ///   feature gate `confmap.enableMergeAppendOption`.
    func merging(_ later: ConfigurationNode, appendingLists: Bool = false) -> ConfigurationNode {
        merging(later, path: [], appendingLists: appendingLists)
    }

    private func merging(_ later: ConfigurationNode, path: [String], appendingLists: Bool) -> ConfigurationNode {
        switch (value, later.value) {
        case (.map(var map), .map(let laterMap)):
            for entry in laterMap.entries {
                var entry = entry
                if let existing = map.entry(entry.key) {
                    entry.node = existing.node.merging(
                        entry.node, path: path + [entry.key], appendingLists: appendingLists)
                    entry.keyLocation = entry.keyLocation ?? existing.keyLocation
                }
                map.set(entry)
            }
            return ConfigurationNode(.map(map), location: later.location ?? location)
        case (.list(let items), .list(let laterItems)) where appendingLists && Self.isAppendedList(path):
            var seen: Set<String> = []
            let all = (items + laterItems).filter { item in
                guard case .string(let text) = item.value else { return true }
                return seen.insert(text).inserted
            }
            return ConfigurationNode(.list(all), location: later.location ?? location)
        default:
            return later
        }
    }

    /// `service::extensions`, and `receivers` and `exporters` of pipelines.
    private static func isAppendedList(_ path: [String]) -> Bool {
        if path == ["service", "extensions"] { return true }
        return path.count == 4 && path[0] == "service" && path[1] == "pipelines"
            && (path[3] == "receivers" || path[3] == "exporters")
    }
}
