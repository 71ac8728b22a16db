import Collector

/// Connector `profilingmetrics`, from profiles to metrics.
public struct ProfilingMetricsConnectorFactory: ConnectorFactory {
    public let type = "profilingmetrics"
    public let stability: [SignalPair: Stability] = [SignalPair(from: .profiles, to: .metrics): .development]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> ProfilingMetricsConfiguration {
        ProfilingMetricsConfiguration(section)
    }

    public func makeConnector(
        signals: SignalPair, configuration: ProfilingMetricsConfiguration, context: ComponentContext,
        next: any Consumer
    ) -> any Connector {
        ProfilingMetricsConnector(configuration: configuration, context: context, next: next)
    }
}
