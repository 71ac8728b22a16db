import Logging

/// What stays the same when the configuration is read again.
struct CollectorProcess: Sendable {
    let logger: Logger
    let log: LogTarget
    let metrics: MetricsRegistry
    let tracker: StatusTracker
}

/// One running configuration: own telemetry, extensions and pipelines.
final class CollectorService: Sendable {
    let configuration: CollectorConfiguration
    private let process: CollectorProcess
    private let logDestination: LogTarget.Destination
    private let announcements: [@Sendable (Logger) -> Void]
    private let build: BuildInformation
    private let gates: FeatureGates
    private let resource: [String: String]
    private let graph: PipelineGraph
    /// In the order of their start.
    private let extensions: [(id: ComponentID, value: any Extension)]
    private let makeMetricsEndpoint: MetricsEndpointMaker?
    private let makeTelemetryExporter: TelemetryExporterMaker?
    private let endpoints = EndpointList()
    private let logPushes: [LogPush]

    private var logger: Logger { process.logger }
    private var metrics: MetricsRegistry { process.metrics }
    private var tracker: StatusTracker { process.tracker }

    /// Makes everything and starts nothing.
    /// - Parameter running: Receivers of the service before this one, for this one to take over.
    init(
        _ loaded: LoadedConfiguration, settings: CollectorSettings, process: CollectorProcess,
        resource: [String: String], takingOver running: [GraphNode: RetainedReceiver] = [:]
    ) async throws {
        let configuration = loaded.configuration
        self.configuration = configuration
        self.process = process
        self.resource = resource
        let logs = configuration.service.telemetry.logs
        var destination = try LogTarget.Destination(logs, resource: resource)
        logPushes = logs.processors.map { LogPush($0, resource: resource, version: settings.build.version) }
        destination.pushes = logPushes
        logDestination = destination
        makeTelemetryExporter = settings.makeTelemetryExporter
        process.metrics.set(isDetailed: configuration.service.telemetry.metrics.level == .detailed)
        announcements = Self.announcements(loaded)
        build = settings.build
        gates = settings.gates
        makeMetricsEndpoint = settings.makeMetricsEndpoint
        graph = try await PipelineGraph(
            configuration,
            environment: .init(logger: process.logger, build: settings.build, metrics: process.metrics),
            takingOver: running)
        var extensions: [(id: ComponentID, value: any Extension)] = []
        for reference in configuration.service.extensions {
            guard let configured = configuration.extensions[reference.id],
                !extensions.contains(where: { $0.id == reference.id })
            else { continue }
            let context = ComponentContext(
                kind: .extension, id: reference.id, logger: process.logger.forComponent(.extension, reference.id),
                build: settings.build, metrics: process.metrics)
            do {
                extensions.append((reference.id, try await configured.make(context)))
            } catch {
                throw CollectorError("failed to create extension \"\(reference.id)\": \(error)")
            }
        }
        self.extensions = extensions
    }

    /// What the log says about how the configuration was read.
    private static func announcements(_ loaded: LoadedConfiguration) -> [@Sendable (Logger) -> Void] {
        var announcements: [@Sendable (Logger) -> Void] = []
        for notice in loaded.resolved.notices {
            announcements.append { logger in
                logger.log(
                    level: notice.isWarning ? .warning : .info, "\(notice.message)",
                    metadata: ["name": "\(notice.name)"])
            }
        }
        for warning in loaded.warnings { announcements.append { $0.warning("\(warning)") } }
        return announcements
    }

    /// Receivers that this service runs on from an earlier one.
    var takenOver: Set<GraphNode> { graph.takenOver }

    /// Receivers that a later service may take over.
    var retainable: [GraphNode: RetainedReceiver] { graph.retainable(tracker) }

    /// Extensions first, then pipelines. If something fails, everything started before is shut down again.
    func start() async throws {
        process.log.set(logDestination)
        for announce in announcements { announce(logger) }
        tracker.forgetStopped()
        ProcessMetrics.register(in: metrics)
        logger.info(
            "Starting \(build.command)...",
            metadata: ["Version": "\(build.version)", "NumCPU": .stringConvertible(ProcessorCount.online)])
        await startMetricsEndpoints()
        await startPushes()
        var started: [(id: ComponentID, value: any Extension)] = []
        do {
            let running = Dictionary(extensions.map { ($0.id, $0.value) }, uniquingKeysWith: { first, _ in first })
            tracker.setWatchers(extensions.map(\.value))
            for (id, value) in extensions {
                try await start(id, value, running)
                started.append((id, value))
            }
            try await graph.start(tracker: tracker, extensions: running)
            do {
                for (_, value) in extensions { try await value.pipelinesAreReady() }
            } catch {
                throw JoinedError.joining([error] + (await graph.shutdown(tracker: tracker, keeping: takenOver)))
                    ?? error
            }
        } catch {
            let errors = await shutDown(started)
            await endpoints.shutdown()
            throw JoinedError.joining([error] + errors) ?? error
        }
        logger.info("Everything is ready. Begin running and processing data.")
    }

    private func start(
        _ id: ComponentID, _ value: any Extension, _ running: [ComponentID: any Extension]
    ) async throws {
        let instance = ComponentInstanceID(kind: .extension, id: id)
        let host = InstanceHost(
            instance: instance, tracker: tracker, extensions: running, describeCollector: makeDescription())
        host.report(.starting)
        do {
            try await value.start(host: host)
        } catch {
            host.report(.permanentError(error))
            throw CollectorError("cannot start extensions: failed to start \"\(id)\" extension: \(error)")
        }
        if case .starting = tracker.status(of: instance) { host.report(.ok) }
    }

