import NIOCore

extension TimeAmount {
    /// At most 146 years.
    public init(saturating duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        // Deadlines are sums of now and this: half of the range leaves room for both.
        self = .nanoseconds(overflow ? .max / 2 : min(nanoseconds, .max / 2) + attoseconds / 1_000_000_000)
    }
}
