import OTLP

/// The mapping modes `none` and `raw`: fields of OTLP under names of their own. They differ in where attributes and
/// events stand: below `Attributes` and `Events`, or at the document's root. Documents are empty where there would be
/// too much of them.
enum LegacyDocuments {
    static func log(
        _ record: LogDocuments.Record, _ resource: Opentelemetry_Proto_Logs_V1_ResourceLogs,
        _ scope: Opentelemetry_Proto_Logs_V1_ScopeLogs, time: UInt64, stream: DataStreamName?, mode: MappingMode
    ) -> [UInt8] {
        var document = FieldDocument()
        document.add("@timestamp", nanoseconds: time)
        document.addUnlessEmpty("TraceId", Hexadecimal.text(record.traceID))
        document.addUnlessEmpty("SpanId", Hexadecimal.text(record.spanID))
        document.add("TraceFlags", record.flags)
        document.addUnlessEmpty("SeverityText", record.severityText)
        document.add("SeverityNumber", record.severityNumber.rawValue)
        document.addUnlessEmpty("EventName", record.eventName)
        document.add("Body", record.body)
        addSurroundings(resource.resource, scope.scope, to: &document)
        addAttributes(record.attributes, stream, mode, to: &document)
        return flat(document)
    }

    static func span(
        _ span: SpanDocuments.Span, _ resource: Opentelemetry_Proto_Trace_V1_ResourceSpans,
        _ scope: Opentelemetry_Proto_Trace_V1_ScopeSpans, time: UInt64, stream: DataStreamName?, mode: MappingMode
    ) -> [UInt8] {
        var document = FieldDocument()
        document.add("@timestamp", nanoseconds: time)
        document.add("EndTimestamp", nanoseconds: max(span.endTimeUnixNano, time))
        document.addUnlessEmpty("TraceId", Hexadecimal.text(span.traceID))
        document.addUnlessEmpty("SpanId", Hexadecimal.text(span.spanID))
        document.addUnlessEmpty("ParentSpanId", Hexadecimal.text(span.parentSpanID))
        document.addUnlessEmpty("Name", span.name)
        document.add("Kind", kind(span.kind))
        document.add("TraceStatus", span.status.code.rawValue)
        document.addUnlessEmpty("TraceStatusDescription", span.status.message)
        document.add("Link", links(span.links))
        // In microseconds.
        document.add("Duration", span.endTimeUnixNano > time ? (span.endTimeUnixNano - time) / 1000 : 0)
        addSurroundings(resource.resource, scope.scope, to: &document)
        addAttributes(span.attributes, stream, mode, to: &document)
        let events = mode == .raw ? "" : "Events"
        for event in span.events {
            let name = FieldDocument.joined(events, event.name)
            document.add(FieldDocument.joined(name, "time"), nanoseconds: event.timeUnixNano)
            document.add(event.attributes.withoutInstructions, below: name)
        }
        return flat(document)
    }

    private static func addSurroundings(_ resource: OTLPResource, _ scope: OTLPScope, to document: inout FieldDocument) {
        document.add(resource.attributes.withoutInstructions, below: "Resource")
        document.add(scope.attributes.withoutInstructions, below: "Scope")
        document.add("Scope.name", scope.name)
        document.add("Scope.version", scope.version)
    }

    private static func addAttributes(
        _ attributes: [OTLPKeyValue], _ stream: DataStreamName?, _ mode: MappingMode, to document: inout FieldDocument
    ) {
        let prefix = mode == .raw ? "" : "Attributes"
        document.add(attributes.withoutInstructions, below: prefix)
        document.add(stream, below: prefix)
    }

    private static func flat(_ document: FieldDocument) -> [UInt8] {
        if document.isTooLarge { return [] }
        var json = JSONWriter()
        document.writeFlat(to: &json)
        return json.bytes
    }

    /// All links as one text of JSON.
    private static func links(_ links: [SpanDocuments.Span.Link]) -> String {
        var json = JSONWriter()
        json.beginArray()
        for link in links {
            json.beginObject()
            json.key("attribute")
            AttributeJSON.writeMap(link.attributes, to: &json)
            json.member("spanID", Hexadecimal.text(link.spanID))
            json.member("traceID", Hexadecimal.text(link.traceID))
            json.endObject()
        }
        json.endArray()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// As the protocol's enumeration names it.
    private static func kind(_ kind: SpanDocuments.Span.SpanKind) -> String {
        switch kind {
        case .internal: "SPAN_KIND_INTERNAL"
        case .server: "SPAN_KIND_SERVER"
        case .client: "SPAN_KIND_CLIENT"
        case .producer: "SPAN_KIND_PRODUCER"
        case .consumer: "SPAN_KIND_CONSUMER"
        case .unspecified, .UNRECOGNIZED: "SPAN_KIND_UNSPECIFIED"
        }
    }
}

extension [OTLPKeyValue] {
    /// Without those that only say what to do with a document.
    var withoutInstructions: [OTLPKeyValue] { filter { !OTelDocument.instructions.contains($0.key) } }

    /// The text of the attribute of that name; nil if there is none, or it is no text.
    func text(_ key: String) -> String? {
        guard let found = first(where: { $0.key == key }), case .stringValue(let text) = found.value.value else {
            return nil
        }
        return text
    }
}
