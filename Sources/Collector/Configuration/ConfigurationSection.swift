/// A map of the configuration, read key by key into a typed value.
///
/// Readers never throw: a problem is reported with its path and place, and the default is returned, so that one run
/// finds all problems. Each reader also makes its key known; `finish` reports every key that nobody asked for, with
/// the nearest known one. So read all keys on every path.
///
/// ```swift
/// func decode(_ section: ConfigurationSection) -> DebugConfiguration {
///     DebugConfiguration(
///         verbosity: section.enumeration("verbosity", default: .basic),
///         samplingInitial: section.integer("sampling_initial", default: 2, in: 0...Int.max),
///         timeout: section.duration("timeout", default: .seconds(5)))
/// }
/// ```
///
/// A missing key and a null both mean the default.
public final class ConfigurationSection {
    /// Keys from the top joined by `::`, for example `receivers::profiling`.
    public let path: String
    /// Where the section's value stands; nil if it was not written at all.
    public let location: SourceLocation?
    /// What was written; empty for null and for sections that were not written.
    public let map: ConfigurationMap

    let diagnostics: ConfigurationDiagnostics
    private var knownKeys: [String] = []
    private var knownKeySet: Set<String> = []
    private var legacyKeys: [String: String] = [:]
    private var children: [ConfigurationSection] = []
    private var acceptsUnknownKeys = false

    /// - Parameter node: A map or null; anything else is reported as an error and read as empty.
    public init(path: String, node: ConfigurationNode?, diagnostics: ConfigurationDiagnostics) {
        self.path = path
        self.location = node?.location
        self.diagnostics = diagnostics
        switch node?.value {
        case .map(let map): self.map = map
        case nil, .null: self.map = ConfigurationMap()
        case .boolean, .integer, .floatingPoint, .string, .list:
            self.map = ConfigurationMap()
            diagnostics.error(
                ConfigurationIssue(
                    path: path, message: "expected a map, got \(node?.kindName ?? "null")", location: node?.location))
        }
    }

    // MARK: - Reporting

    /// Reports an error about a key, or about the whole section. The Collector then does not start.
    public func error(_ key: String? = nil, _ message: String) {
        diagnostics.error(issue(key, message))
    }

    /// Reports something that the user should know; it becomes one line of the log with level WARN.
    public func warning(_ key: String? = nil, _ message: String) {
        diagnostics.warning(issue(key, message))
    }

    /// Reports an error that lies in the key itself, not in its value.
    func keyError(_ key: String, _ message: String) {
        diagnostics.error(
            ConfigurationIssue(path: childPath(key), message: message, location: map.entry(key)?.keyLocation))
    }

    func keyWarning(_ key: String, _ message: String) {
        diagnostics.warning(
            ConfigurationIssue(path: childPath(key), message: message, location: map.entry(key)?.keyLocation))
    }

    private func issue(_ key: String?, _ message: String) -> ConfigurationIssue {
        guard let key else { return ConfigurationIssue(path: path, message: message, location: location) }
        let entry = writtenEntry(key)
        return ConfigurationIssue(
            path: childPath(entry?.key ?? key), message: message,
            location: entry?.node.location ?? entry?.keyLocation ?? location)
    }

    /// The path of a key of this section.
    public func childPath(_ key: String) -> String { path.isEmpty ? key : "\(path)::\(key)" }

    // MARK: - Keys

    /// The keys as written, in their order.
    public var keys: [String] { map.keys }

    /// True if the key was written, be it with null. Makes the key known.
    public func contains(_ key: String) -> Bool { entry(key) != nil }

    /// True if the key was written with something other than null. Makes the key known.
    public func isSet(_ key: String) -> Bool { entry(key).map { !$0.node.isNull } ?? false }

    /// The raw value of a key; nil if it was not written. Makes the key, and everything below it, known.
    public func node(_ key: String) -> ConfigurationNode? { entry(key)?.node }

    /// Declares an older spelling of a key, before the key is read. Its value is used, with one warning that names the
    /// new key; writing both is an error.
    public func legacyKey(_ old: String, for new: String) {
        guard let entry = map.entry(old) else { return }
        makeKnown(old)
        if map.entry(new) != nil {
            diagnostics.error(
                ConfigurationIssue(
                    path: childPath(old), message: "is the older spelling of \"\(new)\", and both are set; remove it",
                    location: entry.keyLocation))
            return
        }
        if let other = legacyKeys[new] {
            diagnostics.error(
                ConfigurationIssue(
                    path: childPath(old),
                    message: "and \"\(other)\" are older spellings of \"\(new)\", and both are set; keep only the new",
                    location: entry.keyLocation))
            return
        }
        legacyKeys[new] = old
        diagnostics.warning(
            ConfigurationIssue(
                path: childPath(old), message: "is deprecated; use \"\(new)\" instead", location: entry.keyLocation))
    }

    /// Declares a key of an older version that has no effect any more; writing it gives one warning.
    public func obsoleteKey(_ old: String, _ reason: String = "has no effect any more; remove it") {
        guard let entry = map.entry(old) else { return }
        makeKnown(old)
        diagnostics.warning(
            ConfigurationIssue(path: childPath(old), message: reason, location: entry.keyLocation))
    }

    /// Makes every key known.
    public func acceptAnyKeys() { acceptsUnknownKeys = true }

    func entry(_ key: String) -> ConfigurationMap.Entry? {
        makeKnown(key)
        return writtenEntry(key)
    }

    /// The entry under the key itself or its older spelling.
    private func writtenEntry(_ key: String) -> ConfigurationMap.Entry? {
        map.entry(key) ?? legacyKeys[key].flatMap { map.entry($0) }
    }

    private func makeKnown(_ key: String) {
        if knownKeySet.insert(key).inserted { knownKeys.append(key) }
    }

    func adopt(_ child: ConfigurationSection) -> ConfigurationSection {
        children.append(child)
        return child
    }

    /// Reports the keys that no reader asked for, here and in all sections below.
    public func finish() {
        if !acceptsUnknownKeys {
            for entry in map.entries where !knownKeySet.contains(entry.key) {
                diagnostics.error(
                    ConfigurationIssue(
                        path: childPath(entry.key), message: unknownKeyMessage(entry.key),
                        location: entry.keyLocation))
            }
        }
        for child in children { child.finish() }
    }

    private func unknownKeyMessage(_ key: String) -> String {
        let candidates = knownKeys.filter { legacyKeys.values.contains($0) == false }
        if let nearest = nearestSpelling(to: key, among: candidates) {
            return "invalid key; did you mean \"\(nearest)\"?"
        }
        if candidates.isEmpty { return "invalid key; this section has no keys" }
        return "invalid key; valid keys: \(candidates.sorted().joined(separator: ", "))"
    }
}
