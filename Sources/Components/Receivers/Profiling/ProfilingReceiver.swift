import Collector
import Engine
import Glibc
import Logging
import OTLP
import Synchronization

/// Runs a source of profiles, the engine, and hands what it sees to the pipelines, an OTLP message per interval.
///
/// What a pipeline refuses is logged, counted and lost: several pipelines may share the receiver, and to repeat a
/// message that one of them took would count its samples twice. Exporters have queues and retries of their own.
///
/// Over a reload that leaves its own settings as they are it goes on sampling: nothing is unloaded from the kernel.
public final class ProfilingReceiver: RetainableReceiver {
    /// Makes the source; it starts nothing yet. Intervals may come on any thread, one at a time.
    typealias SourceMaker =
        @Sendable (EngineOptions, @escaping Engine.Log, @escaping Engine.Handler) -> any ProfileSource

    /// Intervals that wait for a slow pipeline: a minute's worth by default.
    private static let maximumWaitingIntervals = 12
    private static let maximumWaitingBytes = 32 << 20

    private struct Running {
        var source: any ProfileSource
        var metrics: EngineMetricsExport
        /// Ends after the queue's end.
        var consumption: Task<Void, Never>
        /// Of this receiver at the profile tap.
        var tap: UInt64
        var podLabels: (any PodLabelWatch)?
    }

    private let configuration: ProfilingConfiguration
    private let context: ComponentContext
    private let next: any Consumer
    private let network: ProfilingReceiverFactory.Network
    private let makeSource: SourceMaker
    private let queue = IntervalQueue(maximumIntervals: maximumWaitingIntervals, maximumBytes: maximumWaitingBytes)
    private let running = Mutex<Running?>(nil)

    init(
        configuration: ProfilingConfiguration, context: ComponentContext, next: any Consumer,
        network: ProfilingReceiverFactory.Network = .init(),
        makeSource: @escaping SourceMaker
    ) {
        self.configuration = configuration
        self.context = context
        self.next = next
        self.network = network
        self.makeSource = makeSource
    }

    public func start(host: any Host) async throws {
        do {
            try await startSource()
        } catch {
            guard configuration.errorMode == .ignore else { throw error }
            context.logger.error("eBPF profiler receiver failed, continuing without profiling: \(error)")
            host.report(.permanentError(error))
        }
    }

    private func engineOptions() -> EngineOptions {
        var options = configuration.engineOptions
        let settings = configuration.debuginfod
        let servers = settings.servers(environment: Self.environmentVariable)
        guard configuration.nativeSymbols.isOnHost, !servers.isEmpty else { return options }
        if let make = network.debugFiles {
            options.debugFileProvider = make(
                servers, settings.folder(environment: Self.environmentVariable), settings, engineLog())
        } else {
            context.logger.warning(
                "debuginfod: this program cannot ask servers; debug files come from this machine only")
        }
        return options
    }

    static func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Those that the selection of processes needs.
    private func startPodLabels() async throws -> (any PodLabelWatch)? {
        guard let settings = configuration.podLabels else { return nil }
        guard let make = network.podLabels else {
            throw CollectorError("processes: this program cannot ask Kubernetes for the labels of pods (pod_label)")
        }
        let watch = make(settings, context.logger)
        try await watch.start()
        return watch
    }

    private func startSource() async throws {
        let podLabels = try await startPodLabels()
        var options = engineOptions()
        options.podLabels = podLabels
        let source = makeSource(options, engineLog(), intervalHandler())
        let metrics = EngineMetricsExport(source: source, registry: context.metrics, receiver: context.id)
        let consumption = Task { await consumeIntervals(metrics) }
        do {
            try await BlockingThread.run("start the profiler") { try source.start() }
        } catch {
            queue.finish()
            await consumption.value
            await podLabels?.stop()
            throw error
        }
        metrics.registerNew()
        let tap = ProfileTap.shared.sourceStarted(interval: configuration.reporterInterval)
        running.withLock { $0 = Running(source: source, metrics: metrics, consumption: consumption, tap: tap, podLabels: podLabels) }
    }

