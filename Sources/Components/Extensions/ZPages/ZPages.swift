import Collector

/// The pages themselves, from what is known at one moment.
struct ZPages {
    let state: CollectorState
    let metrics: MetricsRegistry
    let showsVariables: Bool

    private var links: [(title: String, path: String)] {
        [
            ("Service", "/debug/servicez"), ("Pipelines", "/debug/pipelinez"), ("Extensions", "/debug/extensionz"),
            ("Feature gates", "/debug/featurez"), ("Traces", "/debug/tracez"),
        ] + (showsVariables ? [("Variables", "/debug/expvarz")] : [])
    }

    // MARK: - Service

    var service: String {
        let uptime = metrics.samples().first { $0.name == "otelcol_process_uptime" }?.value ?? 0
        var rows = [
            ["Command", state.build.command], ["Description", state.build.description],
            ["Version", state.build.version], ["Started", state.startTime.iso8601],
            ["Uptime", Duration.seconds(Int(uptime)).unitText],
        ]
        if let bytes = metrics.samples().first(where: { $0.name == "otelcol_process_memory_rss" })?.value {
            rows.append(["Resident memory", "\(Int(bytes) >> 20) MiB"])
        }
        rows += state.resource.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
        let body = HTML.table([], rows.map { ["<b>\(HTML.escaped($0[0]))</b>", HTML.escaped($0[1])] })
        return HTML.page("Service", links: links, body + "<h2>Not well</h2>\n" + troubles)
    }

    /// Components that are not in order, with the reason.
    private var troubles: String {
        let rows = state.statuses.filter { $0.value.error != nil }.sorted { $0.key.description < $1.key.description }
        guard !rows.isEmpty else { return "<p class=\"good\">All components are in order.</p>" }
        return HTML.table(
            ["Component", "Status", "Reason"],
            rows.map { instance, status in
                [HTML.escaped("\(instance)"), text(status), HTML.escaped(status.error.map { "\($0)" } ?? "")]
            })
    }

    private func text(_ status: ComponentStatus?) -> String {
        guard let status else { return "<span class=\"dim\">unknown</span>" }
        let name = HTML.escaped(String(status.name.dropFirst("Status".count)))
        switch status {
        case .ok: return "<span class=\"good\">\(name)</span>"
        case .recoverableError, .permanentError, .fatalError: return "<span class=\"bad\">\(name)</span>"
        case .starting, .stopping, .stopped: return "<span class=\"dim\">\(name)</span>"
        }
    }

    // MARK: - Pipelines

    /// - Parameter component: An id whose numbers are shown below.
    func pipelines(component: String?) -> String {
        func list(_ ids: [ComponentID], _ kind: ComponentKind, _ scope: String) -> String {
            if ids.isEmpty { return "<span class=\"dim\">none</span>" }
            return ids.map { id in
                let isConnector = state.statuses.keys.contains { $0.kind == .connector && $0.id == id }
                let kind = isConnector ? ComponentKind.connector : kind
                let status = state.statuses.first { instance, _ in
                    instance.kind == kind && instance.id == id && (isConnector || instance.scope == scope)
                }?.value
                let link =
                    "<a href=\"/debug/pipelinez?zcomponentname=\(HTML.queryEscaped("\(id)"))\">\(HTML.escaped("\(id)"))</a>"
                return link + (isConnector ? " <span class=\"dim\">connector</span>" : "") + " " + text(status)
            }.joined(separator: "<br>")
        }
        let rows = state.pipelines.map { pipeline in
            [
                "<b>\(HTML.escaped("\(pipeline.id)"))</b>", HTML.escaped(pipeline.id.signal.rawValue),
                list(pipeline.receivers, .receiver, pipeline.id.signal.rawValue),
                list(pipeline.processors, .processor, "\(pipeline.id)"),
                list(pipeline.exporters, .exporter, pipeline.id.signal.rawValue),
            ]
        }
        var body = HTML.table(["Pipeline", "Signal", "Receivers", "Processors", "Exporters"], rows)
        if let component { body += numbers(of: component) }
        return HTML.page("Pipelines", links: links, body)
    }

    /// The metrics that name the component.
    private func numbers(of component: String) -> String {
        let kinds = Set(ComponentKind.allCases.map(\.rawValue))
        let rows = metrics.samples().compactMap { sample -> [String]? in
            guard sample.kind != .histogram,
                sample.labels.contains(where: { kinds.contains($0.name) && $0.value == component })
            else { return nil }
            let others = sample.labels.filter { !kinds.contains($0.name) }.map { "\($0.name)=\($0.value)" }
            let number = Int64(exactly: sample.value).map { "\($0)" } ?? "\(sample.value)"
            return [
                "<code>\(HTML.escaped(sample.name))</code>", HTML.escaped(others.joined(separator: ", ")),
                HTML.escaped(number),
            ]
        }
        let title = "<h2>\(HTML.escaped(component))</h2>\n"
        return title
            + (rows.isEmpty ? "<p class=\"dim\">Nothing is counted yet.</p>" : HTML.table(["Metric", "", "Value"], rows))
    }

    // MARK: - The others

    var extensions: String {
        let rows = state.extensions.map { id in
            let status = state.statuses[ComponentInstanceID(kind: .extension, id: id)]
            return ["<b>\(HTML.escaped("\(id)"))</b>", text(status)]
        }
        let body = rows.isEmpty ? "<p class=\"dim\">None are configured.</p>" : HTML.table(["Extension", "Status"], rows)
        return HTML.page("Extensions", links: links, body)
    }

    var features: String {
        let rows = state.gates.map { gate, isEnabled in
            [
                "<code>\(HTML.escaped(gate.id))</code>",
                isEnabled ? "<span class=\"good\">yes</span>" : "<span class=\"dim\">no</span>",
                HTML.escaped(gate.stage.rawValue), HTML.escaped(gate.fromVersion), HTML.escaped(gate.toVersion ?? ""),
                HTML.escaped(gate.summary),
            ]
        }
        return HTML.page(
            "Feature gates", links: links,
            HTML.table(["Gate", "Enabled", "Stage", "From", "To", "Description"], rows))
    }

    var traces: String {
        HTML.page(
            "Traces", links: links,
            "<p>This Collector makes no spans of its own, so there are none to show. What pipelines do is on "
                + "<a href=\"/debug/pipelinez\">Pipelines</a>.</p>")
    }

    /// Own metrics by name and labels.
    var variables: String {
        let entries = metrics.samples().map { sample in
            let labels = sample.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            let value = sample.value.isFinite ? (Int64(exactly: sample.value).map { "\($0)" } ?? "\(sample.value)") : "null"
            return "\((labels.isEmpty ? sample.name : "\(sample.name){\(labels)}").quotedJSON): \(value)"
        }
        return "{\n\(entries.joined(separator: ",\n"))\n}\n"
    }
}
