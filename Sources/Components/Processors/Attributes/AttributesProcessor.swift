import Collector
import OTLP
import ProcessorSupport

/// The processor `attributes`: changes the attributes of spans, log records and metric points.
public struct AttributesProcessorFactory: ProcessorFactory {
    public let type = "attributes"
    public let stability: [Signal: Stability] = [.traces: .beta, .metrics: .beta, .logs: .beta]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> AttributesConfiguration {
        AttributesConfiguration(section)
    }

    public func makeProcessor(
        signal: Signal, configuration: AttributesConfiguration, context: ComponentContext, next: any Consumer
    ) -> any Processor {
        AttributesProcessor(configuration: configuration, next: next)
    }

    public func mistake(in configuration: AttributesConfiguration, for signal: Signal) -> String? {
        configuration.mistake(for: signal)
    }
}

struct AttributesProcessor: Processor {
    let configuration: AttributesConfiguration
    let next: any Consumer

    func consume(_ telemetry: Telemetry) async throws {
        try await next.consume(process(telemetry))
    }

    func process(_ telemetry: Telemetry) -> Telemetry {
        switch telemetry {
        case .traces(var data):
            for resource in data.resourceSpans.indices {
                for scope in data.resourceSpans[resource].scopeSpans.indices {
                    let surroundings = Surroundings(
                        resource: data.resourceSpans[resource].resource,
                        scope: data.resourceSpans[resource].scopeSpans[scope].scope)
                    data.resourceSpans[resource].scopeSpans[scope].spans.updateEach { span in
                        if configuration.means(span, in: surroundings) { configuration.change(&span.attributes) }
                    }
                }
            }
            return .traces(data)
        case .logs(var data):
            for resource in data.resourceLogs.indices {
                for scope in data.resourceLogs[resource].scopeLogs.indices {
                    let surroundings = Surroundings(
                        resource: data.resourceLogs[resource].resource,
                        scope: data.resourceLogs[resource].scopeLogs[scope].scope)
                    data.resourceLogs[resource].scopeLogs[scope].logRecords.updateEach { record in
                        if configuration.means(record, in: surroundings) { configuration.change(&record.attributes) }
                    }
                }
            }
            return .logs(data)
        case .metrics(var data):
            for resource in data.resourceMetrics.indices {
                for scope in data.resourceMetrics[resource].scopeMetrics.indices {
                    let surroundings = Surroundings(
                        resource: data.resourceMetrics[resource].resource,
                        scope: data.resourceMetrics[resource].scopeMetrics[scope].scope)
                    data.resourceMetrics[resource].scopeMetrics[scope].metrics.updateEach { metric in
                        guard configuration.means(metric, in: surroundings) else { return }
                        metric.updatePointAttributes { configuration.change(&$0) }
                    }
                }
            }
            return .metrics(data)
        case .profiles: return telemetry
        }
    }
}

extension AttributesConfiguration {
    func change(_ attributes: inout [OTLPKeyValue]) {
        for action in actions { action.apply(to: &attributes) }
    }
}

extension Array {
    fileprivate mutating func updateEach(_ body: (inout Element) -> Void) {
        for index in indices { body(&self[index]) }
    }
}

extension OTLPMetric {
    /// Changes the attributes of each of the metric's points.
    fileprivate mutating func updatePointAttributes(_ body: (inout [OTLPKeyValue]) -> Void) {
        switch data {
        case .gauge(var gauge):
            data = nil
            gauge.dataPoints.updateEach { body(&$0.attributes) }
            data = .gauge(gauge)
        case .sum(var sum):
            data = nil
            sum.dataPoints.updateEach { body(&$0.attributes) }
            data = .sum(sum)
        case .histogram(var histogram):
            data = nil
            histogram.dataPoints.updateEach { body(&$0.attributes) }
            data = .histogram(histogram)
        case .exponentialHistogram(var histogram):
            data = nil
            histogram.dataPoints.updateEach { body(&$0.attributes) }
            data = .exponentialHistogram(histogram)
        case .summary(var summary):
            data = nil
            summary.dataPoints.updateEach { body(&$0.attributes) }
            data = .summary(summary)
        case nil: break
        }
    }
}
