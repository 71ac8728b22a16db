import Logging

/// All pipelines with their components: made once, started once, shut down once.
final class PipelineGraph: Sendable {
    private struct Member: Sendable {
        var node: GraphNode
        var instance: ComponentInstanceID
        var component: any Component
        /// Of a receiver that can outlive this graph.
        var outlet: ReceiverOutlet?
        /// What such a receiver feeds in this graph.
        var next: (any Consumer)?
        var fingerprint = ""
        /// It runs already: an earlier graph started it.
        var isTakenOver = false
    }

    /// Producers before consumers.
    private let members: [Member]

    /// What making a component takes.
    struct Environment: Sendable {
        var logger: Logger
        var build: BuildInformation
        var metrics: MetricsRegistry
    }

    /// Makes every component that a pipeline uses, consumers first. Nothing is started.
    /// - Parameter running: Receivers of an earlier graph that this one takes over if they are configured alike.
    /// - Throws: What `PipelineLayout` or a factory throws, with the component's name.
    init(
        _ configuration: CollectorConfiguration, environment: Environment,
        takingOver running: [GraphNode: RetainedReceiver] = [:]
    ) async throws {
        let layout = try PipelineLayout(configuration)
        var builder = Builder(configuration: configuration, environment: environment)
        var members: [Member] = []
        for node in layout.topologicalOrder.reversed() {
            let next = (layout.successors[node] ?? []).compactMap { builder.consumers[$0] }
            guard let instance = node.instance else {
                _ = try await builder.make(node, next: next)
                continue
            }
            guard case .receiver(_, let id) = node else {
                if let component = try await builder.make(node, next: next) {
                    members.append(Member(node: node, instance: instance, component: component))
                }
                continue
            }
            let fingerprint = configuration.receivers[id].map { "\($0.type)\n\($0.fingerprint)" } ?? ""
            let joined = FanOut.joining(next)
            if let receiver = running[node], receiver.fingerprint == fingerprint {
                members.append(
                    Member(
                        node: node, instance: instance, component: receiver.component, outlet: receiver.outlet,
                        next: joined, fingerprint: fingerprint, isTakenOver: true))
                continue
            }
            let outlet = ReceiverOutlet(joined)
            guard let component = try await builder.make(node, next: next, outlet: outlet) else { continue }
            let isRetainable = component is any RetainableReceiver
            members.append(
                Member(
                    node: node, instance: instance, component: component, outlet: isRetainable ? outlet : nil,
                    next: joined, fingerprint: fingerprint))
        }
        self.members = members.reversed()
    }

    var instances: [ComponentInstanceID] { members.map(\.instance) }

    /// The receivers that run on from an earlier graph.
    var takenOver: Set<GraphNode> { Set(members.filter(\.isTakenOver).map(\.node)) }

    /// The receivers that a later graph may take over.
    func retainable(_ tracker: StatusTracker) -> [GraphNode: RetainedReceiver] {
        var result: [GraphNode: RetainedReceiver] = [:]
        for member in members {
            guard let component = member.component as? any RetainableReceiver, let outlet = member.outlet else {
                continue
            }
            switch tracker.status(of: member.instance) {
            case .ok, .recoverableError:
                result[member.node] = RetainedReceiver(
                    component: component, outlet: outlet, fingerprint: member.fingerprint)
            // What has failed gets a new chance.
            case nil, .starting, .permanentError, .fatalError, .stopping, .stopped: break
            }
        }
        return result
    }

    /// Starts consumers before those that feed them, all receivers last. If one fails, those started before are shut
    /// down again, in the order of a normal shutdown; receivers that were taken over are held and go on.
    func start(tracker: StatusTracker, extensions: [ComponentID: any Extension]) async throws {
        let backward = members.reversed()
        let order = backward.filter { !$0.node.isReceiver } + backward.filter(\.node.isReceiver)
        var started: [Member] = []
        for member in order {
            if member.isTakenOver {
                if let next = member.next { member.outlet?.open(next) }
                started.append(member)
                continue
            }
            let host = InstanceHost(instance: member.instance, tracker: tracker, extensions: extensions)
            host.report(.starting)
            do {
                try await member.component.start(host: host)
                started.append(member)
                if case .starting = tracker.status(of: member.instance) { host.report(.ok) }
            } catch {
                host.report(.permanentError(error))
                var errors: [any Error] = [
                    CollectorError(
                        "cannot start pipelines: failed to start \"\(member.instance.id)\" "
                            + "\(member.instance.kind.rawValue): \(error)")
                ]
                errors += await Self.shutDown(started.reversed(), tracker: tracker, keeping: takenOver)
                throw JoinedError.joining(errors) ?? error
            }
        }
    }

    /// Shuts everything down, receivers first, so that what is held back can flow out. Failures do not stop it.
    /// - Parameter kept: Receivers that another graph takes over: they are held instead.
    func shutdown(tracker: StatusTracker, keeping kept: Set<GraphNode> = []) async -> [any Error] {
        await Self.shutDown(
            members.filter(\.node.isReceiver) + members.filter { !$0.node.isReceiver }, tracker: tracker, keeping: kept)
    }