    /// Gives what runs, at any later time; does not keep the service alive.
    private func makeDescription() -> @Sendable () -> CollectorState {
        let (build, gates, tracker, resource) = (build, gates, tracker, resource)
        let configured = configuration.service
        return {
            CollectorState(
                build: build, resource: resource, startTime: ProcessMetrics.startTime,
                pipelines: configured.pipelines.sorted { $0.key < $1.key }.map { id, pipeline in
                    CollectorState.Pipeline(
                        id: id, receivers: pipeline.receivers.map(\.id), processors: pipeline.processors.map(\.id),
                        exporters: pipeline.exporters.map(\.id))
                },
                extensions: configured.extensions.map(\.id), statuses: tracker.statuses,
                gates: gates.gates.map { ($0, gates.isEnabled($0.id)) })
        }
    }

    /// Pipelines first, then extensions in reverse order. Failures are joined, none stops the shutdown.
    /// - Parameter kept: Receivers that go on, held, for another service.
    func shutdown(keeping kept: Set<GraphNode> = []) async throws {
        logger.info("Starting shutdown...")
        var errors: [any Error] = []
        for (_, value) in extensions.reversed() {
            do { try await value.pipelinesAreNotReady() } catch { errors.append(error) }
        }
        errors += await graph.shutdown(tracker: tracker, keeping: kept)
        errors += await shutDown(extensions)
        logger.info("Shutdown complete.")
        await endpoints.shutdown()
        if let error = JoinedError.joining(errors) { throw error }
    }

    private func shutDown(_ extensions: [(id: ComponentID, value: any Extension)]) async -> [any Error] {
        var errors: [any Error] = []
        for (id, value) in extensions.reversed() {
            let instance = ComponentInstanceID(kind: .extension, id: id)
            tracker.report(.stopping, for: instance)
            do {
                try await value.shutdown()
                tracker.report(.stopped, for: instance)
            } catch {
                tracker.report(.permanentError(error), for: instance)
                errors.append(CollectorError("failed to shut down \"\(id)\" extension: \(error)"))
            }
        }
        return errors
    }

    // MARK: - Own metrics

    private func startMetricsEndpoints() async {
        let telemetry = configuration.service.telemetry.metrics
        guard telemetry.level != .none, let makeMetricsEndpoint else { return }
        for reader in telemetry.readers {
            let (metrics, resource) = (metrics, resource)
            do {
                await endpoints.add(
                    try await makeMetricsEndpoint(reader, logger) {
                        metrics.prometheusText(resource: resource, omitsTypeSuffix: reader.omitsTypeSuffix)
                            + MetricsRegistry.endpointText
                    })
            } catch {
                // Profiles matter more than the Collector's own metrics.
                logger.warning(
                    "Cannot serve own metrics; going on without",
                    metadata: ["address": "\(reader.host):\(reader.port)", "error": "\(error)"])
            }
        }
    }
}

extension CollectorService {
    /// What sends own metrics and log records. What cannot be made is logged: profiles matter more.
    private func startPushes() async {
        // Neither counted among the metrics that it sends, nor in the log that it sends.
        let quiet = Logger(label: build.command) { [log = process.log] _ in
            CollectorLogHandler(log, isForwarded: false)
        }
        func makeExporter(_ destination: TelemetryDestination, _ signal: Signal) async throws -> any Exporter {
            guard let makeTelemetryExporter else { throw CollectorError("this program has no exporter for it") }
            let context = ComponentContext(
                kind: .exporter, id: ComponentID(type: "otlp", name: "own"), logger: quiet, build: build,
                metrics: MetricsRegistry())
            let exporter = try await makeTelemetryExporter(destination, signal, context)
            try await exporter.start(
                host: InstanceHost(
                    instance: ComponentInstanceID(kind: .exporter, id: context.id), tracker: tracker, extensions: [:]))
            return exporter
        }
        let settings = configuration.service.telemetry
        for reader in settings.metrics.periodicReaders where settings.metrics.level != .none {
            do {
                let exporter = try await reader.destination.asyncMap { try await makeExporter($0, .metrics) }
                let push = MetricsPush(
                    exporter: exporter, reader: reader, metrics: metrics, resource: resource, version: build.version,
                    logger: quiet)
                await endpoints.add(PushTask(exporter: exporter, task: Task { await push.run() }))
            } catch {
                logger.error("Cannot send own metrics; going on without", metadata: ["error": "\(error)"])
            }
        }
        for (push, processor) in zip(logPushes, settings.logs.processors) {
            do {
                let exporter = try await makeExporter(processor.destination, .logs)
                await endpoints.add(PushTask(exporter: exporter, task: Task { await push.run(exporter, quiet) }))
            } catch {
                logger.error("Cannot send own log records; going on without", metadata: ["error": "\(error)"])
            }
        }
    }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}

/// Sends until it is shut down, and once more then.
private struct PushTask: MetricsEndpoint {
    let exporter: (any Exporter)?
    let task: Task<Void, Never>

    func shutdown() async {
        task.cancel()
        await task.value
        // Nobody is left to be told.
        try? await exporter?.shutdown()
    }
}

/// Something that serves the Collector's own metrics.
public protocol MetricsEndpoint: Sendable {
    func shutdown() async
}

/// Starts an endpoint that serves the text that the last argument gives.
public typealias MetricsEndpointMaker =
    @Sendable (
        _ reader: TelemetryConfiguration.PrometheusReader, _ logger: Logger, _ text: @escaping @Sendable () -> String
    ) async throws -> any MetricsEndpoint

private actor EndpointList {
    private var endpoints: [any MetricsEndpoint] = []

    func add(_ endpoint: any MetricsEndpoint) { endpoints.append(endpoint) }

    func shutdown() async {
        let stopping = endpoints
        endpoints = []
        for endpoint in stopping { await endpoint.shutdown() }
    }
}
