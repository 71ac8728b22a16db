import OTLP
import ProcessorSupport

/// What an item lies in.
struct Surroundings {
    var resource: OTLPResource
    var scope: OTLPScope
}

extension MatchProperties {
    func matches(_ span: Opentelemetry_Proto_Trace_V1_Span, in surroundings: Surroundings) -> Bool {
        if !services.isEmpty {
            guard let service = surroundings.resource.attributes["service.name"]?.text, services.match(service) else {
                return false
            }
        }
        return spanNames.allow(span.name) && spanKinds.allow(span.kind.word)
            && matches(span.attributes) && matches(surroundings)
    }

    func matches(_ record: Opentelemetry_Proto_Logs_V1_LogRecord, in surroundings: Surroundings) -> Bool {
        if !logBodies.isEmpty {
            guard case .stringValue(let body)? = record.body.value, logBodies.match(body) else { return false }
        }
        if let logSeverity {
            let number = record.severityNumber.rawValue
            guard number == 0 ? logSeverity.matchesUndefined : number >= logSeverity.minimum else { return false }
        }
        return logSeverityTexts.allow(record.severityText) && matches(record.attributes) && matches(surroundings)
    }

    func matches(_ metric: OTLPMetric, in surroundings: Surroundings) -> Bool {
        metricNames.allow(metric.name) && matches(surroundings)
    }

    private func matches(_ itemAttributes: [OTLPKeyValue]) -> Bool {
        attributes.allSatisfy { $0.matches(itemAttributes) }
    }

    private func matches(_ surroundings: Surroundings) -> Bool {
        guard resources.allSatisfy({ $0.matches(surroundings.resource.attributes) }) else { return false }
        return libraries.isEmpty
            || libraries.contains { library in
                library.name.matches(surroundings.scope.name)
                    && library.version?.matches(surroundings.scope.version) ?? true
            }
    }
}

extension MatchProperties.Attribute {
    func matches(_ attributes: [OTLPKeyValue]) -> Bool {
        guard let found = attributes[key] else { return false }
        return value?.matches(found) ?? true
    }
}

extension [TextMatcher] {
    func match(_ text: String) -> Bool { contains { $0.matches(text) } }
    /// An empty list asks for nothing.
    func allow(_ text: String) -> Bool { isEmpty || match(text) }
}

extension Opentelemetry_Proto_Trace_V1_Span.SpanKind {
    /// As OTLP's own enumeration names it.
    var word: String {
        switch self {
        case .unspecified: "SPAN_KIND_UNSPECIFIED"
        case .internal: "SPAN_KIND_INTERNAL"
        case .server: "SPAN_KIND_SERVER"
        case .client: "SPAN_KIND_CLIENT"
        case .producer: "SPAN_KIND_PRODUCER"
        case .consumer: "SPAN_KIND_CONSUMER"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}
