import Collector
import OTLP

/// What documents of log records and spans are made with.
struct RecordContext {
    var configuration: ElasticsearchConfiguration
    var router: DataStreamRouter
    /// Nanoseconds since 1970; the time of records that have none.
    var now: UInt64

    /// The action line of a record's document.
    func action(
        _ target: DocumentTarget, _ signal: Signal, attributes: [[OTLPKeyValue]], mode: MappingMode
    ) -> BulkAction {
        func attribute(_ key: String) -> String? {
            attributes.lazy.compactMap { list in list.first { $0.key == key }?.value.stringValue }.first { !$0.isEmpty }
        }
        var action = BulkAction(
            index: target.index, requiresDataStream: target.dataStream != nil && mode.requiresDataStream)
        if configuration.takesDocumentID.contains(signal) { action.id = attribute("elasticsearch.document_id") }
        if signal == .logs, configuration.takesPipeline { action.pipeline = attribute("elasticsearch.ingest_pipeline") }
        return action
    }

    /// Milliseconds since 1970 and the rest of the nanoseconds in six digits, as text: `1710273641123.456789`.
    static func timestamp(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1_000_000)
        return "\(nanoseconds / 1_000_000).\(String(repeating: "0", count: 6 - rest.count))\(rest)"
    }
}

/// Writes log records.
enum LogDocuments {
    typealias Record = Opentelemetry_Proto_Logs_V1_LogRecord

    /// - Parameter mode: Any but `bodymap`.
    /// - Returns: False for a record that would make too large a document.
    static func write(
        _ record: Record, _ resource: Opentelemetry_Proto_Logs_V1_ResourceLogs,
        _ scope: Opentelemetry_Proto_Logs_V1_ScopeLogs, _ context: RecordContext, mode: MappingMode, items: ItemRange,
        to buffer: inout BulkBuffer
    ) -> Bool {
        let time: UInt64 = [record.timeUnixNano, record.observedTimeUnixNano].first { $0 > 0 } ?? context.now
        let levels = [record.attributes, scope.scope.attributes, resource.resource.attributes]
        let target = context.router.target(
            .logs, attributes: levels, scope: scope.scope, mode: mode, time: Int64(clamping: time / 1_000_000_000))
        let bytes =
            switch mode {
            case .ecs: ECSDocuments.log(record, resource, scope, time: time, stream: target.dataStream)
            case .none, .raw:
                LegacyDocuments.log(record, resource, scope, time: time, stream: target.dataStream, mode: mode)
            case .otel, .bodymap: document(record, resource, scope, time: time, stream: target.dataStream)
            }
        guard !bytes.isEmpty else { return false }
        buffer.add(
            action: context.action(target, .logs, attributes: levels, mode: mode).line, target: target.index,
            items: items
        ) { $0 += bytes }
        return true
    }

    /// The mode `otel`.
    private static func document(
        _ record: Record, _ resource: Opentelemetry_Proto_Logs_V1_ResourceLogs,
        _ scope: Opentelemetry_Proto_Logs_V1_ScopeLogs, time: UInt64, stream: DataStreamName?
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("@timestamp", RecordContext.timestamp(time))
        if record.observedTimeUnixNano > 0 {
            json.member("observed_timestamp", RecordContext.timestamp(record.observedTimeUnixNano))
        }
        OTelDocument.dataStream(stream, to: &json)
        if !record.severityText.isEmpty { json.member("severity_text", record.severityText) }
        if record.severityNumber.rawValue > 0 { json.member("severity_number", record.severityNumber.rawValue) }
        if !record.traceID.isEmpty { json.member("trace_id", Hexadecimal.text(record.traceID)) }
        if !record.spanID.isEmpty { json.member("span_id", Hexadecimal.text(record.spanID)) }
        if !record.eventName.isEmpty { json.member("event_name", record.eventName) }
        OTelDocument.attributes(
            record.attributes, flattensMaps: false,
            extra: record.eventName.isEmpty ? [] : [("event.name", record.eventName)], to: &json)
        if record.droppedAttributesCount > 0 { json.member("dropped_attributes_count", record.droppedAttributesCount) }
        OTelDocument.resource(resource.resource, schemaURL: resource.schemaURL, to: &json)
        OTelDocument.scope(scope.scope, schemaURL: scope.schemaURL, to: &json)
        body(record.body, to: &json)
        json.endObject()
        return json.bytes
    }

