/// Growing intervals between attempts, each with a random part.
struct Backoff {
    private let configuration: RetryConfiguration
    private var interval: Duration

    init(_ configuration: RetryConfiguration) {
        self.configuration = configuration
        interval = min(configuration.initialInterval, configuration.maximumInterval)
    }

    mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return next(using: &generator)
    }

    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let factor = configuration.randomizationFactor
        let chosen = interval * Double.random(in: (1 - factor)...(1 + factor), using: &generator)
        // A multiplier of any size must not overflow: everything from the maximum on is the maximum.
        let (seconds, maximumSeconds) = (interval.inSeconds, configuration.maximumInterval.inSeconds)
        interval =
            seconds * configuration.multiplier >= maximumSeconds
            ? configuration.maximumInterval : interval * configuration.multiplier
        return chosen
    }
}

extension Duration {
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
