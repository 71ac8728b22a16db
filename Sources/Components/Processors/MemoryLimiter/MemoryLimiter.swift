import CMalloc
import Collector
import Logging
import Synchronization

/// Watches the memory of this process, for all pipelines that one configured `memory_limiter` is part of.
final class MemoryLimiter: Sendable {
    private struct State {
        var users = 0
        var watching: Task<Void, Never>?
        var limits: MemoryLimits?
        var refuses = false
        var lastRelief: ContinuousClock.Instant?
    }

    private let configuration: MemoryLimiterConfiguration
    private let logger: Logger
    private let memory: @Sendable () -> UInt64?
    private let total: @Sendable () -> (bytes: UInt64, source: AvailableMemory.Source)?
    private let giveBack: @Sendable () -> Void
    private let state = Mutex(State())

    init(
        configuration: MemoryLimiterConfiguration, logger: Logger,
        memory: @escaping @Sendable () -> UInt64? = { AvailableMemory().residentBytes() },
        total: @escaping @Sendable () -> (bytes: UInt64, source: AvailableMemory.Source)? = {
            AvailableMemory().total()
        },
        // Hands pages that the allocator keeps for later back to the kernel: only then resident memory falls.
        giveBack: @escaping @Sendable () -> Void = { _ = malloc_trim(0) }
    ) {
        self.configuration = configuration
        self.logger = logger
        self.memory = memory
        self.total = total
        self.giveBack = giveBack
    }

    var refuses: Bool { state.withLock { $0.refuses } }

    /// Called by each pipeline's instance; the first begins to watch.
    func start() throws {
        let isFirst = state.withLock { state in
            state.users += 1
            return state.users == 1
        }
        guard isFirst else { return }
        guard configuration.limitMiB > 0 else {
            guard let total = total() else {
                throw CollectorError("failed to get total memory, use fixed memory settings (limit_mib)")
            }
            let limits = configuration.limits(ofTotal: total.bytes)
            logger.info(
                "Using percentage memory limiter",
                metadata: [
                    "total_memory_mib": "\(total.bytes >> 20)", "source": "\(total.source)",
                    "limit_mib": "\(limits.hardBytes >> 20)",
                    "spike_limit_mib": "\((limits.hardBytes - limits.softBytes) >> 20)",
                ])
            watch(limits)
            return
        }
        watch(configuration.limits(ofTotal: 0))
    }

    /// The last one ends the watching.
    func shutdown() {
        let task = state.withLock { state -> Task<Void, Never>? in
            state.users -= 1
            guard state.users == 0 else { return nil }
            defer { state.watching = nil }
            return state.watching
        }
        task?.cancel()
    }

    private func watch(_ limits: MemoryLimits) {
        let interval = configuration.checkInterval
        let task = Task {
            while !Task.isCancelled {
                self.check()
                do { try await Task.sleep(for: interval) } catch { return }
            }
        }
        state.withLock { state in
            state.limits = limits
            state.watching = task
        }
    }

    /// Looks at the memory once.
    func check(now: ContinuousClock.Instant = .now) {
        guard let limits = state.withLock({ $0.limits }), var used = memory() else { return }
        if mayGiveBack(used, limits, now) {
            giveBack()
            state.withLock { $0.lastRelief = now }
            used = memory() ?? used
        }
        let refuses = used >= limits.softBytes
        let changed = state.withLock { state in
            defer { state.refuses = refuses }
            return state.refuses != refuses
        }
        guard changed else { return }
        let fields: Logger.Metadata = ["cur_mem_mib": "\(used >> 20)", "soft_limit_mib": "\(limits.softBytes >> 20)"]
        if refuses {
            logger.warning("Memory usage is above soft limit. Refusing data.", metadata: fields)
        } else {
            logger.info("Memory usage back within limits. Resuming normal operation.", metadata: fields)
        }
    }

    /// Sets the limits without watching, for tests.
    func setLimits(_ limits: MemoryLimits) { state.withLock { $0.limits = limits } }

    private func mayGiveBack(_ used: UInt64, _ limits: MemoryLimits, _ now: ContinuousClock.Instant) -> Bool {
        guard used >= limits.softBytes else { return false }
        let pause =
            used >= limits.hardBytes
            ? configuration.minimumReliefIntervalWhenHard : configuration.minimumReliefIntervalWhenSoft
        return state.withLock { $0.lastRelief }.map { now - $0 >= pause } ?? true
    }
}
