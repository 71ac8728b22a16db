/// A place in the graph of pipelines.
///
/// One receiver or exporter per signal and id, one processor per pipeline and id, one connector per pair of signals and
/// id. A pipeline's entry and exit are places too: what several receivers feed, and what feeds several exporters.
enum GraphNode: Hashable, Sendable {
    case receiver(Signal, ComponentID)
    case entry(PipelineID)
    case processor(PipelineID, ComponentID)
    case exit(PipelineID)
    case exporter(Signal, ComponentID)
    case connector(SignalPair, ComponentID)

    /// Nil for entries and exits, which hold no component.
    var instance: ComponentInstanceID? {
        switch self {
        case .receiver(let signal, let id): ComponentInstanceID(kind: .receiver, id: id, scope: signal.rawValue)
        case .processor(let pipeline, let id):
            ComponentInstanceID(kind: .processor, id: id, scope: pipeline.description)
        case .exporter(let signal, let id): ComponentInstanceID(kind: .exporter, id: id, scope: signal.rawValue)
        case .connector(let signals, let id):
            ComponentInstanceID(kind: .connector, id: id, scope: "\(signals.from)_to_\(signals.to)")
        case .entry, .exit: nil
        }
    }

    /// As a message about a cycle names the place; nil for entries and exits.
    var cycleDescription: String? {
        switch self {
        case .connector(let signals, let id): "connector \"\(id)\" (\(signals.from) to \(signals.to))"
        case .processor(let pipeline, let id): "processor \"\(id)\" in pipeline \"\(pipeline)\""
        case .receiver(let signal, let id): "receiver \"\(id)\" (\(signal))"
        case .exporter(let signal, let id): "exporter \"\(id)\" (\(signal))"
        case .entry, .exit: nil
        }
    }

    var isReceiver: Bool {
        if case .receiver = self { true } else { false }
    }
}
