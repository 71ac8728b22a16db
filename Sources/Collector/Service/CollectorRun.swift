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

    public init(
        build: BuildInformation, factories: ComponentFactories, gates: FeatureGates = FeatureGates(),
        sources: ConfigurationSources, providers: [any ConfigurationProvider] = ConfigurationResolver.defaultProviders,
        makeMetricsEndpoint: MetricsEndpointMaker? = nil
    ) {
        self.build = build
        self.factories = factories
        self.gates = gates
        self.sources = sources
        self.providers = providers
        self.makeMetricsEndpoint = makeMetricsEndpoint
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

    private let settings: CollectorSettings

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
        var service = try await firstService(continuation: continuation)
        try await service.start()
        var failure: (any Error)?
        loop: for await event in events {
            switch event {
            case .stop(let reason):
                service.logger.info("Received signal from OS", metadata: ["signal": "\(reason)"])
                break loop
            case .fatalError(let instance, let message):
                failure = CollectorError("\(instance): \(message)")
                service.logger.error(
                    "Asynchronous error received, terminating process",
                    metadata: ["error": "\(message)", "component": "\(instance)"])
                break loop
            case .reload:
                guard let next = await reloadedService(service.logger, continuation: continuation) else { continue }
                do {
                    try await service.shutdown()
                } catch {
                    service.logger.error("Failed to shut down the old configuration", metadata: ["error": "\(error)"])
                }
                service = next
                try await service.start()
            }
        }
        do {
            try await service.shutdown()
        } catch {
            throw JoinedError.joining([failure, error].compactMap { $0 }) ?? error
        }
        if let failure { throw failure }
    }

    /// A service of the configuration as it is now, if it is sound; otherwise the old one goes on. Nothing is started.
    private func reloadedService(
        _ logger: Logger, continuation: AsyncStream<Event>.Continuation
    ) async -> CollectorService? {
        logger.info("Config updated, restart service")
        do {
            return try await makeService(try await load(), continuation: continuation)
        } catch {
            logger.error(
                "Cannot reload the configuration; going on with the old one", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func firstService(continuation: AsyncStream<Event>.Continuation) async throws -> CollectorService {
        let loaded: LoadedConfiguration
        do {
            loaded = try await load()
        } catch let error as InvalidConfiguration {
            throw CollectorError("invalid configuration: \(error)")
        }
        return try await makeService(loaded, continuation: continuation)
    }

    /// Makes logger, components and pipelines; starts nothing.
    private func makeService(
        _ loaded: LoadedConfiguration, continuation: AsyncStream<Event>.Continuation
    ) async throws -> CollectorService {
        let telemetry = loaded.configuration.service.telemetry
        let resource = Self.resource(telemetry.resource, build: settings.build)
        let sink = try LogSink(paths: telemetry.logs.outputPaths)
        let logger = Logger(label: settings.build.command) { _ in
            CollectorLogHandler(telemetry.logs, sink: sink, resource: resource)
        }
        Self.announce(loaded, to: logger)
        return try await CollectorService(
            loaded.configuration, settings: settings, logger: logger, resource: resource
        ) { instance, error in
            continuation.yield(.fatalError(instance, "\(error)"))
        }
    }

    private static func announce(_ loaded: LoadedConfiguration, to logger: Logger) {
        for notice in loaded.resolved.notices {
            logger.log(level: notice.isWarning ? .warning : .info, "\(notice.message)", metadata: ["name": "\(notice.name)"])
        }
        for warning in loaded.warnings { logger.warning("\(warning)") }
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
