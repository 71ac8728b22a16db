import Collector

/// Exporter `nop`: takes everything and drops it. For measuring what comes before it.
public struct NopExporterFactory: ExporterFactory {
    public let type = "nop"
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .alpha,
    ]

    public init() {}

    /// There are no settings.
    public func decode(_ section: ConfigurationSection) {}

    public func makeExporter(signal: Signal, configuration: Void, context: ComponentContext) -> any Exporter {
        NopExporter()
    }
}

struct NopExporter: Exporter {
    func consume(_ telemetry: Telemetry) {}
}
