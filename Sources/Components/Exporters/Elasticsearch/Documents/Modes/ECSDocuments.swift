import OTLP

/// The mapping mode `ecs`: documents in the fields of the Elastic Common Schema. Empty where there would be too much of
/// them.
enum ECSDocuments {
    static func log(
        _ record: LogDocuments.Record, _ resource: Opentelemetry_Proto_Logs_V1_ResourceLogs,
        _ scope: Opentelemetry_Proto_Logs_V1_ScopeLogs, time: UInt64, stream: DataStreamName?
    ) -> [UInt8] {
        var document = FieldDocument()
        ECSAttributes.addAgent(resource.resource, to: &document)
        ECSAttributes.add(resource.resource, to: &document)
        ECSAttributes.add(scope.scope.attributes, [:], to: &document)
        document.addUnlessEmpty("event.action", record.eventName)
        ECSAttributes.add(record.attributes, ECSAttributes.record, to: &document)
        document.add(stream, below: "")
        document.add("@timestamp", nanoseconds: time)
        document.addUnlessEmpty("trace.id", Hexadecimal.text(record.traceID))
        document.addUnlessEmpty("span.id", Hexadecimal.text(record.spanID))
        if record.severityNumber.rawValue > 0 { document.add("event.severity", record.severityNumber.rawValue) }
        document.addUnlessEmpty("log.level", record.severityText)
        // A message is text; of a map, its JSON is.
        if record.body.value != nil { document.add("message", AttributeText.text(record.body)) }
        return nested(document)
    }

    static func span(
        _ span: SpanDocuments.Span, _ resource: Opentelemetry_Proto_Trace_V1_ResourceSpans,
        _ scope: Opentelemetry_Proto_Trace_V1_ScopeSpans, time: UInt64, stream: DataStreamName?
    ) -> [UInt8] {
        var document = FieldDocument()
        ECSAttributes.add(resource.resource, to: &document)
        ECSAttributes.add(scope.scope.attributes, [:], to: &document)
        // Elastic APM calls a span that is the first of its service a transaction.
        let isTransaction = span.attributes.text("processor.event") == "transaction"
        var names = ECSAttributes.span
        names["messaging.destination.name"] = "\(isTransaction ? "transaction" : "span").message.queue.name"
        ECSAttributes.add(span.attributes, names, to: &document)
        document.add(stream, below: "")
        document.add("@timestamp", nanoseconds: time)
        document.addUnlessEmpty("trace.id", Hexadecimal.text(span.traceID))
        document.addUnlessEmpty("span.id", Hexadecimal.text(span.spanID))
        document.addUnlessEmpty("span.name", span.name)
        document.addUnlessEmpty("parent.id", Hexadecimal.text(span.parentSpanID))
        document.addUnlessEmpty("span.kind", kind(span.kind))
        switch span.status.code {
        case .ok: document.add("event.outcome", "success")
        case .error: document.add("event.outcome", "failure")
        case .unset, .UNRECOGNIZED: break
        }
        if !span.links.isEmpty { document.add("span.links") { links(span.links, to: &$0) } }
        return nested(document)
    }

    /// A group of points that agree in target, resource, time and attributes: each metric is a field of the document.
    static func metrics(_ group: MetricGroups.Group) -> [UInt8] {
        var document = FieldDocument()
        ECSAttributes.add(group.resource, to: &document)
        document.add(group.attributes.withoutInstructions, below: "")
        document.add(group.target.dataStream, below: "")
        document.add("@timestamp", nanoseconds: group.timeUnixNano)
        for metric in group.metrics { document.add(metric.name) { metric.value.write(to: &$0) } }
        return nested(document)
    }

    /// The dynamic template of a metric's field. Only data streams of Elastic APM have these; elsewhere, naming one that
    /// is not there would be an error.
    static func template(_ template: String, in stream: DataStreamName?) -> String? {
        guard let stream, stream.dataset == "apm" || stream.dataset.hasPrefix("apm.") else { return nil }
        switch template {
        case "histogram": return "histogram_metrics"
        case "summary": return "summary_metrics"
        case "counter_double", "gauge_double": return "double_metrics"
        default: return nil
        }
    }

    private static func nested(_ document: FieldDocument) -> [UInt8] {
        if document.isTooLarge { return [] }
        var json = JSONWriter()
        document.writeNested(protected: ECSAttributes.values, to: &json)
        return json.bytes
    }

    private static func links(_ links: [SpanDocuments.Span.Link], to json: inout JSONWriter) {
        json.beginArray()
        for link in links {
            json.beginObject()
            for (name, id) in [("span", link.spanID), ("trace", link.traceID)] {
                json.key(name)
                json.beginObject()
                json.member("id", Hexadecimal.text(id))
                json.endObject()
            }
            json.endObject()
        }
        json.endArray()
    }

    private static func kind(_ kind: SpanDocuments.Span.SpanKind) -> String {
        switch kind {
        case .internal: "INTERNAL"
        case .server: "SERVER"
        case .client: "CLIENT"
        case .producer: "PRODUCER"
        case .consumer: "CONSUMER"
        case .unspecified, .UNRECOGNIZED: ""
        }
    }
}
