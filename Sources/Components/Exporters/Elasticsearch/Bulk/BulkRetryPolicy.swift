import ExporterSupport

/// What may be sent again, how often, and when.
struct BulkRetryPolicy: Sendable {
    enum Limit: Sendable, Equatable {
        /// After the first attempt.
        case retries(Int)
        /// Counted from the first attempt.
        case elapsed(Duration)
        case none
    }

    var limit: Limit
    var initialInterval: Duration
    var maximumInterval: Duration
    var requestStatuses: Set<Int>
    var documentStatuses: Set<Int>

    /// Without a number of retries: as long as exporters keep trying by default, and without end if what waits is kept
    /// on disk.
    init(_ configuration: BulkRetryConfiguration, isPersistent: Bool) {
        if !configuration.isEnabled {
            limit = .retries(0)
        } else if let retries = configuration.maximumRetries {
            limit = .retries(retries)
        } else {
            limit = isPersistent ? .none : .elapsed(.seconds(300))
        }
        initialInterval = configuration.initialInterval
        maximumInterval = configuration.maximumInterval
        requestStatuses = configuration.requestStatuses
        documentStatuses = configuration.documentStatuses
    }

    /// The pause before retry `number` (1 for the first): half of it is certain, half drawn by lot, so that those who
    /// failed together do not come back together.
    func pause(before number: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        // From 2^40 on, every interval worth writing exceeds the maximum.
        let grown = initialInterval * (1 << min(max(number - 1, 0), 40))
        let interval = min(grown, maximumInterval)
        return interval / 2 + interval / 2 * Double.random(in: 0..<1, using: &generator)
    }

    /// Whether retry `number` may still happen, if it begins `elapsed` after the first attempt.
    func allows(retry number: Int, elapsed: Duration) -> Bool {
        switch limit {
        case .retries(let count): number <= count
        case .elapsed(let duration): elapsed <= duration
        case .none: true
        }
    }
}
