import Collector

/// Keys that all exporters with a connection have in common: timeout, retries and queue.
public struct ExporterConfiguration: Sendable, Equatable {
    /// For one attempt; zero for none.
    public var timeout: Duration
    public var retry: RetryConfiguration
    /// Nil: the caller waits for the outcome.
    public var queue: QueueConfiguration?

    public init(
        timeout: Duration = .seconds(5), retry: RetryConfiguration = RetryConfiguration(),
        queue: QueueConfiguration? = QueueConfiguration()
    ) {
        self.timeout = timeout
        self.retry = retry
        self.queue = queue
    }

    /// Reads `timeout`, `retry_on_failure` and `sending_queue`.
    public init(_ section: ConfigurationSection, defaultTimeout: Duration = .seconds(5)) {
        timeout = section.duration("timeout", default: defaultTimeout, in: .zero ... .longest)
        let retrySection = section.section("retry_on_failure")
        retry = RetryConfiguration(retrySection)
        queue = section.optionalSection("sending_queue", .onByDefault).map { QueueConfiguration($0) }
        // What is kept on disk is kept for a back end that is away for long.
        if queue?.storage != nil, !retrySection.isSet("max_elapsed_time") { retry.maximumElapsedTime = .zero }
    }
}

/// When a batch that was not accepted is sent again.
public struct RetryConfiguration: Sendable, Equatable {
    public var isEnabled: Bool
    public var initialInterval: Duration
    public var maximumInterval: Duration
    /// Counted from the first attempt; zero for ever.
    public var maximumElapsedTime: Duration
    public var multiplier: Double
    /// Intervals are drawn from `interval × (1 ± factor)`.
    public var randomizationFactor: Double

    public init(
        isEnabled: Bool = true, initialInterval: Duration = .seconds(5), maximumInterval: Duration = .seconds(30),
        maximumElapsedTime: Duration = .seconds(300), multiplier: Double = 1.5, randomizationFactor: Double = 0.5
    ) {
        self.isEnabled = isEnabled
        self.initialInterval = initialInterval
        self.maximumInterval = maximumInterval
        self.maximumElapsedTime = maximumElapsedTime
        self.multiplier = multiplier
        self.randomizationFactor = randomizationFactor
    }

    init(_ section: ConfigurationSection) {
        let defaults = RetryConfiguration()
        let positive = Duration.zero ... .longest
        isEnabled = section.boolean("enabled", default: true)
        initialInterval = section.duration("initial_interval", default: defaults.initialInterval, in: positive)
        maximumInterval = section.duration("max_interval", default: defaults.maximumInterval, in: positive)
        maximumElapsedTime = section.duration("max_elapsed_time", default: defaults.maximumElapsedTime, in: positive)
        multiplier = section.floatingPoint(
            "multiplier", default: defaults.multiplier, in: 0...Double.greatestFiniteMagnitude)
        randomizationFactor = section.floatingPoint(
            "randomization_factor", default: defaults.randomizationFactor, in: 0...1)
        guard isEnabled, maximumElapsedTime > .zero else { return }
        if maximumElapsedTime < initialInterval {
            section.error("max_elapsed_time", "must not be less than initial_interval")
        }
        if maximumElapsedTime < maximumInterval {
            section.error("max_elapsed_time", "must not be less than max_interval")
        }
    }
}

/// What is kept in memory until it can be sent.
public struct QueueConfiguration: Sendable, Equatable {
    /// What the queue's size counts.
    public enum Sizer: String, Sendable, CaseIterable {
        case requests
        case items
        case bytes
    }

    public var consumers: Int
    public var size: Int
    public var sizer: Sizer
    /// True: the caller waits for room. False: it gets an error at once.
    public var blocksOnOverflow: Bool
    /// The caller waits for the outcome.
    public var waitsForResult: Bool
    /// The extension that keeps the queue on disk; nil for a queue in memory.
    public var storage: ComponentID?
    /// Nil: requests are sent as they come.
    public var batch: SendingBatchConfiguration?
    /// Header fields, in lowercase, that requests keep until they are sent, as those of the batch's `partitionKeys`
    /// are: `RequestContext` has them then. Requests that differ in them are not joined.
    public var metadataKeys: [String] = []

    /// What of a request's header fields is kept.
    func kept(_ metadata: [String: [String]]) -> [String: [String]] {
        let keys = metadataKeys + (batch?.partitionKeys ?? [])
        return keys.isEmpty ? [:] : metadata.filter { keys.contains($0.key) && !$0.value.isEmpty }
    }

    public init(
        consumers: Int = 10, size: Int = 1000, sizer: Sizer = .requests, blocksOnOverflow: Bool = false,
        waitsForResult: Bool = false, storage: ComponentID? = nil, batch: SendingBatchConfiguration? = nil
    ) {
        self.consumers = consumers
        self.size = size
        self.sizer = sizer
        self.blocksOnOverflow = blocksOnOverflow
        self.waitsForResult = waitsForResult
        self.storage = storage
        self.batch = batch
    }

    /// What a batch counts in the queue.
    func size(items: Int, bytes: () throws -> Int) rethrows -> Int {
        switch sizer {
        case .requests: 1
        case .items: items
        case .bytes: try bytes()
        }
    }

    /// - Parameter readsBatch: True for an exporter that reads the key `batch` itself.
    public init(
        _ section: ConfigurationSection, defaults: QueueConfiguration = QueueConfiguration(), readsBatch: Bool = false
    ) {
        consumers = section.integer("num_consumers", default: defaults.consumers, in: 1...10_000)
        size = section.integer("queue_size", default: defaults.size, in: 1...Int.max)
        sizer = section.enumeration("sizer", default: defaults.sizer)
        blocksOnOverflow = section.boolean("block_on_overflow", default: defaults.blocksOnOverflow)
        waitsForResult = section.boolean("wait_for_result", default: defaults.waitsForResult)
        storage = section.componentID("storage")
        if storage != nil, waitsForResult {
            section.error("wait_for_result", "cannot be had together with storage: what is stored counts as sent")
        }
        guard !readsBatch, let batch = section.optionalSection("batch", .onWhenNamed) else { return }
        self.batch = SendingBatchConfiguration(batch, queue: self, queueSizer: section.optionalString("sizer"))
    }
}
