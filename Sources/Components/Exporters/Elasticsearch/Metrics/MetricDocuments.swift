/// Writes groups of points as documents of the mapping mode `otel`.
enum MetricDocuments {
    /// - Parameter items: The points that the document stands for.
    static func write(_ group: MetricGroups.Group, items: ItemRange, to buffer: inout BulkBuffer) {
        let action = BulkAction(
            index: group.target.index,
            dynamicTemplates: group.metrics.map { ("metrics.\($0.name)", $0.template) },
            requiresDataStream: group.target.dataStream != nil)
        var json = JSONWriter()
        json.beginObject()
        json.member("@timestamp", group.timeUnixNano / 1_000_000)
        if group.startTimeUnixNano > 0 { json.member("start_timestamp", group.startTimeUnixNano / 1_000_000) }
        if !group.unit.isEmpty { json.member("unit", group.unit) }
        OTelDocument.dataStream(group.target.dataStream, to: &json)
        OTelDocument.attributes(group.attributes, flattensMaps: true, to: &json)
        OTelDocument.resource(group.resource, schemaURL: group.resourceSchemaURL, to: &json)
        OTelDocument.scope(group.scope, schemaURL: group.scopeSchemaURL, to: &json)
        json.key("metrics")
        json.beginObject()
        for metric in group.metrics {
            json.key(metric.name)
            metric.value.write(to: &json)
        }
        json.endObject()
        if group.documentCount > 0 { json.member("_doc_count", group.documentCount) }
        json.member("_metric_names_hash", namesHash(group.names))
        json.endObject()
        let bytes = json.bytes
        buffer.add(action: action.line, target: group.target.index, items: items) { $0 += bytes }
    }

    /// Tells documents apart that have other metrics but the same dimensions.
    static func namesHash(_ names: Set<String>) -> String {
        var joined: [UInt8] = []
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            joined.append(contentsOf: name.utf8)
        }
        return String(XXHash64.hash(joined), radix: 16)
    }
}
