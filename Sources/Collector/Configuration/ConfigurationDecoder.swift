/// Turns the resolved tree into a typed configuration and checks it, collecting all errors.
public struct ConfigurationDecoder: Sendable {
    let factories: ComponentFactories
    let gates: FeatureGates

    public init(factories: ComponentFactories, gates: FeatureGates) {
        self.factories = factories
        self.gates = gates
    }

    /// - Returns: The configuration and what the log should warn about.
    /// - Throws: `InvalidConfiguration` with every problem found.
    public func decode(
        _ root: ConfigurationNode
    ) throws(InvalidConfiguration) -> (configuration: CollectorConfiguration, warnings: [ConfigurationIssue]) {
        let diagnostics = ConfigurationDiagnostics()
        let result = decode(root, diagnostics)
        guard diagnostics.errors.isEmpty else { throw InvalidConfiguration(issues: diagnostics.errors) }
        return (result, diagnostics.warnings)
    }

    /// The paths of all secrets, whether or not the configuration is valid.
    func opaquePaths(_ root: ConfigurationNode) -> Set<String> {
        let diagnostics = ConfigurationDiagnostics()
        _ = decode(root, diagnostics)
        return diagnostics.opaquePaths
    }

    private func decode(
        _ root: ConfigurationNode, _ diagnostics: ConfigurationDiagnostics
    ) -> CollectorConfiguration {
        let top = ConfigurationSection(path: "", node: root, diagnostics: diagnostics)
        guard !top.map.isEmpty else {
            diagnostics.error(ConfigurationIssue(path: "", message: "empty configuration file"))
            return CollectorConfiguration()
        }
        var result = CollectorConfiguration()
        result.receivers = components(top, .receiver, factories.receivers) { ConfiguredReceiver($0, $1) }
        result.processors = components(top, .processor, factories.processors) { ConfiguredProcessor($0, $1) }
        result.exporters = components(top, .exporter, factories.exporters) { ConfiguredExporter($0, $1) }
        result.connectors = components(top, .connector, factories.connectors) { ConfiguredConnector($0, $1) }
        result.extensions = components(top, .extension, factories.extensions) { ConfiguredExtension($0, $1) }
        result.service = service(top.section("service"))
        top.finish()
        let validation = ConfigurationValidation(
            configuration: result, gates: gates,
            written: { kind in
                let section = ConfigurationSection(
                    path: "", node: top.map[kind.sectionName], diagnostics: ConfigurationDiagnostics())
                return Set(section.keys.compactMap { try? ComponentID(parsing: $0) })
            })
        validation.check(diagnostics)
        return result
    }

    // MARK: - Components

    /// All components of one section, decoded.
    ///
    /// A section holds factories as existentials of their protocol; `decode` opens them.
    private func components<Factory, Configured>(
        _ top: ConfigurationSection, _ kind: ComponentKind, _ factories: [Factory],
        decode: (Factory, ConfigurationSection) -> Configured
    ) -> [ComponentID: Configured] {
        var byType: [String: (factory: Factory, type: String)] = [:]
        for factory in factories {
            guard let described = factory as? any ComponentFactory else { continue }
            for name in [described.type] + described.aliases { byType[name] = (factory, described.type) }
        }
        let section = top.section(kind.sectionName)
        section.acceptAnyKeys()
        var result: [ComponentID: Configured] = [:]
        for key in section.keys {
            let child = section.section(key)
            let id: ComponentID
            do {
                id = try ComponentID(parsing: key)
            } catch {
                child.acceptAnyKeys()
                section.keyError(key, error.description)
                continue
            }
            guard let match = byType[id.type] else {
                child.acceptAnyKeys()
                section.keyError(key, unknownType(id, byType.keys.sorted()))
                continue
            }
            if id.type != match.type {
                section.keyWarning(key, "\"\(id.type)\" alias is deprecated; use \"\(match.type)\" instead")
            }
            let configured = decode(match.factory, child)
            guard result.updateValue(configured, forKey: id) == nil else {
                section.keyError(key, "duplicate name \"\(id)\" after unmarshaling \"\(key)\"")
                continue
            }
        }
        return result
    }

    private func unknownType(_ id: ComponentID, _ valid: [String]) -> String {
        var message = "unknown type: \"\(id.type)\" for id: \"\(id)\" (valid values: [\(valid.joined(separator: " "))])"
        if id.type == "logging" {
            message = "the logging exporter has been removed, use the debug exporter instead: " + message
        } else if let nearest = nearestSpelling(to: id.type, among: valid) {
            message += "; did you mean \"\(nearest)\"?"
        }
        return message
    }

    // MARK: - Service

    private func service(_ section: ConfigurationSection) -> ServiceConfiguration {
        var service = ServiceConfiguration()
        service.extensions = references(section, "extensions")
        for (name, pipeline) in section.namedSections("pipelines") {
            let configuration = PipelineConfiguration(
                receivers: references(pipeline, "receivers"),
                processors: references(pipeline, "processors"),
                exporters: references(pipeline, "exporters"),
                location: pipeline.location)
            do {
                let id = try PipelineID(parsing: name)
                if service.pipelines.updateValue(configuration, forKey: id) != nil {
                    pipeline.error(nil, "duplicate name \"\(id)\" after unmarshaling \"\(name)\"")
                }
            } catch {
                pipeline.error(nil, error.description)
            }
        }
        service.telemetry = TelemetryConfiguration(section.section("telemetry"))
        return service
    }

    /// A list of component ids with the place of each.
    private func references(_ section: ConfigurationSection, _ key: String) -> [ComponentReference] {
        guard let node = section.node(key), !node.isNull else { return [] }
        let items: [ConfigurationNode]
        if case .list(let nodes) = node.value {
            items = nodes
        } else {
            items = section.strings(key).map { ConfigurationNode(.string($0), location: node.location) }
        }
        return items.compactMap { item -> ComponentReference? in
            guard case .string(let text) = item.value else {
                section.error(key, "expected a list of component ids, got an item of type \(item.kindName)")
                return nil
            }
            do {
                return ComponentReference(try ComponentID(parsing: text), location: item.location ?? node.location)
            } catch {
                section.error(key, "\(error)")
                return nil
            }
        }
    }
}

/// Everything that is wrong with a configuration.
public struct InvalidConfiguration: Error, Sendable, CustomStringConvertible {
    public let issues: [ConfigurationIssue]

    /// One line per problem.
    public var description: String { issues.map(\.description).joined(separator: "\n") }
}
