import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a program brings to be a Collector.
public struct CollectorSettings: Sendable {
    public var build: BuildInformation
    public var factories: ComponentFactories
    public var gates: FeatureGates
    public var sources: ConfigurationSources
    public var providers: [any ConfigurationProvider]
    /// Serves the Collector's own metrics; nil for a program without a server.
    public var makeMetricsEndpoint: MetricsEndpointMaker?
    /// Sends the Collector's own telemetry; nil for a program that sends none.
    public var makeTelemetryExporter: TelemetryExporterMaker?

    public init(
        build: BuildInformation, factories: ComponentFactories, gates: FeatureGates = FeatureGates(),
        sources: ConfigurationSources, providers: [any ConfigurationProvider] = ConfigurationResolver.defaultProviders,
        makeMetricsEndpoint: MetricsEndpointMaker? = nil, makeTelemetryExporter: TelemetryExporterMaker? = nil
    ) {
        self.build = build
        self.factories = factories
        self.gates = gates
        self.sources = sources
        self.providers = providers
        self.makeMetricsEndpoint = makeMetricsEndpoint
        self.makeTelemetryExporter = makeTelemetryExporter
    }
}

/// A configuration that has been fetched, decoded and checked.
public struct LoadedConfiguration: Sendable {
    public var configuration: CollectorConfiguration
    public var resolved: ResolvedConfiguration
    public var warnings: [ConfigurationIssue]
}

/// Runs a Collector from its configuration to its end.
public struct CollectorRun: Sendable {
    /// What makes a running Collector change its course.
    enum Event: Sendable {
        case stop(reason: String)
        case reload
        case fatalError(ComponentInstanceID, String)
    }

    let settings: CollectorSettings

    public init(_ settings: CollectorSettings) {
        self.settings = settings
    }

    /// Fetches, merges and expands the configuration.
    func resolve() async throws -> ResolvedConfiguration {
        let resolver = ConfigurationResolver(
            providers: settings.providers, appendsLists: settings.gates.isEnabled(FeatureGates.mergeAppend))
        do {
            return try await resolver.resolve(settings.sources)
        } catch {
            throw CollectorError("failed to get config: cannot resolve the configuration: \(error)")
        }
    }

    var decoder: ConfigurationDecoder { ConfigurationDecoder(factories: settings.factories, gates: settings.gates) }

    /// Fetches and checks the configuration.
    public func load() async throws -> LoadedConfiguration {
        let resolved = try await resolve()
        let (configuration, warnings) = try decoder.decode(resolved.root)
        return LoadedConfiguration(configuration: configuration, resolved: resolved, warnings: warnings)
    }

    /// Checks the configuration as far as possible without starting anything; the pipelines are laid out.
    /// - Returns: Warnings.
    @discardableResult
    public func validate() async throws -> LoadedConfiguration {
        let loaded = try await load()
        _ = try PipelineLayout(loaded.configuration)
        return loaded
    }

