import Collector

/// The processor `memory_limiter`: refuses data while this process uses too much memory.
public struct MemoryLimiterProcessorFactory: ProcessorFactory {
    public let type = "memory_limiter"
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .alpha,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> MemoryLimiterConfiguration {
        MemoryLimiterConfiguration(section)
    }

    public func makeProcessor(
        signal: Signal, configuration: MemoryLimiterConfiguration, context: ComponentContext, next: any Consumer
    ) -> any Processor {
        let limiter = context.shared.value { MemoryLimiter(configuration: configuration, logger: context.logger) }
        return MemoryLimiterProcessor(limiter: limiter, signal: signal, context: context, next: next)
    }
}

/// May pass: receivers ask their senders to try again later.
struct MemoryLimitReached: Error, CustomStringConvertible {
    var description: String { "data refused due to high memory usage" }
}

struct MemoryLimiterProcessor: Processor {
    private let limiter: MemoryLimiter
    private let next: any Consumer
    private let accepted: Counter
    private let refused: Counter

    init(limiter: MemoryLimiter, signal: Signal, context: ComponentContext, next: any Consumer) {
        self.limiter = limiter
        self.next = next
        func counter(_ word: String, _ help: String) -> Counter {
            context.metrics.counter(
                "otelcol_processor_memory_limiter_\(word)_\(signal.itemNoun)", help: help,
                labels: ["processor": "\(context.id)"])
        }
        accepted = counter("accepted", "Items that were handed on.")
        refused = counter("refused", "Items refused because of high memory usage.")
    }

    func start(host: any Host) async throws { try limiter.start() }

    func shutdown() async throws { limiter.shutdown() }

    func consume(_ telemetry: Telemetry) async throws {
        let items = telemetry.itemCount
        guard !limiter.refuses else {
            refused.add(items)
            throw MemoryLimitReached()
        }
        try await next.consume(telemetry)
        accepted.add(items)
    }
}