    private static func body(_ body: OTLPAnyValue, to json: inout JSONWriter) {
        guard let value = body.value else { return }
        json.key("body")
        json.beginObject()
        switch value {
        case .kvlistValue, .arrayValue:
            json.key("structured")
            AttributeJSON.write(body, to: &json)
        default: json.member("text", AttributeText.text(body))
        }
        json.endObject()
    }

    /// The mode `bodymap`: the record's body is the document.
    /// - Returns: False for a body that is no map.
    static func writeBody(
        _ record: Record, _ resource: Opentelemetry_Proto_Logs_V1_ResourceLogs,
        _ scope: Opentelemetry_Proto_Logs_V1_ScopeLogs, _ context: RecordContext, items: ItemRange,
        to buffer: inout BulkBuffer
    ) -> Bool {
        guard case .kvlistValue(let map) = record.body.value else { return false }
        let time: UInt64 = [record.timeUnixNano, record.observedTimeUnixNano].first { $0 > 0 } ?? context.now
        let levels = [record.attributes, scope.scope.attributes, resource.resource.attributes]
        let target = context.router.target(
            .logs, attributes: levels, scope: scope.scope, mode: .bodymap, time: Int64(clamping: time / 1_000_000_000))
        let action = context.action(target, .logs, attributes: levels, mode: .bodymap)
        var json = JSONWriter()
        AttributeJSON.writeMap(map.values, to: &json)
        let bytes = json.bytes
        buffer.add(action: action.line, target: target.index, items: items) { $0 += bytes }
        return true
    }
}

/// Writes spans, and their events as log records.
enum SpanDocuments {
    typealias Span = Opentelemetry_Proto_Trace_V1_Span

    /// The span alone: in the mode `otel`, its events make documents of their own.
    /// - Returns: False for a span that would make too large a document.
    static func write(
        _ span: Span, _ resource: Opentelemetry_Proto_Trace_V1_ResourceSpans,
        _ scope: Opentelemetry_Proto_Trace_V1_ScopeSpans, _ context: RecordContext, mode: MappingMode,
        items: ItemRange, to buffer: inout BulkBuffer
    ) -> Bool {
        let time = span.startTimeUnixNano > 0 ? span.startTimeUnixNano : context.now
        let levels = [span.attributes, scope.scope.attributes, resource.resource.attributes]
        let target = context.router.target(
            .traces, attributes: levels, scope: scope.scope, mode: mode, time: Int64(clamping: time / 1_000_000_000))
        let bytes =
            switch mode {
            case .ecs: ECSDocuments.span(span, resource, scope, time: time, stream: target.dataStream)
            case .none, .raw:
                LegacyDocuments.span(span, resource, scope, time: time, stream: target.dataStream, mode: mode)
            case .otel, .bodymap: document(span, resource, scope, time: time, stream: target.dataStream)
            }
        guard !bytes.isEmpty else { return false }
        buffer.add(
            action: context.action(target, .traces, attributes: levels, mode: mode).line, target: target.index,
            items: items
        ) { $0 += bytes }
        return true
    }

