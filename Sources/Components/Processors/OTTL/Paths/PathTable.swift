import OTLP

/// The fields of all contexts by their names behind the context's own.
enum PathTable {
    static func fields(of context: OTTLContext) -> [String: Accessor] {
        switch context {
        case .resource: resource
        case .scope: scope
        case .span: span
        case .spanevent: spanevent
        case .metric: metric
        case .datapoint: datapoint
        case .log: log
        case .profile: profile
        case .profilesample: profilesample
        }
    }

    private static let cache = Accessor.attributes(\.cache)

    private static let resource: [String: Accessor] = [
        "attributes": .attributes(\.resource.attributes),
        "dropped_attributes_count": .unsigned(\.resource.droppedAttributesCount),
        "schema_url": .string(\.resourceSchemaURL),
        "cache": cache,
    ]

    private static let scope: [String: Accessor] = [
        "name": .string(\.scope.name),
        "version": .string(\.scope.version),
        "attributes": .attributes(\.scope.attributes),
        "dropped_attributes_count": .unsigned(\.scope.droppedAttributesCount),
        "schema_url": .string(\.scopeSchemaURL),
        "cache": cache,
    ]

    private static let span: [String: Accessor] = [
        "attributes": .attributes(\.span.attributes),
        "cache": cache,
        "trace_id": .identifier(\.span.traceID, count: 16),
        "trace_id.string": .identifierText(\.span.traceID, count: 16),
        "span_id": .identifier(\.span.spanID, count: 8),
        "span_id.string": .identifierText(\.span.spanID, count: 8),
        "parent_span_id": .identifier(\.span.parentSpanID, count: 8),
        "parent_span_id.string": .identifierText(\.span.parentSpanID, count: 8),
        "trace_state": traceState,
        "name": .string(\.span.name),
        "kind": spanKind,
        "kind.string": spanKindText,
        "flags": .unsigned(\.span.flags),
        "start_time_unix_nano": .unsigned(\.span.startTimeUnixNano),
        "end_time_unix_nano": .unsigned(\.span.endTimeUnixNano),
        "start_time": .time(\.span.startTimeUnixNano),
        "end_time": .time(\.span.endTimeUnixNano),
        "dropped_attributes_count": .unsigned(\.span.droppedAttributesCount),
        "dropped_events_count": .unsigned(\.span.droppedEventsCount),
        "dropped_links_count": .unsigned(\.span.droppedLinksCount),
        "status.code": statusCode,
        "status.message": .string(\.span.status.message),
    ]

    private static let spanevent: [String: Accessor] = [
        "attributes": .attributes(\.event.attributes),
        "cache": cache,
        "name": .string(\.event.name),
        "time_unix_nano": .unsigned(\.event.timeUnixNano),
        "time": .time(\.event.timeUnixNano),
        "dropped_attributes_count": .unsigned(\.event.droppedAttributesCount),
    ]

    private static let log: [String: Accessor] = [
        "attributes": .attributes(\.log.attributes),
        "cache": cache,
        "body": .any(\.log.body),
        "body.string": logBodyText,
        "event_name": .string(\.log.eventName),
        "time_unix_nano": .unsigned(\.log.timeUnixNano),
        "observed_time_unix_nano": .unsigned(\.log.observedTimeUnixNano),
        "time": .time(\.log.timeUnixNano),
        "observed_time": .time(\.log.observedTimeUnixNano),
        "severity_number": severityNumber,
        "severity_text": .string(\.log.severityText),
        "dropped_attributes_count": .unsigned(\.log.droppedAttributesCount),
        "flags": .unsigned(\.log.flags),
        "trace_id": .identifier(\.log.traceID, count: 16),
        "trace_id.string": .identifierText(\.log.traceID, count: 16),
        "span_id": .identifier(\.log.spanID, count: 8),
        "span_id.string": .identifierText(\.log.spanID, count: 8),
    ]

    private static let metric: [String: Accessor] = [
        "name": .string(\.metric.name),
        "description": .string(\.metric.description_p),
        "unit": .string(\.metric.unit),
        "metadata": .attributes(\.metric.metadata),
        "type": metricType,
        "aggregation_temporality": aggregationTemporality,
        "is_monotonic": isMonotonic,
        "cache": cache,
    ]

    private static let datapoint: [String: Accessor] = [
        "attributes": .attributes(\.point.attributes),
        "cache": cache,
        "start_time_unix_nano": .unsigned(\.point.startTimeUnixNano),
        "time_unix_nano": .unsigned(\.point.timeUnixNano),
        "start_time": .time(\.point.startTimeUnixNano),
        "time": .time(\.point.timeUnixNano),
        "flags": .unsigned(\.point.flags),
        "value_double": pointDouble,
        "value_int": pointInteger,
        "count": pointCount,
        "sum": pointSum,
        "min": pointMinimum,
        "max": pointMaximum,
        "explicit_bounds": pointBounds,
        "bucket_counts": pointBuckets,
        "scale": pointScale,
        "zero_count": pointZeroCount,
        "positive.offset": positiveOffset,
        "positive.bucket_counts": positiveBuckets,
        "negative.offset": negativeOffset,
        "negative.bucket_counts": negativeBuckets,
    ]

    private static let profile: [String: Accessor] = [
        "attributes": dictionaryAttributes(\.profile.attributeIndices),
        "attribute_indices": .integers(\.profile.attributeIndices),
        "cache": cache,
        "sample_type.type": dictionaryString(\.profile.sampleType.typeStrindex),
        "sample_type.unit": dictionaryString(\.profile.sampleType.unitStrindex),
        "period_type.type": dictionaryString(\.profile.periodType.typeStrindex),
        "period_type.unit": dictionaryString(\.profile.periodType.unitStrindex),
        "period": .signed(\.profile.period),
        "time_unix_nano": .unsigned(\.profile.timeUnixNano),
        "time": .time(\.profile.timeUnixNano),
        "duration_unix_nano": .unsigned(\.profile.durationNano),
        "duration": .duration(\.profile.durationNano),
        "profile_id": .identifier(\.profile.profileID, count: 16),
        "profile_id.string": .identifierText(\.profile.profileID, count: 16),
        "dropped_attributes_count": .unsigned(\.profile.droppedAttributesCount),
        "original_payload_format": .string(\.profile.originalPayloadFormat),
        "original_payload": .bytes(\.profile.originalPayload),
    ]

    private static let profilesample: [String: Accessor] = [
        "attributes": dictionaryAttributes(\.sample.attributeIndices),
        "attribute_indices": .integers(\.sample.attributeIndices),
        "cache": cache,
        "values": .integers(\.sample.values),
        "timestamps_unix_nano": .integers(\.sample.timestampsUnixNano),
        "timestamps": .integers(\.sample.timestampsUnixNano),
        "link_index": .signed(\.sample.linkIndex),
        "stack_index": .signed(\.sample.stackIndex),
    ]
}
