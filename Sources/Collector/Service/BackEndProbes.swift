import Logging

/// What asking one exporter's destination gave.
public struct BackEndProbe: Sendable {
    public var instance: ComponentInstanceID
    /// What was found, in a few words.
    public var outcome: Result<String, any Error>
}

extension CollectorConfiguration {
    /// Whether a pipeline has a receiver of that type.
    public func receives(_ type: String) -> Bool {
        service.pipelines.values.contains { pipeline in
            pipeline.receivers.contains { receivers[$0.id]?.type == type }
        }
    }
}

extension CollectorRun {
    /// Asks the destination of every exporter that a pipeline uses, by the exporters' own code; exporters that have no
    /// destination to ask are left out. Authenticators are started for them and stopped again, nothing else is.
    /// - Throws: What is wrong with the configuration, or an extension that cannot be made.
    public func probeBackEnds() async throws -> [BackEndProbe] {
        let configuration = try await validate().configuration
        // What components say to the log meanwhile is in the errors too.
        let logger = Logger(label: settings.build.command) { _ in SwiftLogNoOpLogHandler() }
        let (build, metrics) = (settings.build, MetricsRegistry())
        let tracker = StatusTracker { _, _ in }
        let authenticators = try await authenticators(configuration, logger)
        var running: [ComponentID: any Extension] = [:]
        for (id, authenticator) in authenticators {
            let instance = ComponentInstanceID(kind: .extension, id: id)
            do {
                try await authenticator.start(
                    host: InstanceHost(instance: instance, tracker: tracker, extensions: [:]))
                running[id] = authenticator
            } catch {
                throw CollectorError("failed to start \"\(id)\" extension: \(error)")
            }
        }
        var result: [BackEndProbe] = []
        for (signal, id) in Self.usedExporters(configuration) {
            guard let configured = configuration.exporters[id] else { continue }
            let instance = ComponentInstanceID(kind: .exporter, id: id, scope: signal.rawValue)
            let context = ComponentContext(kind: .exporter, id: id, logger: logger, build: build, metrics: metrics)
            do {
                guard let exporter = try await configured.make(signal, context) as? any BackEndProbing else { continue }
                let host = InstanceHost(instance: instance, tracker: tracker, extensions: running)
                if let found = try await exporter.probe(host: host) {
                    result.append(BackEndProbe(instance: instance, outcome: .success(found)))
                }
            } catch {
                result.append(BackEndProbe(instance: instance, outcome: .failure(error)))
            }
        }
        // They only end the life of a check.
        for authenticator in running.values { try? await authenticator.shutdown() }
        return result
    }

    private func authenticators(
        _ configuration: CollectorConfiguration, _ logger: Logger
    ) async throws -> [ComponentID: any ClientAuthenticator] {
        var result: [ComponentID: any ClientAuthenticator] = [:]
        for reference in configuration.service.extensions {
            guard let configured = configuration.extensions[reference.id] else { continue }
            let context = ComponentContext(
                kind: .extension, id: reference.id, logger: logger, build: settings.build, metrics: MetricsRegistry())
            if let authenticator = try await configured.make(context) as? any ClientAuthenticator {
                result[reference.id] = authenticator
            }
        }
        return result
    }

    private static func usedExporters(_ configuration: CollectorConfiguration) -> [(Signal, ComponentID)] {
        var seen: Set<ComponentInstanceID> = []
        var result: [(Signal, ComponentID)] = []
        for (pipeline, members) in configuration.service.pipelines.sorted(by: { $0.key < $1.key }) {
            for reference in members.exporters where configuration.exporters[reference.id] != nil {
                let instance = ComponentInstanceID(kind: .exporter, id: reference.id, scope: pipeline.signal.rawValue)
                if seen.insert(instance).inserted { result.append((pipeline.signal, reference.id)) }
            }
        }
        return result
    }
}
