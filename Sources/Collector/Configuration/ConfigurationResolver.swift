/// Where the configuration comes from: the arguments of `--config` and `--set`, in order.
public struct ConfigurationSources: Sendable {
    public var uris: [String]
    /// `key.path=value`; laid over all `uris`.
    public var settings: [String]

    public init(uris: [String], settings: [String] = []) {
        self.uris = uris
        self.settings = settings
    }
}

/// The whole configuration as one tree, all references replaced.
public struct ResolvedConfiguration: Sendable {
    public var root: ConfigurationNode
    public var notices: [ConfigurationNotice]
}

/// Fetches, merges and expands a configuration.
public struct ConfigurationResolver: Sendable {
    private let providers: [String: any ConfigurationProvider]
    private let appendsLists: Bool

    /// - Parameter appendsLists: The feature gate `confmap.enableMergeAppendOption`.
    public init(providers: [any ConfigurationProvider] = Self.defaultProviders, appendsLists: Bool = false) {
        self.providers = Dictionary(providers.map { ($0.scheme, $0) }, uniquingKeysWith: { _, last in last })
        self.appendsLists = appendsLists
    }

    /// `file`, `env` and `yaml`: those that need no network.
    public static var defaultProviders: [any ConfigurationProvider] {
        [FileProvider(), EnvironmentProvider.ofProcess, YAMLProvider()]
    }

    /// - Throws: `CollectorError`: no source given, a source that cannot be read, is no map, or holds a reference that
    ///   cannot be replaced.
    public func resolve(_ sources: ConfigurationSources) async throws -> ResolvedConfiguration {
        guard !sources.uris.isEmpty || !sources.settings.isEmpty else {
            throw CollectorError("at least one config flag must be provided")
        }
        var root = ConfigurationNode(.map(ConfigurationMap()))
        var notices: [ConfigurationNotice] = []
        for argument in sources.uris {
            let uri = try ConfigurationURI(configurationArgument: argument)
            let (node, notice) = try await retrieve(uri, name: argument)
            root = root.merging(node, appendingLists: appendsLists)
            if let notice { notices.append(notice) }
        }
        for setting in sources.settings {
            root = root.merging(try Self.parseSetting(setting), appendingLists: appendsLists)
        }
        var expansion = VariableExpansion(providers: providers)
        root = try await expansion.expand(root)
        return ResolvedConfiguration(root: root, notices: notices + expansion.notices)
    }

    private func retrieve(
        _ uri: ConfigurationURI, name: String
    ) async throws -> (ConfigurationNode, ConfigurationNotice?) {
        guard let provider = providers[uri.scheme] else {
            throw CollectorError("unsupported scheme on URI \"\(name)\"")
        }
        let retrieved = try await provider.retrieve(uri.opaque)
        let source = uri.scheme == "file" ? uri.opaque : uri.scheme == "yaml" ? "yaml:" : name
        switch retrieved.content {
        case .null: return (ConfigurationNode(.map(ConfigurationMap())), retrieved.notice)
        case .literal(let text), .text(let text):
            return (try Self.parseMap(text, source: source), retrieved.notice)
        }
    }

    private static func parseMap(_ text: String, source: String) throws -> ConfigurationNode {
        let node: ConfigurationNode
        do {
            node = try YAMLDocument.parse(text, source: source)
        } catch {
            throw CollectorError("\(source): retrieved value (type=string) cannot be used as a Conf: \(error)")
        }
        switch node.value {
        case .map: return node
        case .null: return ConfigurationNode(.map(ConfigurationMap()))
        case .boolean, .integer, .floatingPoint, .string, .list:
            throw CollectorError(
                "\(source): retrieved value (type=\(node.kindName)) cannot be used as a Conf: "
                    + "the configuration must be a map with keys such as receivers and service")
        }
    }

    /// `key.path=value`, where the value is YAML.
    private static func parseSetting(_ text: String) throws -> ConfigurationNode {
        guard let equals = text.firstIndex(of: "=") else {
            throw CollectorError("invalid value \"\(text)\" for flag --set: missing equal sign")
        }
        let key = text[..<equals].trimmed().split(separator: ".", omittingEmptySubsequences: false)
            .joined(separator: "::")
        let value = text[text.index(after: equals)...].trimmed()
        return try parseMap("\(key): \(value)", source: "--set \(key)")
    }
}

extension Substring {
    /// Without white space at both ends.
    public func trimmed() -> String {
        guard let start = firstIndex(where: { !$0.isWhitespace }),
            let end = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[start...end])
    }
}
