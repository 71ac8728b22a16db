/// The checks that span sections: references, pipelines, gates.
struct ConfigurationValidation {
    let configuration: CollectorConfiguration
    let gates: FeatureGates
    /// The ids in a section, those that could not be decoded included: their own error is enough.
    let written: (ComponentKind) -> Set<ComponentID>

    func check(_ diagnostics: ConfigurationDiagnostics) {
        let ids = Dictionary(uniqueKeysWithValues: ComponentKind.allCases.map { ($0, written($0)) })
        func isWritten(_ id: ComponentID, _ kind: ComponentKind) -> Bool { ids[kind]?.contains(id) ?? false }
        let needsPipelines = !gates.isEnabled(FeatureGates.allowNoPipelines)
        func error(_ path: String, _ message: String, _ location: SourceLocation? = nil) {
            diagnostics.error(ConfigurationIssue(path: path, message: message, location: location))
        }

        if needsPipelines {
            // A connector can take the place of either, but data enters by a receiver and leaves by an exporter.
            if ids[.receiver]?.isEmpty ?? true { error("", "no receiver configuration specified in config") }
            if ids[.exporter]?.isEmpty ?? true, !referencesMissingExporter(ids) {
                error("", "no exporter configuration specified in config")
            }
        }
        for id in (ids[.connector] ?? []).sorted() {
            for kind in [ComponentKind.exporter, .receiver] where isWritten(id, kind) {
                error(
                    "connectors::\(id)",
                    "ambiguous ID: Found both \"\(id)\" \(kind.rawValue) and \"\(id)\" connector. "
                        + "Change one of the components' IDs to eliminate ambiguity "
                        + "(e.g. rename \"\(id)\" connector to \"\(id)/connector\")")
            }
        }
        for reference in configuration.service.extensions where !isWritten(reference.id, .extension) {
            error(
                "service::extensions", "references extension \"\(reference.id)\" which is not configured",
                reference.location)
        }
        if configuration.service.pipelines.isEmpty, needsPipelines, diagnostics.errors.isEmpty {
            error("service::pipelines", "service must have at least one pipeline")
        }
        for (id, pipeline) in configuration.service.pipelines.sorted(by: { $0.key < $1.key }) {
            checkPipeline(id, pipeline, isWritten: isWritten, error: error)
        }
    }

    /// A configuration without the section `exporters`, as documentation shows them, gets the more telling error that
    /// names the exporter.
    private func referencesMissingExporter(_ ids: [ComponentKind: Set<ComponentID>]) -> Bool {
        configuration.service.pipelines.values.contains { pipeline in
            pipeline.exporters.contains { !(ids[.connector]?.contains($0.id) ?? false) }
        }
    }

    private func checkPipeline(
        _ id: PipelineID, _ pipeline: PipelineConfiguration, isWritten: (ComponentID, ComponentKind) -> Bool,
        error: (String, String, SourceLocation?) -> Void
    ) {
        let path = "service::pipelines::\(id)"
        if id.signal == .profiles, !gates.isEnabled(FeatureGates.profilesSupport) {
            error(
                "service::pipelines",
                "pipeline \"\(id)\": profiling signal support is at alpha level, gated under the "
                    + "\"\(FeatureGates.profilesSupport)\" feature gate; "
                    + "add --feature-gates=\(FeatureGates.profilesSupport)", pipeline.location)
        }
        if pipeline.receivers.isEmpty { error(path, "must have at least one receiver", pipeline.location) }
        if pipeline.exporters.isEmpty { error(path, "must have at least one exporter", pipeline.location) }
        func checkReferences(_ references: [ComponentReference], _ kind: ComponentKind, orConnector: Bool) {
            for reference in references {
                if isWritten(reference.id, kind) || orConnector && isWritten(reference.id, .connector) { continue }
                error(
                    path, "references \(kind.rawValue) \"\(reference.id)\" which is not configured",
                    reference.location)
            }
        }
        checkReferences(pipeline.receivers, .receiver, orConnector: true)
        checkReferences(pipeline.processors, .processor, orConnector: false)
        checkReferences(pipeline.exporters, .exporter, orConnector: true)
        var seen: Set<ComponentID> = []
        for reference in pipeline.processors where !seen.insert(reference.id).inserted {
            error(path, "references processor \"\(reference.id)\" multiple times", reference.location)
        }
    }
}