    /// Stops the source, and waits until its last interval has been consumed.
    public func shutdown() async throws {
        let running = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let running else { return }
        ProfileTap.shared.sourceStopped(running.tap)
        var failure: (any Error)?
        do {
            try await BlockingThread.run("stop the profiler") { running.source.stop() }
        } catch {
            failure = error
        }
        queue.finish()
        await running.consumption.value
        running.metrics.removeAll()
        await running.podLabels?.stop()
        if let failure { throw failure }
    }

    // MARK: - On the source's threads

    private func intervalHandler() -> Engine.Handler {
        let intervals = counter("otelcol_receiver_dropped_profile_intervals", "Intervals not taken in time.")
        let samples = counter("otelcol_receiver_dropped_profile_events", "Samplings in the dropped intervals.")
        let (queue, logger) = (queue, context.logger)
        return { interval in
            let dropped = queue.push(interval)
            guard dropped.intervals > 0 else { return }
            intervals.add(dropped.intervals)
            samples.add(dropped.samples)
            logger.warning(
                """
                the pipeline is slower than the profiler: dropped \(dropped.samples) samples; \
                see the exporter's queue and its back end
                """)
        }
    }

    private func engineLog() -> Engine.Log {
        let logger = context.logger
        return { level, message in
            switch level {
            case .debug: logger.debug("\(message)")
            case .info: logger.info("\(message)")
            case .warning: logger.warning("\(message)")
            case .error: logger.error("\(message)")
            }
        }
    }

    // MARK: - In a task

    private func consumeIntervals(_ metrics: EngineMetricsExport) async {
        let encoder = ProfilesEncoder(
            samplesPerSecond: UInt64(clamping: configuration.samplesPerSecond),
            sendsStopFrames: configuration.sendErrorFrames, scopeVersion: context.build.version)
        let accepted = counter("otelcol_receiver_accepted_profile_samples", "Samples that the pipelines took.")
        let refused = counter("otelcol_receiver_refused_profile_samples", "Samples that a pipeline did not take.")
        while let interval = await queue.next() {
            metrics.registerNew()
            guard let profiles = encoder.encode(interval) else { continue }
            ProfileTap.shared.publish(profiles)
            let count = profiles.sampleCount
            do {
                try await next.consume(.profiles(profiles))
                accepted.add(count)
            } catch {
                refused.add(count)
                context.logger.error("Request failed: \(error)")
            }
        }
    }

    private func counter(_ name: String, _ help: String) -> Counter {
        context.metrics.counter(
            name, help: help, labels: ["receiver": context.id.description, "transport": "ebpf"])
    }
}

extension ProfilingConfiguration {
    /// The part that is the engine's business.
    var engineOptions: EngineOptions {
        var options = EngineOptions()
        options.samplesPerSecond = UInt64(clamping: samplesPerSecond)
        options.reportIntervalNanoseconds = Self.nanoseconds(reporterInterval)
        options.reportJitter = reporterJitter
        options.includeIdle = sendIdleFrames
        options.selection = processes
        options.pidTranslation =
            switch pidNamespaceTranslation {
            case .none: .none
            case .exact: .exact
            case .auto, .recursive: .recursive
            }
        options.minimumProcessAgeNanoseconds = Self.nanoseconds(filterMinProcessAge)
        options.cpus = pinCPUIDs
        options.sampledWindowsPercent = probabilisticThreshold
        options.samplingWindowNanoseconds = Self.nanoseconds(probabilisticInterval)
        options.clockSyncIntervalNanoseconds = Self.nanoseconds(clockSyncInterval)
        options.environmentVariables = includeEnvVars
        options.memoryBudgetBytes = memoryBudgetMiB << 20
        options.namesNativeCode = nativeSymbols.isOnHost
        options.nameStoreFolder = nativeSymbols.folder(environment: ProfilingReceiver.environmentVariable)
        options.nameStoreLimitBytes = nativeSymbols.cacheLimitMiB << 20
        return options
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? UInt64.max : whole &+ UInt64(clamping: attoseconds / 1_000_000_000)
    }
}
