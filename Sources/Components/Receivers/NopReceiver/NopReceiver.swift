import Collector

/// Receiver `nop`: receives nothing. For configurations whose pipelines need a receiver and no data.
public struct NopReceiverFactory: ReceiverFactory {
    public let type = "nop"
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .alpha,
    ]

    public init() {}

    /// There are no settings.
    public func decode(_ section: ConfigurationSection) {}

    public func makeReceiver(
        signal: Signal, configuration: Void, context: ComponentContext, next: any Consumer
    ) -> any Receiver {
        NopReceiver()
    }
}

struct NopReceiver: Receiver {}
