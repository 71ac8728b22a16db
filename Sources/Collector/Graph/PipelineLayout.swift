/// Which places the pipelines have and how data flows between them: the graph before any component is made.
struct PipelineLayout: Sendable {
    /// In the order in which they were added, which is fixed by the configuration: two runs build the same graph.
    private(set) var nodes: [GraphNode] = []
    private(set) var successors: [GraphNode: [GraphNode]] = [:]
    /// Consumers after all that feed them.
    private(set) var topologicalOrder: [GraphNode] = []

    /// - Throws: `CollectorError` (several joined): a signal that a component does not support, a connector that joins
    ///   nothing, a cycle.
    init(_ configuration: CollectorConfiguration) throws {
        var errors: [any Error] = []
        let pipelines = configuration.service.pipelines.sorted { $0.key < $1.key }
        for (id, pipeline) in pipelines {
            errors += Self.unsupportedSignals(id, pipeline, configuration)
        }
        let connections = Self.connections(pipelines, configuration, &errors)
        if let error = JoinedError.joining(errors) { throw error }

        for (id, pipeline) in pipelines {
            let entry = GraphNode.entry(id)
            add(entry)
            for reference in pipeline.receivers where configuration.connectors[reference.id] == nil {
                connect(.receiver(id.signal, reference.id), entry)
            }
            var previous = entry
            for reference in pipeline.processors {
                let node = GraphNode.processor(id, reference.id)
                connect(previous, node)
                previous = node
            }
            let exit = GraphNode.exit(id)
            connect(previous, exit)
            for reference in pipeline.exporters where configuration.connectors[reference.id] == nil {
                connect(exit, .exporter(id.signal, reference.id))
            }
        }
        for connection in connections {
            let node = GraphNode.connector(
                SignalPair(from: connection.from.signal, to: connection.to.signal), connection.id)
            connect(.exit(connection.from), node)
            connect(node, .entry(connection.to))
        }
        topologicalOrder = try sorted()
    }

    private mutating func add(_ node: GraphNode) {
        if successors[node] == nil {
            nodes.append(node)
            successors[node] = []
        }
    }

    private mutating func connect(_ from: GraphNode, _ to: GraphNode) {
        add(from)
        add(to)
        if successors[from]?.contains(to) == false { successors[from]?.append(to) }
    }

    // MARK: - Checks

    private static func unsupportedSignals(
        _ id: PipelineID, _ pipeline: PipelineConfiguration, _ configuration: CollectorConfiguration
    ) -> [CollectorError] {
        var errors: [CollectorError] = []
        func add(_ reference: ComponentReference, _ text: String) {
            let place = reference.location.map { " (\($0))" } ?? ""
            errors.append(CollectorError("failed to create \(text): telemetry type is not supported\(place)"))
        }
        for reference in pipeline.receivers {
            if let receiver = configuration.receivers[reference.id], receiver.stability[id.signal] == nil {
                add(reference, "\"\(reference.id)\" receiver for data type \"\(id.signal)\"")
            }
        }
        for reference in pipeline.processors {
            if let processor = configuration.processors[reference.id], processor.stability[id.signal] == nil {
                add(reference, "\"\(reference.id)\" processor, in pipeline \"\(id)\"")
            } else if let mistake = configuration.processors[reference.id]?.mistake(id.signal) {
                let text = "failed to create \"\(reference.id)\" processor, in pipeline \"\(id)\": \(mistake)"
                errors.append(CollectorError(text))
            }
        }
        for reference in pipeline.exporters {
            if let exporter = configuration.exporters[reference.id], exporter.stability[id.signal] == nil {
                add(reference, "\"\(reference.id)\" exporter for data type \"\(id.signal)\"")
            }
        }
        return errors
    }

    private struct Connection {
        var id: ComponentID
        var from: PipelineID
        var to: PipelineID
    }

    /// All pairs of pipelines that a connector joins. Pairs of signals that it does not support are left out, as long
    /// as each of its uses has a partner.
    private static func connections(
        _ pipelines: [(key: PipelineID, value: PipelineConfiguration)], _ configuration: CollectorConfiguration,
        _ errors: inout [any Error]
    ) -> [Connection] {
        var result: [Connection] = []
        for (id, connector) in configuration.connectors.sorted(by: { $0.key < $1.key }) {
            func users(_ list: (PipelineConfiguration) -> [ComponentReference]) -> [PipelineID] {
                pipelines.filter { pipeline in list(pipeline.value).contains { $0.id == id } }.map(\.key)
            }
            let sources = users(\.exporters)
            let targets = users(\.receivers)
            func isSupported(_ from: PipelineID, _ to: PipelineID) -> Bool {
                connector.stability[SignalPair(from: from.signal, to: to.signal)] != nil
            }
            for source in sources {
                let partners = targets.filter { isSupported(source, $0) }
                result += partners.map { Connection(id: id, from: source, to: $0) }
                if partners.isEmpty {
                    errors.append(
                        CollectorError(
                            "connector \"\(id)\" used as exporter in [\(source)] pipeline "
                                + "but not used in any supported receiver pipeline"))
                }
            }
            for target in targets where !sources.contains(where: { isSupported($0, target) }) {
                errors.append(
                    CollectorError(
                        "connector \"\(id)\" used as receiver in [\(target)] pipeline "
                            + "but not used in any supported exporter pipeline"))
            }
        }
        return result
    }

    // MARK: - Order

    /// Every place before those that it feeds.
    private func sorted() throws -> [GraphNode] {
        var incoming: [GraphNode: Int] = [:]
        for node in nodes { for next in successors[node] ?? [] { incoming[next, default: 0] += 1 } }
        var ready = nodes.filter { incoming[$0, default: 0] == 0 }
        var order: [GraphNode] = []
        var index = 0
        while index < ready.count {
            let node = ready[index]
            index += 1
            order.append(node)
            for next in successors[node] ?? [] {
                incoming[next, default: 0] -= 1
                if incoming[next] == 0 { ready.append(next) }
            }
        }
        guard order.count == nodes.count else { throw cycleError(outside: Set(order)) }
        return order
    }

    /// The first cycle, told from a connector on: only connectors can close one.
    private func cycleError(outside sorted: Set<GraphNode>) -> CollectorError {
        for start in nodes {
            guard case .connector = start, !sorted.contains(start), let path = path(from: start, to: start) else {
                continue
            }
            let names = path.compactMap(\.cycleDescription)
            return CollectorError("cycle detected: \(names.joined(separator: " -> "))")
        }
        return CollectorError("cycle detected")
    }

    /// The shortest way along successors, both ends included.
    private func path(from start: GraphNode, to end: GraphNode) -> [GraphNode]? {
        var cameFrom: [GraphNode: GraphNode] = [:]
        var queue = [start]
        var index = 0
        while index < queue.count {
            let node = queue[index]
            index += 1
            for next in successors[node] ?? [] {
                if next == end {
                    var path = [end, node]
                    var current = node
                    while current != start, let previous = cameFrom[current] {
                        path.append(previous)
                        current = previous
                    }
                    return path.reversed()
                }
                if next != start, cameFrom[next] == nil {
                    cameFrom[next] = node
                    queue.append(next)
                }
            }
        }
        return nil
    }
}
