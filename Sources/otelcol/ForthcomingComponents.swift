import Collector
import Logging

/// An exporter that a later release brings. It is recognised, so that configurations that name it start, takes any
/// keys, says so when it starts, and drops what it gets, counted.
struct ForthcomingExporterFactory: ExporterFactory {
    let type: String
    let signals: [Signal]

    var stability: [Signal: Stability] {
        Dictionary(signals.map { ($0, .development) }, uniquingKeysWith: { first, _ in first })
    }

    func decode(_ section: ConfigurationSection) { section.acceptAnyKeys() }

    func makeExporter(signal: Signal, configuration: Void, context: ComponentContext) -> any Exporter {
        let dropped = context.metrics.counter(
            "otelcol_exporter_send_failed_\(signal.itemNoun)", help: "Items that could not be sent",
            labels: ["exporter": "\(context.id)"])
        return ForthcomingComponent(context: context, dropped: dropped)
    }
}

struct ForthcomingComponent: Exporter {
    let context: ComponentContext
    let dropped: Counter

    func start(host: any Host) {
        context.logger.warning("The \(context.id) \(context.kind) arrives with a later release; until then it drops all data")
    }

    func consume(_ telemetry: Telemetry) {
        dropped.add(telemetry.itemCount)
    }
}