    /// Runs until a signal (SIGINT, SIGTERM) or a fatal error ends it. SIGHUP reads the configuration again; a second
    /// SIGINT or SIGTERM exits at once.
    /// - Throws: What kept the Collector from starting, a component's fatal error, or failures of the shutdown.
    public func runUntilSignal() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        SignalListener.ignoreBrokenPipes()
        let stopRequests = Counter()
        try SignalListener.listen(for: [SIGINT, SIGTERM, SIGHUP]) { signal in
            if signal == SIGHUP {
                continuation.yield(.reload)
                return
            }
            stopRequests.add()
            // Somebody insists: no more waiting for pipelines to drain.
            if stopRequests.value > 1 { _exit(1) }
            continuation.yield(.stop(reason: signal == SIGINT ? "interrupt" : "terminated"))
        }
        try await run(events: events, continuation: continuation)
    }

    /// - Parameter events: What to react to; fatal errors of components are put in by `continuation`.
    func run(events: AsyncStream<Event>, continuation: AsyncStream<Event>.Continuation) async throws {
        let process = Self.makeProcess(settings.build) { continuation.yield(.fatalError($0, "\($1)")) }
        let logger = process.logger
        var current = try await firstService(process)
        try await current.service.start()
        var failure: (any Error)?
        loop: for await event in events {
            switch event {
            case .stop(let reason):
                logger.info("Received signal from OS", metadata: ["signal": "\(reason)"])
                break loop
            case .fatalError(let instance, let message):
                failure = CollectorError("\(instance): \(message)")
                logger.error(
                    "Asynchronous error received, terminating process",
                    metadata: ["error": "\(message)", "component": "\(instance)"])
                break loop
            case .reload: current = try await reload(current, process)
            }
        }
        do {
            try await current.service.shutdown()
        } catch {
            throw JoinedError.joining([failure, error].compactMap { $0 }) ?? error
        }
        if let failure { throw failure }
    }

    // MARK: - Reloading

    private struct Current {
        var loaded: LoadedConfiguration
        var service: CollectorService
    }

    /// Exchanges the service for one of the configuration as it is now. If that is unsound, the old service goes on; if
    /// it is sound but does not start, one of the old configuration is started again.
    /// - Throws: If neither starts; everything has been shut down then.
    private func reload(_ old: Current, _ process: CollectorProcess) async throws -> Current {
        let logger = process.logger
        logger.info("Config updated, restart service")
        let next: Current
        do {
            let loaded = try await load()
            next = Current(
                loaded: loaded,
                service: try await makeService(loaded, process, takingOver: old.service.retainable))
        } catch {
            logger.error(
                "Cannot reload the configuration; going on with the old one", metadata: ["error": "\(error)"])
            return old
        }
        let kept = next.service.takenOver
        // What the next service does not take over, one of the old configuration could not take back.
        let receivers = old.service.retainable.filter { kept.contains($0.key) }
        do {
            try await old.service.shutdown(keeping: kept)
        } catch {
            logger.error("Failed to shut down the old configuration", metadata: ["error": "\(error)"])
        }
        do {
            try await next.service.start()
            return next
        } catch {
            logger.error(
                "The new configuration does not start; going back to the old one", metadata: ["error": "\(error)"])
            return try await goBack(to: old.loaded, receivers, because: error, process)
        }
    }

    private func goBack(
        to loaded: LoadedConfiguration, _ receivers: [GraphNode: RetainedReceiver], because cause: any Error,
        _ process: CollectorProcess
    ) async throws -> Current {
        do {
            let service = try await makeService(loaded, process, takingOver: receivers)
            try await service.start()
            return Current(loaded: loaded, service: service)
        } catch {
            var errors = [cause, error]
            for receiver in receivers.values {
                receiver.outlet.close()
                do { try await receiver.component.shutdown() } catch { errors.append(error) }
            }
            throw JoinedError.joining(errors) ?? error
        }
    }

    // MARK: - Making services

    private func firstService(_ process: CollectorProcess) async throws -> Current {
        let loaded: LoadedConfiguration
        do {
            loaded = try await load()
        } catch let error as InvalidConfiguration {
            throw CollectorError("invalid configuration: \(error)")
        }
        return Current(loaded: loaded, service: try await makeService(loaded, process))
    }

    /// Makes components and pipelines; starts nothing.
    private func makeService(
        _ loaded: LoadedConfiguration, _ process: CollectorProcess,
        takingOver running: [GraphNode: RetainedReceiver] = [:]
    ) async throws -> CollectorService {
        let resource = Self.resource(loaded.configuration.service.telemetry.resource, build: settings.build)
        return try await CollectorService(
            loaded, settings: settings, process: process, resource: resource, takingOver: running)
    }

    private static func makeProcess(
        _ build: BuildInformation, onFatalError: @escaping @Sendable (ComponentInstanceID, any Error) -> Void
    ) -> CollectorProcess {
        let log = LogTarget()
        return CollectorProcess(
            logger: Logger(label: build.command) { _ in CollectorLogHandler(log) }, log: log,
            metrics: MetricsRegistry(), tracker: StatusTracker(onFatalError: onFatalError))
    }

    /// `service.name`, `service.version` and `service.instance.id`, changed by what the configuration says.
    private static func resource(_ configured: [String: String?], build: BuildInformation) -> [String: String] {
        var result = [
            "service.name": build.command, "service.version": build.version, "service.instance.id": instanceID,
        ]
        for (key, value) in configured { result[key] = value }
        return result
    }

    /// A random UUID (version 4), the same for the life of the process.
    private static let instanceID: String = {
        var generator = SystemRandomNumberGenerator()
        let high: UInt64 = (generator.next() & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000
        let low: UInt64 = (generator.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        func hexadecimal(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let digits = Array(hexadecimal(high) + hexadecimal(low))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }()
}

enum ProcessorCount {
    static var online: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