    private static func shutDown(
        _ members: [Member], tracker: StatusTracker, keeping kept: Set<GraphNode>
    ) async -> [any Error] {
        var errors: [any Error] = []
        for member in members {
            if kept.contains(member.node), let outlet = member.outlet {
                await outlet.hold()
                continue
            }
            tracker.report(.stopping, for: member.instance)
            do {
                try await member.component.shutdown()
                tracker.report(.stopped, for: member.instance)
            } catch {
                tracker.report(.permanentError(error), for: member.instance)
                errors.append(
                    CollectorError(
                        "failed to shut down \"\(member.instance.id)\" \(member.instance.kind.rawValue): \(error)"))
            }
        }
        return errors
    }
}

/// Makes components one by one.
private struct Builder {
    let configuration: CollectorConfiguration
    let environment: PipelineGraph.Environment
    /// How data gets into each place made so far.
    var consumers: [GraphNode: any Consumer] = [:]
    private var shared: [SharedKey: SharedInstances] = [:]

    private struct SharedKey: Hashable {
        var kind: ComponentKind
        var id: ComponentID
    }

    init(configuration: CollectorConfiguration, environment: PipelineGraph.Environment) {
        self.configuration = configuration
        self.environment = environment
    }

    /// - Parameters:
    ///   - next: What the place feeds.
    ///   - outlet: What a receiver is given in place of that.
    /// - Returns: Nil for entries and exits.
    mutating func make(
        _ node: GraphNode, next: [any Consumer], outlet: ReceiverOutlet? = nil
    ) async throws -> (any Component)? {
        switch node {
        case .entry, .exit:
            consumers[node] = FanOut.joining(next)
            return nil
        case .receiver(let signal, let id):
            guard let configured = configuration.receivers[id] else { throw missing(node) }
            let context = context(.receiver, id, ["otelcol.signal": "\(signal)"])
            announce(context, configured.stability[signal])
            return try await naming("\"\(id)\" receiver for data type \"\(signal)\"") {
                try await configured.make(signal, context, outlet ?? FanOut.joining(next))
            }
        case .processor(let pipeline, let id):
            guard let configured = configuration.processors[id] else { throw missing(node) }
            let fields = ["otelcol.signal": "\(pipeline.signal)", "otelcol.pipeline.id": "\(pipeline)"]
            let context = context(.processor, id, fields)
            announce(context, configured.stability[pipeline.signal])
            func counted(_ direction: String, _ next: any Consumer) -> any Consumer {
                let counter = environment.metrics.counter(
                    "otelcol_processor_\(direction)_items", help: "Number of items, \(direction).",
                    labels: ["processor": "\(id)", "otel.signal": pipeline.signal.rawValue])
                return CountedConsumer(counter: counter, next: next)
            }
            let processor = try await naming("\"\(id)\" processor, in pipeline \"\(pipeline)\"") {
                try await configured.make(pipeline.signal, context, counted("outgoing", FanOut.joining(next)))
            }
            consumers[node] = counted("incoming", processor)
            return processor
        case .exporter(let signal, let id):
            guard let configured = configuration.exporters[id] else { throw missing(node) }
            let context = context(.exporter, id, ["otelcol.signal": "\(signal)"])
            announce(context, configured.stability[signal])
            let exporter = try await naming("\"\(id)\" exporter for data type \"\(signal)\"") {
                try await configured.make(signal, context)
            }
            consumers[node] = exporter
            return exporter
        case .connector(let signals, let id):
            guard let configured = configuration.connectors[id] else { throw missing(node) }
            let fields = ["otelcol.signal": "\(signals.from)", "otelcol.signal.output": "\(signals.to)"]
            let context = context(.connector, id, fields)
            announce(context, configured.stability[signals])
            let connector = try await naming("\"\(id)\" connector from \(signals.from) to \(signals.to)") {
                try await configured.make(signals, context, FanOut.joining(next))
            }
            consumers[node] = connector
            return connector
        }
    }

    private mutating func context(
        _ kind: ComponentKind, _ id: ComponentID, _ fields: [String: String]
    ) -> ComponentContext {
        let key = SharedKey(kind: kind, id: id)
        let instances = shared[key] ?? SharedInstances()
        shared[key] = instances
        return ComponentContext(
            kind: kind, id: id, logger: environment.logger.forComponent(kind, id, fields), build: environment.build,
            metrics: environment.metrics, shared: instances)
    }

    private func announce(_ context: ComponentContext, _ stability: Stability?) {
        guard let stability else { return }
        let level: Logger.Level = stability.isBelowAlpha ? .info : .debug
        context.logger.log(
            level: level,
            "\(stability.rawValue) component.\(stability.isBelowAlpha ? " May change in the future." : "")")
    }

    private func naming<Made>(_ what: String, _ make: () async throws -> Made) async throws -> Made {
        do {
            return try await make()
        } catch {
            throw CollectorError("failed to create \(what): \(error)")
        }
    }

    /// Only for graphs built from configurations that were never validated.
    private func missing(_ node: GraphNode) -> CollectorError {
        CollectorError("\(node.instance.map(String.init(describing:)) ?? "component") is not configured")
    }
}

extension Logger {
    /// A logger whose records name the component.
    func forComponent(_ kind: ComponentKind, _ id: ComponentID, _ fields: [String: String] = [:]) -> Logger {
        var logger = self
        logger[metadataKey: "otelcol.component.id"] = "\(id)"
        logger[metadataKey: "otelcol.component.kind"] = "\(kind.rawValue)"
        for (key, value) in fields { logger[metadataKey: key] = "\(value)" }
        return logger
    }
}