    /// The mode `otel`.
    private static func document(
        _ span: Span, _ resource: Opentelemetry_Proto_Trace_V1_ResourceSpans,
        _ scope: Opentelemetry_Proto_Trace_V1_ScopeSpans, time: UInt64, stream: DataStreamName?
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("@timestamp", RecordContext.timestamp(time))
        OTelDocument.dataStream(stream, to: &json)
        if !span.traceID.isEmpty { json.member("trace_id", Hexadecimal.text(span.traceID)) }
        if !span.spanID.isEmpty { json.member("span_id", Hexadecimal.text(span.spanID)) }
        if !span.traceState.isEmpty { json.member("trace_state", span.traceState) }
        if !span.parentSpanID.isEmpty { json.member("parent_span_id", Hexadecimal.text(span.parentSpanID)) }
        json.member("name", span.name)
        json.member("kind", kind(span.kind))
        // A span that ends before it starts has no duration.
        json.member("duration", span.endTimeUnixNano > time ? span.endTimeUnixNano - time : 0)
        OTelDocument.attributes(span.attributes, flattensMaps: false, to: &json)
        links(span.links, to: &json)
        for (key, count) in [
            ("dropped_attributes_count", span.droppedAttributesCount),
            ("dropped_events_count", span.droppedEventsCount),
            ("dropped_links_count", span.droppedLinksCount),
        ] where count > 0 { json.member(key, count) }
        json.key("status")
        json.beginObject()
        if !span.status.message.isEmpty { json.member("message", span.status.message) }
        json.member("code", status(span.status.code))
        json.endObject()
        OTelDocument.resource(resource.resource, schemaURL: resource.schemaURL, to: &json)
        OTelDocument.scope(scope.scope, schemaURL: scope.schemaURL, to: &json)
        json.endObject()
        return json.bytes
    }

    private static func links(_ links: [Span.Link], to json: inout JSONWriter) {
        json.key("links")
        json.beginArray()
        for link in links {
            json.beginObject()
            json.member("trace_id", Hexadecimal.text(link.traceID))
            json.member("span_id", Hexadecimal.text(link.spanID))
            if !link.traceState.isEmpty { json.member("trace_state", link.traceState) }
            OTelDocument.attributes(link.attributes, flattensMaps: false, to: &json)
            if link.droppedAttributesCount > 0 { json.member("dropped_attributes_count", link.droppedAttributesCount) }
            json.endObject()
        }
        json.endArray()
    }

    /// An event as a log record.
    static func write(
        _ event: Span.Event, of span: Span, _ resource: Opentelemetry_Proto_Trace_V1_ResourceSpans,
        _ scope: Opentelemetry_Proto_Trace_V1_ScopeSpans, _ context: RecordContext, to buffer: inout BulkBuffer
    ) {
        let time = event.timeUnixNano > 0 ? event.timeUnixNano : context.now
        let levels = [event.attributes, scope.scope.attributes, resource.resource.attributes]
        let target = context.router.target(
            .logs, attributes: levels, scope: scope.scope, mode: .otel, time: Int64(clamping: time / 1_000_000_000))
        var json = JSONWriter()
        json.beginObject()
        json.member("@timestamp", RecordContext.timestamp(time))
        OTelDocument.dataStream(target.dataStream, to: &json)
        if !span.traceID.isEmpty { json.member("trace_id", Hexadecimal.text(span.traceID)) }
        if !span.spanID.isEmpty { json.member("span_id", Hexadecimal.text(span.spanID)) }
        if !event.name.isEmpty { json.member("event_name", event.name) }
        OTelDocument.attributes(
            event.attributes, flattensMaps: false, extra: event.name.isEmpty ? [] : [("event.name", event.name)],
            to: &json)
        if event.droppedAttributesCount > 0 { json.member("dropped_attributes_count", event.droppedAttributesCount) }
        OTelDocument.resource(resource.resource, schemaURL: resource.schemaURL, to: &json)
        OTelDocument.scope(scope.scope, schemaURL: scope.schemaURL, to: &json)
        json.endObject()
        let bytes = json.bytes
        let action = BulkAction(index: target.index, requiresDataStream: target.dataStream != nil)
        buffer.add(action: action.line, target: target.index, items: .none) { $0 += bytes }
    }

    private static func kind(_ kind: Span.SpanKind) -> String {
        switch kind {
        case .internal: "Internal"
        case .server: "Server"
        case .client: "Client"
        case .producer: "Producer"
        case .consumer: "Consumer"
        case .unspecified, .UNRECOGNIZED: "Unspecified"
        }
    }

    private static func status(_ code: Opentelemetry_Proto_Trace_V1_Status.StatusCode) -> String {
        switch code {
        case .ok: "Ok"
        case .error: "Error"
        case .unset, .UNRECOGNIZED: "Unset"
        }
    }
}
